"""What was really so: says faults, codes and rides to the simulator and remembers every value with its time."""

import dataclasses
import threading
import time

FAULTS = ("brake_fault", "overspeed", "encoder_fault", "door_open_fault", "door_close_fault", "drive_fault",
          "relevel_fault", "position_lost", "internal_comm_fault", "safety_circuit_open")
CODE = "other"  # what codes that no profile lists become
CODES = (0, 0, 7, 21, 300, 65535)
RIDES = 0x4A
RESET = "counter"  # of the last lift: its controller begins to count anew, now and then


@dataclasses.dataclass
class Phase:
    """A value of one source: 0 no fault, 1 a fault's bit, or the code. Requests: how many the simulator had counted, so
    that from first to last so many were certainly made while the value stood."""
    value: int
    begin: float
    first: int
    end: float = float("inf")
    last: int = 2**63


class Truth:
    """Changes happen in a thread of its own, between resume() and pause()."""

    def __init__(self, simulator, lifts, rng):
        self.simulator, self.lifts, self.rng = simulator, lifts, rng
        self.lock = threading.Lock()
        self.changed = threading.Event()
        self.running = threading.Event()
        self.rests = threading.Event()
        self.trouble = None
        self.changes = self.rides = 0
        self.may_reset = False  # not before the counters were read for the first time
        self.phases = {(unit, source): [Phase(0, float("-inf"), 0)]
                       for unit in range(1, lifts + 1) for source in (*FAULTS, CODE)}
        self.resets = [Phase(self.device_rides(lifts), float("-inf"), 0)]  # value: the count that it begins from
        self.lost_rides = 0  # what the controllers that were reset had counted in all, less what they went on from
        threading.Thread(target=self._run, daemon=True).start()

    def requests(self):
        with self.lock:
            return self.simulator.stats()["requests"]

    def device_rides(self, unit):
        with self.lock:
            high, low = self.simulator.registers(unit, RIDES, 2)
        return high * 65536 + low

    def resume(self):
        self.rests.clear()
        self.running.set()

    def pause(self):
        self.running.clear()
        assert self.rests.wait(10), f"the simulator does not answer: {self.trouble}"

    def now(self, unit, source):
        return self.phases[unit, source][-1].value

    def was(self, unit, source, value, begin, end):
        """Whether the value stood at any time between the two."""
        return any(phase.value == value and phase.begin <= end and phase.end >= begin
                   for phase in self.phases[unit, source])

    def _run(self):
        try:
            while True:
                if not self.running.is_set():
                    self.rests.set()
                    self.running.wait()
                self._step()
                time.sleep(self.rng.uniform(0.01, 0.1) if self.rng.random() < 0.4 else self.rng.uniform(0.1, 0.7))
        except (OSError, EOFError, AssertionError) as trouble:
            self.trouble = trouble

    def _step(self):
        unit = self.rng.randint(1, self.lifts)
        if self.rng.random() < 0.1:
            with self.lock:
                self.simulator.say(f"unit {unit} ride")
            self.rides += 1
            return
        source = self.rng.choice((*FAULTS[:4], *FAULTS, CODE, CODE, RESET))  # some change more often
        if source == RESET:
            if self.may_reset:
                self._reset()
            return
        if source == CODE:
            value = self.rng.choice(CODES)
            line = f"unit {unit} code {value}"
        else:
            value = 1 - self.now(unit, source)
            line = f"unit {unit} fault {source} {'on' if value else 'off'}"
        if value != self.now(unit, source):
            self._change(self.phases[unit, source], value, line)

    def _reset(self):
        rides = self.device_rides(self.lifts)
        value = rides - self.rng.randint(200, 2000)  # farther than a lift goes on in a crash: else nobody could tell
        if value > 0:
            self._change(self.resets, value, f"unit {self.lifts} counter {value}")
            self.lost_rides += rides - value

    def _change(self, phases, value, line):
        with self.lock:
            last = self.simulator.stats()["requests"]
            self.simulator.say(line)
            at = self.simulator.time
            first = self.simulator.stats()["requests"]
        phases[-1].end, phases[-1].last = at, last
        phases.append(Phase(value, at, first))
        self.changes += 1
        self.changed.set()
