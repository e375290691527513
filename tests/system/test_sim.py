"""liftgw-sim from outside: its wire, its lifts, its misbehaviours, its commands. Masters: raw frames, pymodbus, mbpoll."""

import os
import signal
import socket
import struct
import subprocess
import time

import pytest
import serial
from pymodbus.client import ModbusSerialClient

from harness import TRIES, Process, wait_for
from harness.lines import LineSocket
from harness.paths import BUILD, CONFIG

HOLDING, INPUT, DISCRETE, COIL = 3, 4, 2, 1
CHARACTER_9600 = 10 / 9600
PATIENCE = 10   # seconds for the first byte of a reply that must come
QUIET = 0.5     # seconds without a byte: no reply comes
SETTLED = 0.03  # seconds without another byte: nothing more comes
IN_PARTS = 0.3  # the same, where a reply comes in more than one part


def crc(frame):
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def sealed(*frame):
    return bytes(frame) + crc(bytes(frame))


def is_whole(frame):
    return len(frame) >= 4 and crc(frame[:-2]) == frame[-2:]


def question(unit, address, count, function=HOLDING):
    return sealed(unit, function, *struct.pack(">HH", address, count))


class Master:
    """A terminal that says bytes and hears bytes."""

    def __init__(self, simulator, baud=None, parity="N", stop_bits=1):
        self.port = serial.Serial(str(simulator.device), baud or simulator.baud, parity=parity, stopbits=stop_bits,
                                  timeout=0)
        self.first = self.last = None

    def hear(self, patience=PATIENCE, settled=SETTLED):
        """All bytes until the line has settled. Remembers when the first and the last came, since the last say."""
        heard, deadline = b"", time.monotonic() + patience
        self.first = self.last = None
        while True:
            late = time.monotonic() > deadline  # as seen before the last look
            more = self.port.read(512)
            if more:
                self.last = time.monotonic() - self.said
                self.first = self.first if heard else self.last
                heard += more
                deadline = time.monotonic() + settled
            elif late:
                return heard
            else:
                time.sleep(0.0001)

    def say(self, frame):
        self.said = time.monotonic()
        self.port.write(frame)

    def ask(self, frame, **patience):
        self.say(frame)
        return self.hear(**patience)

    def soonest(self, frame, tries=8):
        """When the first and the last byte of a good reply come: the least of several times, since a busy machine may
        hold up any of them and makes none come sooner."""
        times = []
        for _ in range(tries):
            if is_whole(self.ask(frame, settled=IN_PARTS)):
                times.append((self.first, self.last))
            else:  # it stood still in the middle
                self.hear(patience=2, settled=IN_PARTS)
        assert times, "no good reply"
        return map(min, zip(*times))

    def read(self, unit, address, count, function=HOLDING):
        """Registers, from a reply that must be right."""
        reply = self.ask(question(unit, address, count, function))
        assert is_whole(reply) and reply[:3] == bytes([unit, function, 2 * count]), reply.hex()
        return list(struct.unpack(f">{count}H", reply[3:-2]))

    def close(self):
        self.port.close()


@pytest.fixture
def one(world):
    """A simulator with two parked lifts and a master."""
    simulator = world.simulator(lifts=2)
    simulator.say("unit * hold on")
    master = Master(simulator)
    yield simulator, master
    master.close()


def number(words):
    return words[0] << 16 | words[1]


# ---- the wire ----


def test_replies_take_their_wire_time(world):
    simulator = world.simulator(baud=9600, arguments=("--turnaround-ms", "5"))
    master = Master(simulator)
    for count in (1, 10, 23):
        expected = 0.005 + CHARACTER_9600 * (8 + 5 + 2 * count)
        times = []
        for _ in range(8):
            assert len(master.ask(question(1, 0x40, count))) == 5 + 2 * count
            assert master.first == master.last, "one write"
            times.append(master.last)
        assert expected - 0.0003 < min(times) < expected + 0.004


def test_bytewise_each_byte_comes_at_its_own_end(world):
    simulator = world.simulator(baud=1200, arguments=("--turnaround-ms", "20", "--bytewise"))
    master = Master(simulator)
    character = 10 / 1200
    first, last = master.soonest(question(1, 0x40, 4))
    assert 9 * character + 0.020 - 0.001 < first < 11 * character + 0.020
    assert 21 * character + 0.020 - 0.001 < last < 21 * character + 0.020 + 0.02


def test_parity_makes_a_character_longer(world):
    simulator = world.simulator(baud=1200, arguments=("--turnaround-ms", "0", "--parity", "even", "--stop-bits", "2"))
    master = Master(simulator, parity="E", stop_bits=2)
    _, last = master.soonest(question(1, 0x40, 1), tries=5)
    assert 15 * 12 / 1200 - 0.001 < last < 15 * 12 / 1200 + 0.013


def test_speed_divides_every_time(world):
    simulator = world.simulator(baud=1200, arguments=("--turnaround-ms", "100", "--speed", "10"))
    master = Master(simulator)
    _, last = master.soonest(question(1, 0x40, 23), tries=5)
    expected = (0.1 + (8 + 51) * 10 / 1200) / 10
    assert expected - 0.001 < last < expected + 0.02
    before, begin = simulator.registers(1, 0x47)[0], simulator.time
    time.sleep(0.5)
    seconds = simulator.registers(1, 0x47)[0] - before
    assert abs(seconds - 10 * (simulator.time - begin)) <= 2, "the lift's seconds too"


@pytest.mark.parametrize("wrong", ({"baud": 19200}, {"parity": "O"}, {"stop_bits": 2}))
def test_other_line_settings_get_garbage(world, wrong):
    simulator = world.simulator(baud=9600)
    master = Master(simulator, **wrong)
    for count in (1, 7):
        heard = master.ask(question(1, 0x40, count))
        assert len(heard) == 5 + 2 * count and not is_whole(heard)
    stats = simulator.stats()
    assert (stats["requests"], stats["replies"], stats["bad_crc"]) == (0, 0, 2)
    master.close()
    assert Master(simulator).read(1, 0x56, 1) == [1]


