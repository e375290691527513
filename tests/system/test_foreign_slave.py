"""A Modbus slave that is not ours: Debian's python3-pymodbus serves the generic-ba map on a pair of ptys."""

import asyncio
import subprocess
import threading

import pymodbus.datastore as datastore
import pymodbus.server as server
import pytest

from harness import SLIPS, Process, wait_for

STATUS, FAULTS, FLOOR, LOAD, RUN_HOURS, RIDES, VERSION = 0x40, 0x41, 0x43, 0x44, 0x48, 0x4A, 0x56
NORMAL, CLOSED, DOOR_ZONE = 1, 1 << 6, 1 << 8
DOOR_OPEN_FAULT, BRAKE_FAULT = 1 << 6, 1 << 14


class ForeignLift:
    """A lift that stands at floor 3, played by pymodbus 3.0 (Debian 12) or 3.8 (Debian 13)."""

    def __init__(self, device, unit):
        registers = [0] * 23
        registers[0] = NORMAL | CLOSED | DOOR_ZONE
        registers[FLOOR - STATUS] = 3
        registers[RIDES - STATUS:RIDES - STATUS + 2] = [1, 4464]  # 70,000
        registers[VERSION - STATUS] = 1
        # pymodbus counts registers from 1, the wire from 0
        self.block = datastore.ModbusSequentialDataBlock(STATUS + 1, registers)
        lift = datastore.ModbusSlaveContext(hr=self.block)
        self.context = datastore.ModbusServerContext(slaves={unit: lift}, single=False)
        self.device = device
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def set(self, address, *values):
        self.block.setValues(address + 1, list(values))

    async def _serve(self):
        try:
            from pymodbus.framer.rtu_framer import ModbusRtuFramer as framer
        except ImportError:
            from pymodbus.framer import FramerType
            framer = FramerType.RTU
        await server.StartAsyncSerialServer(context=self.context, framer=framer, port=str(self.device), baudrate=9600,
                                            bytesize=8, parity="N", stopbits=1, ignore_missing_slaves=True)


@pytest.fixture
def foreign_lift(world):
    folder = world.new_folder("pty")
    ends = [folder / "ours", folder / "theirs"]
    world.processes.append(Process("socat", ["socat", *(f"pty,raw,echo=0,link={end}" for end in ends)],
                                   folder / "socat.log"))
    wait_for(lambda: all(end.exists() for end in ends), what="socat's two ptys")
    lift = ForeignLift(ends[1], unit=7)
    lift.thread.start()
    lift.line = ends[0]
    return lift


def test_a_foreign_slave_is_understood(world, foreign_lift):
    broker = world.broker()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, start=False, device=foreign_lift.line, baud=9600)
    gateway.lifts[0]["unit"] = 7
    gateway.settings["gateway"]["counters_interval_s"] = 1
    gateway.start()
    state = operator.wait("state", lambda data: data["link"] == "online").data
    assert (state["service_mode"], state["car"], state["door"]) == ("normal", "stopped", "closed")
    assert (state["floor"], state["floor_label"], state["door_zone"]) == (3, "2", True)
    assert operator.wait("counters", lambda data: data["rides_total"]).data["rides_total"]["value"] == 70000

    foreign_lift.set(FAULTS, DOOR_OPEN_FAULT)
    operator.wait("fault/door_open_fault", lambda data: data["event"] == "raised")
    foreign_lift.set(FAULTS, BRAKE_FAULT)
    operator.wait("fault/brake_fault", lambda data: data["event"] == "raised")
    operator.wait("fault/door_open_fault", lambda data: data["event"] == "cleared")
    foreign_lift.set(RIDES, 1, 4466)
    operator.wait("counters", lambda data: data["rides_total"] and data["rides_total"]["value"] == 70002)
    errors = gateway.status()["buses"][0]["errors"]
    assert sum(errors.values()) <= SLIPS, errors


def test_mbpoll_understands_the_simulator(world):
    simulator = world.simulator(baud=9600)
    simulator.say("unit 1 hold on")
    simulator.say("unit 1 register 0x44 42")
    seen = subprocess.run(["mbpoll", "-m", "rtu", "-b", "9600", "-P", "none", "-a", "1", "-0", "-t", "4", "-r", "64",
                           "-c", "7", "-1", str(simulator.device)], capture_output=True, text=True, timeout=20)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert "[68]: \t42" in seen.stdout
