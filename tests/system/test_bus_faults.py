"""Every way in which a reply can be wrong (and a plug can be pulled): it has a name, it is counted, the next question
gets its own answer, and nothing that no lift said is ever published."""

import threading
import time

import pytest

from harness import TRIES, wait_for
from harness.slave import Slave, sealed

TRICKED = 2     # the unit whose replies are spoiled; its neighbour must not notice
TIMEOUT_S = 0.1

GENERIC_BA = {0x40: 1 | 1 << 3 | 1 << 4 | 1 << 6, 0x43: 3, 0x44: 40, 0x45: 1750, 0x4A: 1, 0x4B: 4464, 0x56: 1}
# Monarch: running up at 1,750 mm/s, in automatic, door 1 closed; rides are hi × 10,000 + lo.
MONARCH = {0x1010: 1750, 0x1018: 3, 0x101A: 400, 0x101B: 1 << 4, 0x101D: 0x570, 0x3000: 1, 0xF90B: 7, 0xF90C: 4464}
DIALECTS = {"rtu": ("generic-ba", GENERIC_BA), "monarch": ("monarch-nice3000plus", MONARCH)}


def cut(count):
    return lambda slave, question: slave.good(question)[:count]


def resealed(change):
    """A frame whose CRC is right for what it says."""
    def trick(slave, question):
        frame = bytearray(slave.good(question)[:-2])
        change(frame)
        return sealed(bytes(frame))
    return trick


def spoiled(change):
    """A frame that was changed on its way."""
    def trick(slave, question):
        frame = bytearray(slave.good(question))
        change(frame)
        return bytes(frame)
    return trick


def put(index, function):
    def change(frame):
        frame[index] = function(frame[index])
    return change


def other_size(more):
    def trick(slave, question):
        data = slave.good(question)[len(slave.header(0, 0, 0)):-2]
        data = data + bytes(more) if more > 0 else data[:more]
        return sealed(slave.header(question.unit, question.function, len(data)) + data)
    return trick


def byte_count(more):
    def change(slave, question):
        frame = bytearray(slave.good(question))
        frame[len(slave.header(0, 0, 0)) - 1] += more
        return bytes(frame)
    return change


def with_exception(code):
    return lambda slave, question: slave.exception(question, code)


def drip(slave, question):
    return [(0.03, bytes([byte])) for byte in slave.good(question)]


def in_two(slave, question):
    frame = slave.good(question)
    return [(0, frame[:5]), (0.02, frame[5:])]


def twice(slave, question):
    return [(0, slave.good(question)), (0.005, slave.good(question))]


def silence(_slave, _question):
    return []