def test_odd_parity_is_told_from_none(world):
    simulator = world.simulator(arguments=("--parity", "odd"))
    assert not is_whole(Master(simulator).ask(question(1, 0x40, 1)))
    assert Master(simulator, parity="O").read(1, 0x56, 1) == [1]


def test_counts_of_what_a_master_did(one):
    simulator, master = one
    master.read(1, 0x40, 7)
    assert simulator.stats() == {"requests": 1, "replies": 1, "short_silence": 0, "bad_crc": 0, "writes": 0}
    master.ask(question(1, 0x40, 1) + question(1, 0x41, 1), patience=QUIET)  # no silence between them
    assert simulator.stats()["short_silence"] == 1
    assert master.ask(question(1, 0x40, 1)[:-1] + b"\0", patience=QUIET) == b""
    assert master.ask(b"\1\3\0", patience=QUIET) == b""
    wait_for(lambda: simulator.stats()["bad_crc"] == 2, what="both to be counted")
    assert master.ask(question(77, 0x40, 1), patience=QUIET) == b"", "nobody there"
    wait_for(lambda: simulator.stats()["requests"] == 4, what="four requests")
    assert simulator.stats()["replies"] == 3


def test_a_master_that_does_not_wait_is_counted(world):
    simulator = world.simulator(baud=1200)  # 3.5 characters are 29 ms
    master = Master(simulator)

    def counted(pause):
        before = simulator.stats()["short_silence"]
        master.say(question(1, 0x40, 1))
        while not master.port.read(64):
            time.sleep(0.0005)
        time.sleep(pause)
        master.ask(question(1, 0x40, 1))
        time.sleep(0.04)
        return simulator.stats()["short_silence"] - before

    for _ in range(2):
        assert counted(pause=0.04) == 0
        assert 1 in (counted(pause=0.0) for _ in range(5))  # on a busy machine not each is soon enough


def test_writes_are_counted_refused_and_never_obeyed(one):
    simulator, master = one
    before = simulator.registers(1, 0x40, 23)
    for frame in (sealed(1, 5, 0, 0, 0xFF, 0), sealed(1, 6, 0, 0x40, 0, 7), sealed(1, 15, 0, 0, 0, 8, 1, 0xFF),
                  sealed(1, 16, 0, 0x40, 0, 1, 2, 0, 7), sealed(1, 22, 0, 0x40, 0, 0, 0, 1),
                  sealed(1, 23, 0, 0x40, 0, 1, 0, 0x40, 0, 1, 2, 0, 7), sealed(1, 43, 14, 1, 0), sealed(1, 0x65, 1)):
        assert master.ask(frame) == sealed(1, frame[1] | 0x80, 1)
    assert master.ask(sealed(0, 6, 0, 0x40, 0, 7), patience=QUIET) == b"", "broadcast"
    assert simulator.stats()["writes"] == 9
    assert simulator.registers(1, 0x40, 23) == before


def test_what_is_not_served_is_refused(one):
    _simulator, master = one
    for address, count, exception in ((0x3F, 1, 2), (0x56, 2, 2), (0x57, 1, 2), (0xFFFF, 1, 2), (0x40, 24, 3),
                                      (0x40, 0, 3), (0x40, 126, 3)):
        assert master.ask(question(1, address, count)) == sealed(1, 0x83, exception)
    for function in (COIL, DISCRETE, INPUT):
        assert master.ask(question(1, 0x40, 1, function)) == sealed(1, function | 0x80, 1)


def test_pymodbus_and_mbpoll_read_it(world):
    simulator = world.simulator(baud=19200)
    simulator.say("unit 1 hold on")
    client = ModbusSerialClient(port=str(simulator.device), baudrate=19200, timeout=PATIENCE)
    assert client.connect()
    assert client.read_holding_registers(0x40, count=23, slave=1).registers == simulator.registers(1, 0x40, 23)
    assert client.read_holding_registers(0x60, count=1, slave=1).exception_code == 2
    client.close()
    shown = subprocess.run(["mbpoll", "-m", "rtu", "-a", "1", "-b", "19200", "-P", "none", "-t", "4", "-0", "-r", "86",
                            "-o", "10", "-1", str(simulator.device)], capture_output=True, text=True, timeout=30,
                           check=True)
    assert "[86]: \t1" in shown.stdout


# ---- the registers and the lifts ----


def test_generic_ba_as_it_is_laid_out(one):
    simulator, master = one
    words = master.read(1, 0x40, 23)
    assert words == simulator.registers(1, 0x40, 23)
    assert words[0] & 7 == 1, "normal"
    assert words[0] >> 3 & 7 == 0, "stopped, no direction"
    assert words[0] >> 6 & 3 == 1, "closed, not open"
    assert words[0] >> 8 == 0b00011, "in the zone; occupancy known, nobody in; no overload, no alarm"
    assert words[1:3] == [0, 0] and words[6] == 0, "no fault"
    assert 1 <= words[3] <= 7 and words[4:6] == [0, 0]
    assert number(words[8:]) and number(words[10:]) and number(words[12:]) and number(words[14:])
    assert words[0x10:] == [0, 0, 0, 0, 0, 0, 1]


FAULTS = ("safety_circuit_open door_close_fault stop_outside_zone unintended_car_movement run_time_limit position_lost "
          "door_open_fault restart_prevented entrapment overrun_top overrun_bottom overspeed door_lock_open "
          "door_lock_fault brake_fault power_supply_fault drive_fault encoder_fault drive_overtemp motor_overtemp "
          "shaft_sensor_fault relevel_fault controller_supply_fault controller_fault internal_comm_fault "
          "call_button_stuck load_measurement_fault self_test_failure").split()


