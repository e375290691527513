"""liftgw-sim: the bus and its lifts."""

import re

from .lines import LineSocket
from .paths import BUILD, CONFIG
from .process import Process, wait_for


class Simulator:
    def __init__(self, folder, lifts=1, profile="generic-ba", baud=115200, arguments=(), units=()):
        self.folder = folder
        self.device = folder / "bus"
        self.baud = baud
        self.control_path = folder / "sim.sock"
        which = [part for unit in units for part in ("--unit", unit)] or ["--lifts", lifts, "--profile", profile]
        self.arguments = [BUILD / "liftgw-sim", "--link", self.device, *which, "--baud", baud, "--seed", 1,
                          "--profile-dir", CONFIG / "profiles", "--control", self.control_path, *arguments]
        self.process = None
        self.control = None

    def start(self):
        self.process = Process("liftgw-sim", self.arguments, self.folder / "liftgw-sim.log")
        wait_for(self._is_ready, what=f"liftgw-sim to start; it says: {self.process.log}")
        return self

    def _is_ready(self):
        assert self.process.is_running(), f"liftgw-sim ended: {self.process.log}"
        if not self.device.exists():
            return False
        try:
            self.control = LineSocket(self.control_path)
        except OSError:
            return False  # none yet, or what a killed one left behind
        return True

    def say(self, line):
        """Says one control line; returns the words of the answer after "ok T", having remembered T in self.time."""
        answer = self.control.ask(line)
        assert answer.startswith("ok "), f"{line!r}: {answer}"
        _, time, *words = answer.split()
        self.time = float(time)
        return words

    def fault(self, unit, fault, on=True):
        """Raises or clears a fault; returns CLOCK_MONOTONIC seconds at which the registers changed."""
        self.say(f"unit {unit} fault {fault} {'on' if on else 'off'}")
        return self.time

    def registers(self, unit, address, count=1):
        return [int(word) for word in self.say(f"get unit {unit} {address}:{count}")]

    def stats(self):
        return {key: int(value) for key, value in (re.split("=", word) for word in self.say("stats"))}

    def stop(self):
        if self.control:
            self.control.close()
            self.control = None
        if self.process:
            self.process.stop()