# What happens to one reply, and what is counted: a number, or from and to.
ROWS = [
    ("good reply", lambda slave, question: None, {}),
    ("silence", silence, {"timeout": 1}),
    ("half a reply", lambda slave, question: slave.good(question)[:len(slave.good(question)) // 2], {"short": 1}),
    ("last CRC byte lost", cut(-1), {"short": 1}),
    ("bad CRC", spoiled(put(-1, lambda byte: byte ^ 0x55)), {"crc": 1}),
    ("a bit of the data flipped", spoiled(put(5, lambda byte: byte ^ 0x10)), {"crc": 1}),
    ("wrong unit", resealed(put(0, lambda byte: byte + 5)), {"foreign": 1}),
    ("wrong unit, bad CRC", spoiled(put(0, lambda byte: byte + 5)), {"noise": 1}),
    ("the neighbour's answer", resealed(put(0, lambda byte: byte - 1)), {"foreign": 1}),
    ("wrong function 04", resealed(put(1, lambda byte: 4)), {"foreign": 1}),
    ("longer", other_size(4), {"foreign": 1}),
    ("shorter", other_size(-2), {"foreign": 1}),
    ("good, and 5 trailing bytes", lambda slave, question: slave.good(question) + b"\x01\x03\x02\x00\x00",
     {"noise": 1}),
    ("3 noise bytes before", lambda slave, question: b"\x5a\xa5\x3c" + slave.good(question), {"noise": 1}),
    ("1 noise byte 00 before", lambda slave, question: b"\0" + slave.good(question), {"noise": 1}),
    ("slow drip", drip, {"short": (1, 9), "noise": (0, 9), "foreign": (0, 3), "timeout": (0, 3)}),
    ("echo and reply", lambda slave, question: question.frame + slave.good(question), {"noise": 1}),
    ("byte count too high", byte_count(4), {"short": 1}),
    ("byte count too low", byte_count(-2), {"noise": 1}),
    ("20 ms gap in the frame", in_two, {}),
    # The copy is seen before the next question, or in the middle of it.
    ("reply sent twice", twice, {"noise": (0, 1), "foreign": (0, 1)}),
    ("endless FF", lambda slave, question: [(0, b"\xff" * 64)] * 40,
     {"noise": (1, 9), "timeout": (0, 3), "short": (0, 3)}),
]
ROWS_RTU = [
    *((f"exception {code:02X}", with_exception(code), {"exception": 1}) for code in (1, 2, 4, 6, 0x0B, 0x20)),
    ("exception and trailing bytes", lambda slave, question: slave.exception(question, 6) + b"\0\0\0",
     {"exception": 1, "noise": 1}),
    ("exception for another function", lambda slave, question: sealed(bytes([question.unit, 0x84, 2])), {"foreign": 1}),
    ("function's high bit flipped", spoiled(put(1, lambda byte: byte | 0x80)), {"crc": 1}),
]
ROWS_MONARCH = [
    ("error frame", with_exception(0x0E), {"exception": 1}),
    ("error frame, bad CRC", lambda slave, question: slave.exception(question, 0x0E)[:-1] + b"\0", {"crc": 1}),
    ("a reply with a byte count of 8 bits", lambda slave, question: sealed(bytes([question.unit, question.function, 2,
                                                                                 0, 1])), {"noise": 1}),
    ("function's high bit flipped", spoiled(put(1, lambda byte: byte | 0x80)), {"noise": (0, 1), "crc": (0, 1)}),
]


class Line:
    """A gateway with two lifts on a slave's line."""

    def __init__(self, world, dialect):
        profile, self.words = DIALECTS[dialect]
        self.slave = Slave(world.new_folder("slave"), lambda unit, address: self.words.get(address, 0), dialect).start()
        self.broker = world.broker()
        self.operator = world.subscriber(self.broker)
        self.gateway = world.gateway(self.broker, start=False, device=self.slave.link, baud=38400, lifts=2)
        self.gateway.settings["gateway"].update(counters_interval_s=1, health_interval_s=1)
        self.gateway.settings["buses"][0].update(response_timeout_ms=int(TIMEOUT_S * 1000), late_reply_ms=400, offline_after=20)
        for lift in self.gateway.lifts:
            lift["profile"] = profile
        self.gateway.start()
        for lift in self.gateway.lifts:
            self.operator.wait("state", lambda data: data["link"] == "online", lift=lift["id"])
            self.operator.wait("counters", lambda data: data["rides_total"], lift=lift["id"])

    def errors(self):
        return self.gateway.status()["buses"][0]["errors"]

    def go_on(self, questions=16):
        asked = self.slave.questions
        wait_for(lambda: self.slave.questions >= asked + questions, what=f"{questions} more questions")

    def play(self, trick, condition=lambda question: True):
        """Plays a trick once; returns what was counted until some good replies later."""
        before = self.errors()
        played = threading.Event()

        def once(slave, question):
            if played.is_set() or question.unit != TRICKED or not condition(question):
                return None
            played.set()
            return trick(slave, question)

        self.slave.trick = once
        assert played.wait(30), "unit 2 was not asked"
        self.go_on()
        return self.errors_since(before)

    def exchange(self, first, second):
        """Holds the answer to the first question back until the second; returns what was counted."""
        held = []

        def hold_back(slave, question):
            if held or question.unit != TRICKED or not first(question.address):
                return None
            held.append(slave.good(question))
            return []

        def hand_over(slave, question):
            if held and question.unit == TRICKED and second(question.address):
                return [(0, held.pop()), (0.005, slave.good(question))]
            return None

        before = self.errors()
        self.slave.trick = hold_back
        wait_for(lambda: held, what="a question to hold back")
        self.slave.trick = hand_over
        wait_for(lambda: not held, what="another question to the same unit")
        self.go_on()
        return self.errors_since(before)

    def errors_since(self, before):
        after = self.errors()
        return {name: after[name] - before[name] for name in after if after[name] != before[name]}

    def check_published(self):
        """Nothing but what the slave's registers say or that it is not known, and no fault."""
        truth = {"service_mode": "normal", "car": "running", "direction": "up", "door": "closed", "floor": 3,
                 "overload": False, "speed_mm_s": 1750, "load_percent": 40}
        for lift in self.gateway.lifts:
            for message in self.operator.select("state", lift=lift["id"]):
                wrong = {key: message.data[key] for key, value in truth.items() if message.data[key] not in (None, value)}
                assert not wrong, wrong
            rides = {message.data["rides_total"]["value"] for message in self.operator.select("counters", lift=lift["id"])
                     if message.data["rides_total"]}
            assert rides == {70000 if self.words is GENERIC_BA else 74464}
        assert not self.operator.select("fault")

    def check_neighbour(self):
        """It may lose a question to who talks all the time, nothing else."""
        errors = self.gateway.status()["lifts"][0]["units"][0]["errors"]
        assert sum(errors.values()) < 40 and not errors["crc"] and not errors["exception"], errors
        assert not self.operator.select("link", lambda data: data["link"] == "offline", lift="L-1")

    def end(self):
        self.gateway.stop()
        self.slave.stop()


def is_as_expected(counted, expected):
    limits = {name: limit if isinstance(limit, tuple) else (limit, limit) for name, limit in expected.items()}
    return set(counted) <= set(limits) and all(low <= counted.get(name, 0) <= high
                                               for name, (low, high) in limits.items())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_wrong_reply_has_a_name(world, dialect):
    line = Line(world, dialect)
    wrong = []
    for name, trick, expected in ROWS + (ROWS_RTU if dialect == "rtu" else ROWS_MONARCH):
        for _ in range(TRIES):
            counted = line.play(trick)
            if is_as_expected(counted, expected):
                break
        else:
            wrong.append(f"{name}: counted {counted}, should be {expected}")
        wait_for(lambda: line.gateway.status()["lifts"][1]["link"] == "online", what=f"L-2 online after {name}")
    assert not wrong, "\n".join(wrong)
    line.check_published()
    line.check_neighbour()
    wait_for(lambda: line.operator.last("health").data["buses"][0]["errors"] == line.errors(),
             what="the errors of status in health")
    line.end()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_late_reply_answers_no_other_question(world, dialect):
    """Before the next question, in the middle of it, and of a slow read in the middle of a fast one."""
    line = Line(world, dialect)
    for late_s in (TIMEOUT_S, TIMEOUT_S + 0.01, TIMEOUT_S + 0.03, TIMEOUT_S + 0.06):
        for _ in range(TRIES):
            counted = line.play(lambda slave, question, late=late_s: [(late, slave.good(question))])
            # While the slave waits to be late it may miss the neighbour's question, too.
            if counted.pop("timeout", 0) + counted.pop("short", 0) in (1, 2) and set(counted) <= {"noise", "foreign"}:
                break
        else:
            raise AssertionError(f"{late_s} s: {counted}")

    fast = 0x40 if dialect == "rtu" else 0x1018
    for first, second in ((lambda address: address != fast, lambda address: address == fast),
                          (lambda address: address == fast, lambda address: address != fast)):
        for _ in range(TRIES):
            counted = line.exchange(first, second)
            if counted.get("timeout") == 1 and counted.get("foreign", 0) + counted.get("noise", 0) > 0:
                break
        else:
            raise AssertionError(counted)
    line.check_published()
    line.end()


def test_the_plug_in_the_middle_of_everything(world):
    """Pulled while nothing happens, while a reply is awaited and in the middle of one: back within a second each."""
    line = Line(world, "rtu")
    opened_s = []
    for moment in ("idle", "waiting", "receiving"):
        pulled = threading.Event()

        def pull(slave, question):
            if moment == "receiving":
                slave.send(slave.good(question)[:6])
            pulled.set()
            return [(0.3, b"")]

        if moment == "idle":
            pulled.set()
        else:
            line.slave.trick = pull
        assert pulled.wait(30)
        line.slave.unplug()
        line.slave.trick = None
        wait_for(lambda: not line.gateway.status()["buses"][0]["open"], what="the bus to notice")
        offline = line.operator.wait("link", lambda data: data["reason"] == "device_gone", lift="L-1")
        assert offline.data["link"] == "offline"
        time.sleep(1.5)  # until the pause between two tries is the longest
        known = len(line.operator.select("link", lambda data: data["link"] == "online", lift="L-1"))
        line.slave.plug()
        plugged = time.monotonic()
        wait_for(lambda: line.gateway.status()["buses"][0]["open"], what="the bus to be open")
        opened_s.append(time.monotonic() - plugged)
        online = line.operator.wait("link", lambda data: data["link"] == "online", known + 1, lift="L-1")
        assert online.time - plugged < 8, moment
    assert min(opened_s) < 2, f"opened after {opened_s} s"
    line.check_published()
    line.end()