def test_every_fault_has_its_bit(one):
    simulator, _master = one
    for bit, fault in enumerate(FAULTS):
        simulator.fault(1, fault)
        low, high = simulator.registers(1, 0x41, 2)
        assert high << 16 | low == 1 << bit, fault
        simulator.fault(1, fault, False)
    for fault in FAULTS:
        simulator.fault(1, fault)
    assert simulator.registers(1, 0x41, 2) == [0xFFFF, 0x0FFF]
    assert simulator.registers(2, 0x41, 2) == [0, 0], "the other lift's are its own"


def test_every_mode_has_its_number(one):
    simulator, _master = one
    for value, mode in enumerate("out_of_service normal inspection fire_return firefighter emergency_power earthquake "
                                 "unknown".split()):
        simulator.say(f"unit 1 mode {mode}")
        assert simulator.registers(1, 0x40)[0] & 7 == value


def test_codes(one):
    simulator, _master = one
    for line, shown in (("code 17", 17), ("code 65535", 65535), ("code 17", 17), ("code 0", 0), ("code 9", 9),
                        ("fault other off", 0), ("fault other on", 999), ("fault other off", 0)):
        simulator.say(f"unit 1 {line}")
        assert simulator.registers(1, 0x46) == [shown], line


def test_somebody_is_trapped_and_set_free(world):
    simulator = world.simulator(arguments=("--speed", "20"))
    simulator.say("unit 1 trapped")
    word, faults = simulator.registers(1, 0x40, 2)
    assert (word >> 3 & 1, word >> 6 & 1, word >> 8 & 1, word >> 9 & 3) == (0, 1, 0, 3)
    assert faults == 0, "the controller does not know"
    time.sleep(1)
    assert simulator.registers(1, 0x40)[0] == word, "and nobody gets out by himself"
    simulator.say("unit 1 trapped off")
    wait_for(lambda: simulator.registers(1, 0x40)[0] >> 7 & 1, what="an open door")
    assert simulator.registers(1, 0x40)[0] >> 8 & 1, "at a floor"
    assert simulator.registers(1, 0x40)[0] >> 10 & 1 == 0, "empty"


def test_it_rides_and_counts(world):
    simulator = world.simulator(arguments=("--speed", "60"))
    before = simulator.registers(1, 0x48, 8)
    wanted = {("running", 0), ("running", 1), ("door", 0), ("door", 1), ("door", 2), ("direction", 1), ("direction", 2),
              ("load", True), ("zone", 0), ("zone", 1)}
    seen = set()
    begin = time.monotonic()
    while time.monotonic() < begin + 3 or not wanted <= seen and time.monotonic() < begin + 30:
        word, _, _, floor, load, speed = simulator.registers(1, 0x40, 6)
        running, direction = word >> 3 & 1, word >> 4 & 3
        assert 1 <= floor <= 7 and load <= 120
        assert (direction != 0) == bool(running) and direction != 3
        assert running or speed == 0
        assert not running or word >> 6 & 1, "never with an open door"
        assert bool(load) == bool(word >> 10 & 1)
        assert word >> 7 & 1 == 0 or word >> 8 & 1, "an open door only at a floor"
        seen |= {("floor", floor), ("running", running), ("door", word >> 6 & 3), ("direction", direction),
                 ("load", load > 0), ("zone", word >> 8 & 1)}
        time.sleep(0.002)
    assert wanted <= seen
    assert len([name for name, _ in seen if name == "floor"]) > 3
    after = simulator.registers(1, 0x48, 8)
    for place, least in ((2, 3), (4, 9), (6, 3)):  # rides, metres, doors
        assert number(after[place:]) - number(before[place:]) >= least


def test_the_same_seed_is_the_same_lift(world):
    first, again = world.simulator(), world.simulator()
    other = world.simulator(arguments=("--seed", "7"))
    for simulator in (first, again, other):
        simulator.say("unit 1 hold on")
    assert first.registers(1, 0x48, 8) == again.registers(1, 0x48, 8) != other.registers(1, 0x48, 8)


def test_rides_and_counter(one):
    simulator, _master = one
    before = number(simulator.registers(1, 0x4A, 2))
    simulator.say("unit 1 ride 3")
    simulator.say("unit 1 ride")
    assert number(simulator.registers(1, 0x4A, 2)) == before + 4
    simulator.say("unit 1 counter 4294967294")
    assert simulator.registers(1, 0x4A, 2) == [0xFFFF, 0xFFFE]
    simulator.say("unit 1 ride 3")
    assert simulator.registers(1, 0x4A, 2) == [0, 1], "it starts again at 0"


def takes_call(simulator, floor):
    return simulator.control.ask(f"unit 1 call {floor}").startswith("ok ")


def test_a_call_brings_the_car(world):
    simulator = world.simulator(arguments=("--speed", "50"))
    simulator.say("unit 1 mode firefighter")  # no passengers of their own

    def has_come(floor):
        word, _, _, at = simulator.registers(1, 0x40, 4)
        if at == floor and word >> 6 & 1:
            takes_call(simulator, floor)  # its door may have opened and closed unseen
        return at == floor and word >> 7 & 1

    for floor in (7, 1):
        wait_for(lambda: takes_call(simulator, floor), what="a car that takes a call")
        wait_for(lambda: has_come(floor), what=f"an open door at floor {floor}")


def test_faults_that_stop_it_and_let_it_go(world):
    simulator = world.simulator(arguments=("--speed", "20"))
    simulator.say("unit 1 mode firefighter")

    def goes_on_with(fault):
        simulator.fault(1, fault, False)
        go_up(simulator, 3)
        simulator.fault(1, fault)
        return simulator.registers(1, 0x40)[0] >> 3 & 1

    # A machine that is slow finds it at the top.
    assert any(goes_on_with("internal_comm_fault") for _ in range(TRIES)), "that one does not stop it"
    for _ in range(TRIES):
        simulator.fault(1, "brake_fault", False)
        go_up(simulator, 3)
        simulator.fault(1, "brake_fault")
        word, _, _, floor, _, speed = simulator.registers(1, 0x40, 6)
        if floor < 7:
            break
    assert floor < 7
    assert word >> 3 & 1 == 0 and speed == 0, "at once"
    time.sleep(0.3)
    assert simulator.registers(1, 0x43) == [floor]
    simulator.fault(1, "brake_fault", False)
    wait_for(lambda: simulator.registers(1, 0x43) == [7], what="floor 7")


