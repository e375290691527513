#!/usr/bin/python3
"""The loop that everybody writes first: pymodbus reads block after block, and publishes a fault word that changed.

    pymodbus_loop.py DEVICE BAUD UNITS REGISTERS BROKER_PORT
"""

import logging
import sys

import paho.mqtt.client as mqtt

try:
    from pymodbus.client import ModbusSerialClient
except ImportError:
    from pymodbus.client.sync import ModbusSerialClient


def main():
    logging.disable(logging.WARNING)  # it says each time that bytes had to be thrown away
    device, baud, units, registers, port = sys.argv[1], *map(int, sys.argv[2:])
    broker = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2) if hasattr(mqtt, "CallbackAPIVersion") else mqtt.Client()
    broker.connect("127.0.0.1", port)
    broker.loop_start()
    line = ModbusSerialClient(port=device, baudrate=baud, parity="N", stopbits=1, timeout=1)
    line.connect()
    last = {}
    while True:
        for unit in range(1, units + 1):
            try:
                reply = line.read_holding_registers(0, count=registers, slave=unit)
            except Exception:  # whatever the library says: the next unit
                continue
            if not reply.isError() and reply.registers[1] != last.get(unit, reply.registers[1]):
                broker.publish(f"peer/{unit}", reply.registers[1], qos=1)
            if not reply.isError():
                last[unit] = reply.registers[1]


main()
