"""The lives of liftgwd and of the broker: when each began, and how it ended."""

import dataclasses
import time

RESTART_S = 10.0  # a liftgwd that lives longer knows its lifts


@dataclasses.dataclass
class Life:
    begin: float
    first: int = 0  # requests that the simulator had counted before it
    end: float = float("inf")
    last: int = 2**63
    killed: bool = False


class Lives:
    def __init__(self):
        self.all = []

    def begin(self, requests=0):
        self.all.append(Life(time.monotonic(), requests))

    def end(self, began, requests=0, killed=True):
        """began: the moment before the end was brought about."""
        self.all[-1].end, self.all[-1].last, self.all[-1].killed = began, requests, killed

    def at(self, moment):
        """The life in which something happened: the last that had begun."""
        return [life for life in self.all if life.begin <= moment][-1]