def go_up(simulator, floor):
    """From floor 1 on the way to 7: it has reached that floor."""
    wait_for(lambda: takes_call(simulator, 1), what="a car that takes a call")
    wait_for(lambda: simulator.registers(1, 0x43) == [1] and simulator.registers(1, 0x40)[0] >> 6 & 1,
             what="closed doors at floor 1")
    wait_for(lambda: takes_call(simulator, 7), what="a car that takes a call")
    wait_for(lambda: simulator.registers(1, 0x43)[0] >= floor, what="a car on its way")


def test_a_major_fault_ends_the_ride_at_the_next_floor(world):
    simulator = world.simulator(arguments=("--speed", "20"))
    simulator.say("unit 1 mode firefighter")
    for _ in range(TRIES):
        simulator.fault(1, "drive_overtemp", False)
        go_up(simulator, 2)
        simulator.fault(1, "drive_overtemp")
        floor = simulator.registers(1, 0x43)[0]
        wait_for(lambda: simulator.registers(1, 0x40)[0] >> 7 & 1, what="an open door")
        if floor < 5:  # else a slow machine has found it near the top
            break
    assert floor <= simulator.registers(1, 0x43)[0] <= floor + 2 < 7


def test_hold_and_registers_of_ones_own(one):
    simulator, _master = one
    before = simulator.registers(1, 0x40, 23)
    time.sleep(1.2)
    assert simulator.registers(1, 0x40, 23) == before
    simulator.say("unit 1 hold off")
    wait_for(lambda: simulator.registers(1, 0x47) != before[7:8], what="a heartbeat")
    simulator.say("unit 1 register 0x50 4711")
    simulator.say("unit 1 register 81 0x10")
    assert simulator.registers(1, 0x50, 3) == [4711, 16, 0]
    simulator.say("unit 1 ok")
    assert simulator.registers(1, 0x50, 3) == [0, 0, 0]


def test_dry_contacts_are_packed_bits(world):
    simulator = world.simulator(units=("10=dio-8", "3=generic-ba"))
    simulator.say("unit * hold on")
    master = Master(simulator)

    def inputs():
        reply = master.ask(question(10, 0, 8, DISCRETE))
        assert is_whole(reply) and reply[:3] == bytes([10, DISCRETE, 1])
        return reply[3]

    # mains, inspection, alarm, up, running, zone, door closed, chain
    assert inputs() == 0b10000111
    assert master.ask(question(10, 1, 2, DISCRETE)) == sealed(10, DISCRETE, 1, 0b11)
    assert master.ask(question(10, 1, 8, DISCRETE)) == sealed(10, 0x82, 2)
    simulator.say("unit 10 mode inspection")
    assert inputs() == 0b10100111
    simulator.say("unit 10 mode normal")
    simulator.fault(10, "safety_circuit_open")
    assert inputs() == 0b10000110
    simulator.fault(10, "safety_circuit_open", False)
    simulator.fault(10, "power_supply_fault")
    assert inputs() == 0, "the contacts have no supply"
    simulator.fault(10, "power_supply_fault", False)
    simulator.say("unit 10 trapped")
    assert inputs() == 0b10000011
    assert simulator.control.ask("unit 10 fault brake_fault on") == "error dio-8 has no fault brake_fault"
    assert simulator.control.ask("unit 10 mode earthquake") == "error dio-8 has no mode earthquake"
    assert simulator.control.ask("unit 10 counter 5") == "error dio-8 has no ride counter"
    assert simulator.control.ask("unit * mode earthquake").startswith("error")
    assert simulator.registers(3, 0x40)[0] & 7 == 1, "none of them, then"
    assert master.read(3, 0x56, 1) == [1]


def test_without_a_counter_rides_are_made(world):
    simulator = world.simulator(units=("1=dio-8",), arguments=("--speed", "50"))

    def starts_seen():
        simulator.say("unit 1 ride 3")
        starts, was = 0, 0
        deadline = time.monotonic() + 3
        while starts < 3 and time.monotonic() < deadline:
            running = simulator.registers(1, 3)[0]
            starts += running and not was
            was = running
        return starts

    assert any(starts_seen() >= 3 for _ in range(TRIES))


def test_several_units_show_one_lift(world):
    """Each verb about the lift is done by the unit that it is told to, else by another one of the same lift."""
    simulator = world.simulator(units=("1=invertek-elevator-core@10", "10=dio-8", "3=emerson-ev3200-door@10",
                                       "5=generic-ba"), arguments=("--speed", "50"))
    wait_for(lambda: "2 lifts on" in simulator.process.log, what="the first line")
    simulator.say("unit 1 hold on")
    was = simulator.registers(10, 0, 8)
    simulator.say("unit 1 mode inspection")
    assert simulator.registers(10, 5) == [1]
    simulator.say("unit * mode normal")
    simulator.say("unit 3 fault safety_circuit_open on")
    assert simulator.registers(10, 0) == [0]
    simulator.say("unit 1 fault safety_circuit_open off")
    assert simulator.registers(10, 0, 8) == was
    simulator.say("unit 10 fault drive_fault on")
    assert simulator.registers(1, 255) == [2]
    simulator.say("unit * fault drive_fault off")
    assert simulator.registers(1, 255) == [0]
    simulator.say("unit 10 counter 65536")
    assert simulator.registers(1, 1006, 2) == [1, 0]
    assert simulator.control.ask("unit 1 mode earthquake") == "error invertek-elevator-core has no mode earthquake"
    assert simulator.control.ask("unit 1 fault brake_fault on").startswith("error invertek-elevator-core has no fault")

    simulator.say("unit 1 silent")
    assert Master(simulator).ask(question(1, 255, 1), patience=0.1) == b"", "how a unit answers is its own"
    assert simulator.registers(10, 0, 8) == was
    simulator.say("unit 1 ok")
    simulator.say("unit 1 call 3")
    simulator.say("unit 1 hold off")
    wait_for(lambda: simulator.registers(10, 3) == [1] and simulator.registers(1, 255) == [1], what="a ride of both")
    wait_for(lambda: simulator.registers(10, 1) == [0] and simulator.registers(3, 0x3300)[0] & 1, what="the door open")


