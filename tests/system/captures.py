"""Captures: what a controller once said, said again to the real daemon, and what the daemon made of it as a text.

A capture has a header of "# key: value" lines and then "SECONDS REQUEST REPLY" in hex, "-" for no reply. Only replies
that differ from the last one to the same request stand there: each holds until the next."""

import dataclasses
import os
import pathlib
import select
import struct
import threading
import time
import tty

REQUEST_SIZE = 8
TURNAROUND_S = 0.004
CYCLE_S = 0.25  # what was read within that time was read in one round
STABLE_S = 0.4  # a state that stood for less is one that a reading was torn in, or a contact that settles


def crc(frame):
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def sealed(frame):
    return frame + crc(frame)


@dataclasses.dataclass(frozen=True)
class Exchange:
    at: float
    request: bytes
    reply: bytes


class Capture:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.header, self.exchanges = {}, []
        for number, line in enumerate(self.path.read_text().splitlines(), 1):
            try:
                self._read(line)
            except ValueError as error:
                raise ValueError(f"{self.path}:{number}: {line!r}: {error}") from error
        assert self.exchanges, f"{self.path} is empty"
        self.profile = self.path.parent.name
        self.name = f"{self.profile}-{self.path.stem}"
        self.unit = self.exchanges[0].request[0]
        self.seconds = float(self.header.get("ends", self.exchanges[-1].at))
        self._join_rounds()

    def _read(self, line):
        if line.startswith("# "):
            key, separator, value = line[2:].partition(": ")
            if separator:
                self.header[key] = value
        elif line.strip():
            at, request, reply = line.split()
            self.exchanges.append(Exchange(float(at), bytes.fromhex(request),
                                           b"" if reply == "-" else bytes.fromhex(reply)))

    def _join_rounds(self):
        """Replies of one round of requests change together, at the time of the first."""
        start, asked = self.exchanges[0].at, set()
        for i, exchange in enumerate(self.exchanges):
            if exchange.at - start > CYCLE_S or exchange.request in asked:
                start, asked = exchange.at, set()
            asked.add(exchange.request)
            self.exchanges[i] = dataclasses.replace(exchange, at=start)

    @property
    def expect(self):
        return self.path.with_suffix(".expect")

    def reply(self, request, at):
        """What was said to that request at that time; before the first time: what was said first. None: never asked."""
        same = [exchange for exchange in self.exchanges if exchange.request == request]
        if not same:
            return self._assemble(request, at)
        early = [exchange for exchange in same if exchange.at <= at]
        return (early[-1] if early else same[0]).reply

    def _registers(self, at):
        """By (unit, function, address): the words of every good reply up to then, and of later ones what is not known."""
        known = {}
        early = [exchange for exchange in self.exchanges if exchange.at <= at]
        late = [exchange for exchange in reversed(self.exchanges) if exchange.at > at]
        for exchange in late + early:
            unit, function, first, count = struct.unpack(">BBHH", exchange.request[:6])
            wide = self.header.get("dialect") == "monarch"
            data = exchange.reply[4 if wide else 3:-2]
            if function not in (3, 4) or len(data) != 2 * count or exchange.reply[1] != function:
                continue
            for i in range(count):
                known[unit, function, first + i] = data[2 * i:2 * i + 2]
        return known

    def _assemble(self, request, at):
        """The reply to a request that was not recorded, from registers that were: the plan may read them otherwise."""
        unit, function, first, count = struct.unpack(">BBHH", request[:6])
        known = self._registers(at)
        words = [known.get((unit, function, first + i)) for i in range(count)]
        if None in words:
            return None
        size = struct.pack(">H" if self.header.get("dialect") == "monarch" else ">B", 2 * count)
        return sealed(bytes([unit, function]) + size + b"".join(words))


