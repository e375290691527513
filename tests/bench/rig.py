"""What the bench measures on: real programs, simulated lifts in real wire time, one broker."""

import math
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "system"))
os.environ.setdefault("LIFTGW_BUILD", str(SOURCE / "build" / "release"))
BUILD = pathlib.Path(os.environ["LIFTGW_BUILD"])

from harness import Broker, Certificates, Gateway, Simulator, Subscriber, wait_for  # noqa: E402

CHARACTER_BITS = 10  # 8N1


def read_s(registers, baud, turnaround_ms):
    """The bound of one read: request and reply, the turnaround, and one silence of 3.5 characters (1.75 ms above 19200)."""
    character = CHARACTER_BITS / baud
    silence = 3.5 * character if baud <= 19200 else 0.00175
    return (8 + 5 + 2 * registers) * character + turnaround_ms / 1000 + silence


def pss_kib(pid, kind="Pss"):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1])
    raise RuntimeError(f"no {kind} of {pid}")


def cpu_s(pid):
    """User and system time of all threads, by the scheduler's own account (nanoseconds, not ticks)."""
    return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def percentile(values, share):
    return sorted(values)[math.ceil(share * len(values)) - 1]


def spread(values):
    return {"median": statistics.median(values), "p99": percentile(values, 0.99), "max": max(values)}


class Site:
    """One box: buses with so many lifts each behind simulators of their own, the gateway, somebody who listens."""

    def __init__(self, folder, profile="generic-ba", lifts=8, buses=1, baud=9600, turnaround_ms=5, tls=True, broker=None,
                 name="B12-2", first_lift=1, listen=True, gateway=None):
        self.owns_broker = broker is None
        if broker is None:
            certificates = None
            if tls:
                (folder / "certificates").mkdir()
                certificates = Certificates(folder / "certificates")
            (folder / "broker").mkdir()
            broker = Broker(folder / "broker", certificates=certificates).start()
        self.broker = broker
        self.simulators = []
        for bus in range(buses):
            (folder / f"sim{bus}").mkdir()
            self.simulators.append(Simulator(
                folder / f"sim{bus}", lifts=lifts, profile=profile, baud=baud,
                arguments=["--turnaround-ms", turnaround_ms, "--profile-dir", HERE, "--seed", bus + first_lift]).start())
        (folder / "gateway").mkdir()
        self.gateway = Gateway(folder / "gateway", broker, self.simulators[0], lifts=lifts)
        settings = self.gateway.settings
        settings["gateway"] |= {"id": name, **(gateway or {})}
        settings["gateway"]["profile_dirs"].append(str(HERE))
        one = settings["buses"][0]
        settings["buses"] = []
        for number, simulator in enumerate(self.simulators):
            own = [{**lift, "id": f"L-{first_lift + number * lifts + i}", "profile": profile}
                   for i, lift in enumerate(one["lifts"])]
            settings["buses"].append({**one, "name": f"bus-{number}", "device": str(simulator.device), "baud": baud,
                                      "lifts": own})
        self.operator = Subscriber(broker).start() if listen else None

    @property
    def simulator(self):
        return self.simulators[0]

    @property
    def lift_ids(self):
        return [lift["id"] for bus in self.gateway.settings["buses"] for lift in bus["lifts"]]

    def start(self):
        self.gateway.start()
        wait_for(lambda: all(lift["link"] == "online" for lift in self.gateway.status()["lifts"]), 120, "all lifts online")
        wait_for(lambda: self.gateway.status()["broker"]["connected"], 30, "the broker")
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for part in (self.gateway, self.operator, *self.simulators, self.broker if self.owns_broker else None):
            if part:
                part.stop()

    def polls(self):
        return [bus["polls"] for bus in self.gateway.status()["buses"]]

    def pids(self):
        return [self.gateway.process.pid, self.gateway.publisher_pid()]

    def forecast(self):
        """What `liftgwctl check` says of this configuration."""
        import json
        said = subprocess.run([BUILD / "liftgwctl", "check", "--json", self.gateway.path], capture_output=True, text=True)
        return json.loads(said.stdout)