def test_a_restraint_of_one_unit_holds_the_lift_of_all(world):
    simulator = world.simulator(units=("10=dio-8", "1=invertek-elevator-core@10"), arguments=("--speed", "50"))
    simulator.fault(1, "drive_fault")
    wait_for(lambda: simulator.registers(10, 3) == [0], what="it stands")
    simulator.fault(10, "safety_circuit_open")
    simulator.fault(10, "safety_circuit_open", False)
    simulator.say("unit 10 call 2")
    simulator.say("unit 10 call 7")
    for _ in range(20):
        assert simulator.registers(10, 3) == [0], "the drive has tripped"
        time.sleep(0.01)
    simulator.fault(10, "drive_fault", False)
    wait_for(lambda: simulator.registers(10, 3) == [1], what="it goes on")


def test_a_mode_that_stands_in_the_code_register(world):
    simulator = world.simulator(profile="monarch-nice3000plus")
    simulator.say("unit 1 hold on")
    simulator.say("unit 1 mode earthquake")
    assert simulator.registers(1, 0x8000) == [26]
    simulator.say("unit 1 code 41")
    assert simulator.registers(1, 0x8000) == [41], "one register: the fault covers it"
    simulator.say("unit 1 code 0")
    assert simulator.registers(1, 0x8000) == [26]
    simulator.say("unit 1 mode normal")
    assert simulator.registers(1, 0x8000) == [0]


def test_every_profile_is_served(world):
    for path in sorted((CONFIG / "profiles").glob("*.cfg")):
        simulator = world.simulator(profile=path.stem)
        wait_for(lambda: "1 lift on" in simulator.process.log, what="the first line")
        simulator.stop()


# ---- another map: a search that has to find shared bits, and the monarch dialect ----

OTHER = """
name = "other"; title = "Test"; source = "test"; verified = false;
line: { baud = 9600; parity = "none"; stop_bits = 1; unit = 1; };
dialect = "monarch"; table = "holding"; max_registers = 10;
values = (
  { item = "service_mode"; address = 0x101D; bits = [4, 7];
    map = { inspection = [0, 1, 2]; fire_return = 3; firefighter = 4; normal = [6, 7, 9]; out_of_service = 8;
            keep = 5; }; },
  { item = "_quake"; address = 0x101E; bit = 0; },
  { item = "car"; address = 0x101D; bits = [8, 11]; map = { stopped = [0, 1, 2, 3, 4]; running = [5, 6]; }; },
  { item = "door"; address = 0x101D; bits = [8, 11];
    map = { opening = 1; open = 2; closing = 3; closed = [4, 5, 6]; }; else = "keep"; },
  { item = "floor"; address = 0x1018; },
  { item = "load_percent"; address = 0x101A; scale = 0.1; },
  { item = "speed_mm_s"; address = 0x1010; },
  { item = "rides_total"; address = 0xF90B; type = "decimal10000"; lane = "slow"; }
);
rules = ( { item = "service_mode"; from = ["_quake"]; map = { earthquake = "1"; }; else = "keep"; } );
faults = (
  { address = 0x8000; none = [0]; code_format = "E%02d"; no_stop = [22]; codes = (
      (41, "safety_circuit_open", "安全回路断开", "Safety circuit broken"), (33, "overspeed", "超速", "Overspeed"),
      (22, "shaft_sensor_fault", "平层信号异常", "Levelling signal"), (26, "-", "地震", "Earthquake signal") ); }
);
"""


@pytest.fixture
def other(world, tmp_path):
    (tmp_path / "other.cfg").write_text(OTHER)
    simulator = world.simulator(profile="other", arguments=("--profile-dir", tmp_path))
    simulator.say("unit 1 hold on")
    return simulator


def test_words_are_found_where_items_share_bits(other):
    for mode, right in (("normal", (6, 7, 9)), ("fire_return", (3,)), ("out_of_service", (8,)), ("firefighter", (4,)),
                        ("inspection", (0, 1, 2))):
        other.say(f"unit 1 mode {mode}")
        status, quake = other.registers(1, 0x101D, 2)
        assert status >> 4 & 15 in right and quake == 0
        assert status >> 8 == 4, "stopped with its doors closed"
    other.say("unit 1 mode earthquake")
    assert other.registers(1, 0x101E) == [1]
    assert other.control.ask("unit 1 mode emergency_power") == "error other has no mode emergency_power"


def test_codes_of_a_profile(other):
    for line, code in (("fault safety_circuit_open on", 41), ("fault overspeed on", 33),
                       ("fault overspeed off", 41), ("code 26", 26), ("code 33", 33), ("code 26", 26),
                       ("fault safety_circuit_open off", 26), ("code 0", 0), ("fault other on", 999)):
        other.say(f"unit 1 {line}")
        assert other.registers(1, 0x8000) == [code], line
    assert other.control.ask("unit 1 fault brake_fault on").startswith("error ")


def test_decimal_counters_and_holes(other):
    other.say("unit 1 counter 99999999")
    assert other.registers(1, 0xF90B, 2) == [9999, 9999]
    other.say("unit 1 ride 2")
    assert other.registers(1, 0xF90B, 2) == [0, 1]
    assert other.registers(1, 0x2000, 3) == [0, 0, 0]
    assert other.control.ask("get unit 1 0x1000").startswith("error ")