class Player(threading.Thread):
    """A controller on a pty that says what the capture says. Its time begins with the first request, and passes only
    between two rounds of requests: what was one moment on the controller stays one moment."""

    def __init__(self, capture):
        super().__init__(daemon=True)
        self.capture = capture
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.device = os.ttyname(self.slave)
        self.start_time = None
        self.unknown = set()  # requests to which the capture knows no answer
        self.ended = False

    def run(self):
        asked, at, pending = set(), 0.0, b""
        while not self.ended:
            if not select.select([self.master], [], [], 0.1)[0]:
                continue
            pending += os.read(self.master, 256)
            while len(pending) >= REQUEST_SIZE:
                request, pending = pending[:REQUEST_SIZE], pending[REQUEST_SIZE:]
                self.start_time = self.start_time or time.monotonic()
                if request in asked:
                    asked, at = set(), time.monotonic() - self.start_time
                asked.add(request)
                self._answer(request, at)

    def _answer(self, request, at):
        reply = self.capture.reply(request, at)
        if reply is None:
            self.unknown.add(request.hex())
        elif reply:
            time.sleep(TURNAROUND_S)
            os.write(self.master, reply)

    def is_over(self, settled):
        return self.start_time and time.monotonic() > self.start_time + self.capture.seconds + settled

    def close(self):
        self.ended = True
        self.join()
        os.close(self.master)
        os.close(self.slave)


# ---- messages as a text, without what differs from run to run ----

PASSING = {"v", "gateway", "gateway_topic", "time", "clock", "lift", "series", "seq", "n", "name", "rescue_code",
           "registration", "code_system", "event"}


def word(value):
    return {None: "?", True: "yes", False: "no"}.get(value, value) if not isinstance(value, int) or \
        isinstance(value, bool) else value


def tell_raw(raw):
    if raw is None or raw["address"] is None:
        place = "from other items"
    else:
        place = f"{raw['table']} {raw['address']:#06x}" + ("" if raw["bit"] is None else f" bit {raw['bit']}")
    told = [place, f"value {raw['value']}"] + [f"{key} {raw[key]}" for key in ("code", "text") if raw[key] is not None]
    return ", ".join(told)


def tell_fault(data):
    told = [data["event"], data["fault"], data["severity"], f"entrapment {data['entrapment']}",
            "alarm" if data["alarm"] else f"no alarm: {data['suppressed']}", data["text"],
            f"code {word(data['code'])}", f"[{tell_raw(data['raw'])}]", f"count {data['count']}",
            f"floor {word(data['floor'])}", f"mode {word(data['service_mode'])}"]
    told += [data["confidence"]] if data["confidence"] else []
    told += [flag for flag in ("at_start", "after_gap", "flapping") if data[flag]]
    told += [data["reason"]] if data["reason"] else []
    return ", ".join(map(str, told))


def tell_event(message):
    data = message.data
    rest = [f"{key} {word(value)}" for key, value in sorted(data.items())
            if key not in PASSING and not key.endswith(("_s", "time", "since"))]
    return f"{message.leaf}: {', '.join(rest)}"


def tell_state(data):
    told = [word(data["link"])] + [f"{key} {word(data[key])}" for key in (
        "service_mode", "car", "direction", "door", "door_zone", "floor", "occupied", "overload", "load_percent",
        "blocked")]
    faults = [fault["fault"] + ("" if fault["alarm"] else " (no alarm)") for fault in data["faults"]]
    return ", ".join(told + ["faults " + (" ".join(faults) or "none")])


def tell_counter(name, counter):
    if counter is None:
        return f"{name} ?"
    passing = name == "run_hours" and counter["source"] == "derived"
    return f"{name} {'…' if passing else counter['value']} {counter['source']}"


def tell_counters(data):
    names = ("rides_total", "run_hours", "door_cycles_total", "distance_m")
    return [tell_counter(name, data[name]) for name in names] + [
        f"{fault} {count}" for fault, count in sorted(data["faults_total"].items()) if count]


def stable_states(messages):
    told = []
    for message, following in zip(messages, messages[1:] + [None]):
        if following and following.time - message.time < STABLE_S and tell_state(following.data) != \
                tell_state(message.data):
            continue
        text = tell_state(message.data)
        if not told or told[-1] != text:
            told.append(text)
    return told


def transcript(capture, operator):
    """Everything that the operator heard of this capture's lift."""
    lift = capture.name
    stream = [message for message in operator.stream() if message.topic.split("/")[4] == lift]
    told = ["# what follows from this capture: faults and events, states, counters"]
    told += [tell_fault(message.data) if message.leaf.startswith("fault/") else tell_event(message)
             for message in stream] or ["no fault, no event"]
    told += [""] + stable_states([message for message in operator.select("state", lift=lift)
                                  if message.data["link"] == "online"])
    counters = operator.last("counters", lift=lift)
    told += [""] + (tell_counters(counters.data) if counters else ["no counters"])
    return "\n".join(told) + "\n"
