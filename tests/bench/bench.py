#!/usr/bin/python3
"""What liftgw costs and how fast it is: prints a table, and writes JSON with --json FILE.

    cmake --preset release && cmake --build --preset release && tests/bench/bench.py

The simulator keeps real wire time, so nothing here depends on the machine's speed but CPU and the last milliseconds.
The bound of one read is (8 + 5 + 2n) characters, the turnaround and one silence of 3.5 characters.
"""

import argparse
import json
import math
import os
import pathlib
import random
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "system"))
os.environ.setdefault("LIFTGW_BUILD", str(SOURCE / "build" / "release"))

from harness import Broker, Certificates, Gateway, Simulator, Subscriber, wait_for  # noqa: E402

BAUD, TURNAROUND_MS, UNITS, REGISTERS = 9600, 5, 8, 32
CHARACTER_BITS = 10  # 8N1


def bound_s(registers):
    character = CHARACTER_BITS / BAUD
    return (8 + 5 + 2 * registers + 3.5) * character + TURNAROUND_MS / 1000


def pss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError(f"no Pss of {pid}")


def cpu_s(pid):
    """User and system time of all threads, by the scheduler's own account (nanoseconds, not ticks)."""
    return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


class Bench:
    """One bus of eight units, the gateway with TLS, somebody who listens."""

    def __init__(self, folder, profile):
        for name in ("certificates", "broker", "sim", "gateway"):
            (folder / name).mkdir()
        self.broker = Broker(folder / "broker", certificates=Certificates(folder / "certificates")).start()
        self.simulator = Simulator(folder / "sim", lifts=UNITS, profile=profile, baud=BAUD,
                                   arguments=["--turnaround-ms", TURNAROUND_MS, "--profile-dir", HERE]).start()
        self.operator = Subscriber(self.broker).start()
        self.gateway = Gateway(folder / "gateway", self.broker, self.simulator, lifts=UNITS)
        self.gateway.settings["gateway"]["profile_dirs"].append(str(HERE))
        for lift in self.gateway.lifts:
            lift["profile"] = profile
        self.gateway.start()
        for lift in self.gateway.lifts:
            self.operator.wait("link", lambda data: data["link"] == "online", lift=lift["id"], timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for part in (self.gateway, self.operator, self.simulator, self.broker):
            part.stop()

    def polls(self):
        return self.gateway.status()["buses"][0]["polls"]

    def pids(self):
        return [self.gateway.process.pid, self.gateway.publisher_pid()]


def measure_pace(folder, seconds):
    with Bench(folder, "bench-32") as bench:
        time.sleep(3)
        ratios, costs = [], []
        for _ in range(3):
            start, polls, cpu = time.monotonic(), bench.polls(), cpu_s(bench.gateway.process.pid)
            time.sleep(seconds / 3)
            took, done = time.monotonic() - start, bench.polls() - polls
            ratios.append(done / took * bound_s(REGISTERS))
            costs.append((cpu_s(bench.gateway.process.pid) - cpu) / done * 1000)
        memory = [pss_kib(pid) / 1024 for pid in bench.pids()]
        stats = bench.simulator.stats()
    return {
        "polls_per_s": statistics.median(ratios) / bound_s(REGISTERS), "bound_polls_per_s": 1 / bound_s(REGISTERS),
        "of_bound": statistics.median(ratios), "cpu_s_per_1000_polls": statistics.median(costs),
        "pss_mib": sum(memory), "pss_liftgwd_mib": memory[0], "pss_publish_mib": memory[1],
        "short_silence": stats["short_silence"],
    }


def measure_latency(folder, samples):
    """From the register's change to the subscriber, at random moments of the cycle."""
    chance = random.Random(1)
    latencies = []
    with Bench(folder, "generic-ba") as bench:
        cycle_ms = wait_for(lambda: bench.gateway.status()["buses"][0]["cycle_ms"], what="the first cycle")
        for number in range(samples):
            time.sleep(chance.uniform(0, 0.5))
            unit = chance.randint(1, UNITS)
            for on in (True, False):
                arrived = len(bench.operator.select("fault/brake_fault")) + 1
                changed = bench.simulator.fault(unit, "brake_fault", on)
                message = bench.operator.wait("fault/brake_fault", count=arrived, timeout=30)
                if on:
                    latencies.append((message.time - changed) * 1000)
    latencies.sort()
    return {"cycle_ms": cycle_ms, "latency_median_ms": statistics.median(latencies),
            "latency_p99_ms": latencies[math.ceil(0.99 * len(latencies)) - 1], "latency_samples": samples}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there")
    parser.add_argument("--seconds", type=float, default=60, help="how long the pace is measured (default 60)")
    parser.add_argument("--samples", type=int, default=100, help="faults whose latency is measured (default 100)")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="liftgw-bench-") as name:
        pace, latency = pathlib.Path(name) / "pace", pathlib.Path(name) / "latency"
        pace.mkdir()
        latency.mkdir()
        figures = {**measure_pace(pace, options.seconds), **measure_latency(latency, options.samples)}

    print(f"{UNITS} units x {REGISTERS} registers, {BAUD} 8N1, {TURNAROUND_MS} ms turnaround, TLS on")
    for text in ("polls/s               {polls_per_s:8.2f}   of the wire's {bound_polls_per_s:.2f}: {of_bound:.3f}",
                 "CPU s / 1,000 polls   {cpu_s_per_1000_polls:8.3f}",
                 "PSS MiB               {pss_mib:8.2f}   "
                 "liftgwd {pss_liftgwd_mib:.2f}, liftgw-publish {pss_publish_mib:.2f}",
                 "short silences        {short_silence:8d}"):
        print("  " + text.format(**figures))
    print(f"{UNITS} lifts of generic-ba, otherwise the same")
    for text in ("cycle ms              {cycle_ms:8d}",
                 "fault to operator ms  {latency_median_ms:8.0f}   median; p99 {latency_p99_ms:.0f}, "
                 "{latency_samples} faults"):
        print("  " + text.format(**figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