def test_the_monarch_dialect(other):
    master = Master(other)
    reply = master.ask(question(1, 0x101A, 4))
    assert is_whole(reply) and reply[:4] == bytes([1, 3, 0, 8]) and len(reply) == 14
    for frame in (question(1, 0x1000, 1), question(1, 0x101A, 11), question(1, 0x101A, 1, INPUT)):
        assert master.ask(frame) == sealed(1, 0x80, 1, 0, 0x0E)


# ---- misbehaviours ----


def good(simulator):
    return sealed(1, HOLDING, 4, *b"".join(struct.pack(">H", word) for word in simulator.registers(1, 0x4A, 2)))


ASK = question(1, 0x4A, 2)


def is_cut(heard, right):
    return 0 < len(heard) < len(right) and right.startswith(heard)


def has_more(heard, right):
    return len(right) < len(heard) <= len(right) + 5 and heard.startswith(right)


@pytest.mark.parametrize("verb, expected", (
    ("silent", lambda heard, right: heard == b""),
    ("crc", lambda heard, right: heard[:-2] == right[:-2] and len(heard) == len(right) and not is_whole(heard)),
    ("wrong-unit", lambda heard, right: heard == sealed(2, *right[1:-2])),
    ("wrong-function", lambda heard, right: heard == sealed(1, INPUT, *right[2:-2])),
    ("truncate", is_cut),
    ("trailing", has_more),
    ("twice", lambda heard, right: heard == right + right),
    ("echo", lambda heard, right: heard == ASK + right),
    ("exception 6", lambda heard, right: heard == sealed(1, 0x83, 6)),
    ("exception 0x20 100%", lambda heard, right: heard == sealed(1, 0x83, 0x20)),
))
def test_a_misbehaviour(one, verb, expected):
    simulator, master = one
    right = good(simulator)
    simulator.say(f"unit 1 {verb}")
    patience = dict(patience=QUIET) if verb == "silent" else dict(settled=IN_PARTS)
    for _ in range(3):
        heard = master.ask(ASK, **patience)
        assert expected(heard, right), heard.hex()
    assert master.read(2, 0x56, 1) == [1], "the other lift behaves"
    simulator.say("unit 1 ok")
    assert master.ask(ASK) == right


def test_percentages_are_kept(one):
    simulator, master = one
    right = good(simulator)
    simulator.say("unit 1 crc 30%")
    wrong = sum(master.ask(ASK, settled=0.004) != right for _ in range(60))
    assert 6 <= wrong <= 32
    simulator.say("unit 1 crc 0%")
    assert all(master.ask(ASK) == right for _ in range(5))
    simulator.say("unit 1 exception 4 50%")
    heard = {master.ask(ASK, settled=0.004) for _ in range(30)}
    assert heard == {right, sealed(1, 0x83, 4)}


def test_late_and_drip(one):
    simulator, master = one
    right = good(simulator)
    simulator.say("unit 1 late 150ms")
    assert master.ask(ASK) == right
    first, _ = master.soonest(ASK, TRIES)
    assert 0.150 < first < 0.250
    simulator.say("unit 1 late 0ms")
    simulator.say("unit 1 drip 20ms")
    first, last = master.soonest(ASK, TRIES)
    assert first < 0.1 and 8 * 0.020 < last < 8 * 0.020 + 0.1
    simulator.say("unit 1 ok")
    assert master.ask(ASK) == right
    _, last = master.soonest(ASK, TRIES)
    assert last < 0.05


def test_a_late_answer_comes_while_others_are_asked(one):
    simulator, master = one
    simulator.say("unit 1 late 500ms")
    right = good(simulator)
    other = question(2, 0x56, 1)
    for _ in range(TRIES):  # a slow machine may ask too late
        heard = [master.ask(ASK, patience=0.02), master.ask(other), master.hear(settled=IN_PARTS)]
        if heard[1] != right:
            break
    assert heard == [b"", sealed(2, HOLDING, 2, 0, 1), right]


def test_noise_comes_before_replies(one):
    simulator, master = one
    right = good(simulator)
    simulator.say("noise 100%")
    for _ in range(3):
        heard = master.ask(ASK, settled=IN_PARTS)
        assert len(heard) > len(right) and heard.endswith(right)
    assert 1 <= len(master.ask(question(99, 0x40, 1), settled=IN_PARTS)) <= 4, "also where nobody answers"
    simulator.say("noise 0%")
    assert master.ask(ASK) == right


def test_babble_drowns_everything(world):
    simulator = world.simulator(baud=9600)
    master = Master(simulator)
    simulator.say("babble on")
    wait_for(lambda: master.port.read(512), what="the first of it")

    def characters_per_s():
        master.port.reset_input_buffer()
        started, heard = time.monotonic(), 0
        while time.monotonic() - started < 0.5:
            heard += len(master.port.read(512))
            time.sleep(0.01)
        return heard / (time.monotonic() - started)

    assert any(600 < characters_per_s() < 1200 for _ in range(TRIES)), "as fast as the wire: 960"
    simulator.say("babble off")
    master.said = time.monotonic()
    master.hear(patience=QUIET, settled=IN_PARTS)
    assert master.read(1, 0x56, 1) == [1]


# ---- the adapter ----


def test_unplug_and_plug(one):
    simulator, master = one
    simulator.say("unplug")
    assert not os.path.lexists(simulator.device)
    with pytest.raises((serial.SerialException, OSError)):
        for _ in range(10):
            master.port.read(1)
            master.port.write(b"x")
    assert simulator.stats()["requests"] == 0, "it goes on without it"
    simulator.fault(1, "brake_fault")
    simulator.say("plug")
    again = Master(simulator)
    assert again.read(1, 0x41, 1) == [1 << 14]
    again.close()
    for _ in range(5):
        simulator.say("unplug")
        simulator.say("plug")
    assert Master(simulator).read(1, 0x56, 1) == [1]


def test_nothing_is_left_for_the_next_master(one):
    simulator, master = one
    simulator.say("unit 1 late 60ms")
    master.say(ASK)
    master.close()
    time.sleep(0.15)
    simulator.stats()  # by now it has seen that there is no master
    late = Master(simulator)
    late.said = time.monotonic()
    assert late.hear(patience=0.05) == b""
    simulator.say("unit 1 ok")
    assert late.read(1, 0x56, 1) == [1]
    late.close()


def test_exclusive_use_ends_with_the_one_who_wanted_it(one):
    """A master of another user than root; as root the system lets everybody in."""
    simulator, _master = one
    _master.close()
    os.chmod(simulator.device, 0o666)
    script = ("import fcntl, os, sys, termios\n"
              "if os.getuid() == 0: os.setuid(65534)\n"
              "terminal = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\n"
              "fcntl.ioctl(terminal, termios.TIOCEXCL)\n")
    for _ in range(2):
        device = os.path.realpath(simulator.device)
        subprocess.run(["/usr/bin/python3", "-c", script, device], check=True, timeout=30)
        simulator.stats()


def test_every_master_can_set_parity(world):
    simulator = world.simulator(baud=19200, arguments=("--parity", "even"))
    for _ in range(2):  # the second would have nothing to change, had the terminal not got its settings back
        master = Master(simulator, parity="E")
        assert master.read(1, 0x56, 1) == [1]
        master.close()
        simulator.stats()


def test_the_link_is_put_up_and_taken_down(world, tmp_path):
    simulator = world.simulator()
    assert os.path.islink(simulator.device) and os.path.realpath(simulator.device).startswith("/dev/pts/")
    link, control = simulator.device, simulator.control_path
    for number in (signal.SIGTERM, signal.SIGINT):
        simulator.process.signal(number)
        assert simulator.process.wait() == 0
        assert not os.path.lexists(link) and not os.path.lexists(control)
        os.symlink("/dev/pts/nothing", link)  # what a killed one left behind
        simulator.start()
    simulator.process.kill()
    assert os.path.lexists(link) and os.path.lexists(control)
    simulator.start()
    assert Master(simulator).read(1, 0x56, 1) == [1]
    simulator.say("quit")
    assert simulator.process.wait() == 0


# ---- commands ----


def test_every_line_has_its_answer(one):
    simulator, _master = one
    for line in ("unit 1 fault other on", "unit 1 fault other off", "unit * trapped", "unit * trapped off",
                 "unit 1 mode normal", "unit 1 call 3", "unit 2 ride", "unit 2 ride 10", "unit 1 counter 0",
                 "unit 1 register 0x40 0xFFFF", "unit 1 hold off", "unit 247 ok", "unit 1 silent", "unit 1 crc",
                 "unit 1 crc 5%", "unit 1 late 20ms", "unit 1 wrong-unit 1%", "unit 1 wrong-function 1%",
                 "unit 1 truncate 1%", "unit 1 trailing 1%", "unit 1 twice 1%", "unit 1 drip 1ms", "unit 1 echo",
                 "unit 1 exception 2", "unit 1 exception 2 7%", "unit * ok", "noise 1%", "noise 0%", "babble on",
                 "babble off", "stats", "get unit 1 64", "get unit 1 0x40:23", "  unit 1   ok  # with a remark"):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        answer = simulator.control.ask(line)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if "247" in line:
            assert answer == "error there is no such unit"
            continue
        word, at, *_ = answer.split(" ")
        assert word == "ok" and len(at.split(".")[1]) == 9, answer
        assert before <= int(at.replace(".", "")) <= after


WRONG_LINES = (
    "foo", "unit", "unit 1", "unit 0 ok", "unit 248 ok", "unit x ok", "unit 1 foo", "unit 1 ok now", "unit 1 fault",
    "unit 1 fault foo on", "unit 1 fault brake_fault", "unit 1 fault brake_fault maybe", "unit 1 code", "unit 1 code -1",
    "unit 1 code 65536", "unit 1 mode", "unit 1 mode happy", "unit 1 call", "unit 1 call 0", "unit 1 call 8",
    "unit 1 ride 0", "unit 1 ride x", "unit 1 counter 4294967296", "unit 1 register 0x40", "unit 1 register 0x3F 1",
    "unit 1 register 0x40 65536", "unit 1 hold", "unit 1 crc 101%", "unit 1 crc 20", "unit 1 crc -1%", "unit 1 late",
    "unit 1 late 20", "unit 1 late 0x2ms", "unit 1 exception", "unit 1 exception 256", "unit 1 exception 2 7",
    "unit 1 trapped on", "noise 300%", "babble", "stats now", "get", "get unit *  64", "get unit 1",
    "get unit 1 0x3F", "get unit 1 0x40:24", "get unit 1 0x40:0", "get unit 1 0x40:126", "at ok", "at -1 stats",
    "at 1e3 stats", "a b c d e f g h i j k", "unit 1 fault \u00e4\u00f6\u00fc on", "x" * 4096, "x" * 5000,
    "x" * 20000)


def test_wrong_lines_are_told(one):
    simulator, _master = one
    before = simulator.registers(1, 0x40, 23)
    for line in WRONG_LINES:
        answer = simulator.control.ask(line)
        assert answer.startswith("error ") and len(answer) < 200, (line, answer)
        assert simulator.registers(1, 0x40, 23) == before, line


def test_hostile_bytes(one):
    simulator, _master = one
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(simulator.control_path))
    client.sendall(b"\xff\xfe\n\0\n\n# remark\n   \nstats\nstats")
    client.shutdown(socket.SHUT_WR)
    answers = client.makefile().read().splitlines()
    assert answers[:2] == ["error not UTF-8"] * 2 and len(answers) == 4
    assert all(answer.startswith("ok ") for answer in answers[2:]), "blank lines and remarks have none"


def test_many_clients_and_one_that_does_not_read(one):
    simulator, _master = one
    clients = [LineSocket(simulator.control_path) for _ in range(15)]
    assert all(client.ask("stats").startswith("ok ") for client in clients)
    assert LineSocket(simulator.control_path).receive() == "error too many clients"
    deaf = clients[0].socket
    deaf.settimeout(0.3)
    with pytest.raises(socket.timeout):
        while True:
            deaf.sendall(b"get unit 1 0x40:23\n" * 100)
    assert clients[1].ask("stats").startswith("ok ")
    for client in clients:
        client.close()
    wait_for(lambda: LineSocket(simulator.control_path).ask("stats").startswith("ok "), what="a free place")


def test_a_command_for_later(one):
    simulator, _master = one
    client = LineSocket(simulator.control_path)
    for at_s in (1.5, 4.5, 7.5):  # since its start; a slow machine may be too late for the first
        simulator.fault(1, "brake_fault", False)
        started = simulator.time
        client.send(f"at {at_s} unit 1 fault brake_fault on\nat {at_s - 0.3} get unit 1 0x41\nunit 1 code 5")
        answers = [client.receive().split() for _ in range(3)]
        assert answers[1][2:] == ["0"], "each at its time"
        times = [float(answer[1]) for answer in answers]
        assert times == sorted(times)
        if 0.2 < times[2] - times[1] < 0.5 and times[2] - started < at_s + 0.1:
            break
    else:
        raise AssertionError((started, times))
    assert simulator.registers(1, 0x41) == [1 << 14]
    assert client.ask("at 0 stats").startswith("ok "), "long past"


def test_a_scenario(world, tmp_path):
    scenario = tmp_path / "story"
    scenario.write_text("# a story\nunit * hold on\nunit 1 code 7   # at once\n\nat 0.4 unit 1 fault brake_fault on\n"
                        "at 0.2 unit 1 mode inspection\nat 4 quit\n")
    simulator = world.simulator(arguments=("--scenario", scenario))
    assert simulator.registers(1, 0x46) == [7]
    wait_for(lambda: simulator.registers(1, 0x40)[0] & 7 == 2, what="inspection")
    wait_for(lambda: simulator.registers(1, 0x41) == [1 << 14], what="the fault")
    assert simulator.process.wait() == 0
    assert not os.path.lexists(simulator.device)


# ---- the command line ----


def run(*arguments, **environment):
    return subprocess.run([str(BUILD / "liftgw-sim"), *map(str, arguments)], capture_output=True, text=True, timeout=30,
                          env={**os.environ, **environment})


def test_help_fits_a_screen():
    answer = run("--help")
    assert answer.returncode == 0 and answer.stderr == ""
    lines = answer.stdout.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    for option in ("link", "lifts", "profile", "unit", "baud", "parity", "stop-bits", "turnaround-ms", "seed", "speed",
                   "bytewise", "control", "scenario", "profile-dir"):
        assert f"--{option}" in answer.stdout


@pytest.mark.parametrize("arguments", (
    (), ("--link",), ("--link", "x", "--lifts", "0"), ("--link", "x", "--lifts", "248"), ("--link", "x", "--unit", "1"),
    ("--link", "x", "--unit", "0=generic-ba"), ("--link", "x", "--unit", "1=../x"), ("--link", "x", "--baud", "12345"),
    ("--link", "x", "--unit", "1=a", "--unit", "1=b"), ("--link", "x", "--unit", "1=a", "--lifts", "2"),
    ("--link", "x", "--parity", "mark"), ("--link", "x", "--stop-bits", "3"), ("--link", "x", "--turnaround-ms", "-1"),
    ("--link", "x", "--unit", "1=a@1"), ("--link", "x", "--unit", "1=a@2"), ("--link", "x", "--unit", "1=a@"),
    ("--link", "x", "--unit", "1=a@248"), ("--link", "x", "--unit", "1=@2", "--unit", "2=a"),
    ("--link", "x", "--unit", "1=a@2", "--unit", "2=a@3", "--unit", "3=a"),
    ("--link", "x", "--speed", "0"), ("--link", "x", "--seed", "x"), ("--link", "x", "y"), ("--foo",)))
def test_wrong_options(arguments):
    answer = run(*arguments)
    assert answer.returncode == 64 and answer.stderr and not answer.stdout


def test_what_cannot_be_made(tmp_path):
    profiles = ("--profile-dir", CONFIG / "profiles")
    precious = tmp_path / "precious"
    precious.write_text("mine")
    answer = run("--link", precious, *profiles)
    assert answer.returncode == 73 and precious.read_text() == "mine" and str(precious) in answer.stderr
    assert run("--link", tmp_path / "no" / "bus", *profiles).returncode == 73
    assert run("--link", tmp_path / "bus", "--control", precious, *profiles).returncode == 73
    assert run("--link", tmp_path / "bus", "--scenario", tmp_path / "none", *profiles).returncode == 74
    answer = run("--link", tmp_path / "bus", "--profile", "none", *profiles)
    assert answer.returncode == 78 and "none" in answer.stderr and str(CONFIG / "profiles") in answer.stderr
    story = tmp_path / "story"
    story.write_text("stats\nfoo\nat 5 unit 1 crc 200%\nunit 9 ok\n")
    answer = run("--link", tmp_path / "bus", "--scenario", story, *profiles)
    assert answer.returncode == 78
    assert [f"{story}:{line}:" in answer.stderr for line in (1, 2, 3, 4)] == [False, True, True, True]
    (tmp_path / "broken.cfg").write_text("name = ;")
    answer = run("--link", tmp_path / "bus", "--profile", "broken", "--profile-dir", tmp_path)
    assert answer.returncode == 78 and "broken.cfg:1" in answer.stderr
    assert not os.path.lexists(tmp_path / "bus")


def test_it_says_when_it_is_ready(tmp_path):
    link = tmp_path / "bus"
    process = Process("liftgw-sim", [BUILD / "liftgw-sim", "--link", link, "--lifts", 8], tmp_path / "log",
                      {"LIFTGW_PROFILES": str(CONFIG / "profiles")})
    wait_for(lambda: process.log.endswith("\n"), what="a line")
    assert process.log == f"liftgw-sim: 8 lifts on {link}, 9600 8N1\n"
    assert process.stop() == 0
