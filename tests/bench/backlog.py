#!/usr/bin/python3
"""A long outage: how liftgw starts with many messages waiting, what memory they cost, and how fast they go.

    cmake --preset release && cmake --build --preset release && tests/bench/backlog.py

Prints a table, and writes JSON with --json FILE. Fails only where a promise is broken.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "system"))
os.environ.setdefault("LIFTGW_BUILD", str(SOURCE / "build" / "release"))

from harness import Broker, Gateway, Simulator, wait_for  # noqa: E402
from harness.ledger import fill  # noqa: E402


def pss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError(f"no Pss of {pid}")


def timed_start(gateway):
    began = time.monotonic()
    gateway.start()
    return time.monotonic() - began


def memory_kib(gateway):
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="L-1 online")
    time.sleep(2)
    return pss_kib(gateway.process.pid)


class Listener:
    """mosquitto_sub writes what it gets to a file: no Python between the broker and the figures."""

    def __init__(self, broker, path):
        self.path = path
        self.process = subprocess.Popen(
            ["mosquitto_sub", "-p", str(broker.port), "-q", "1", "-i", "listener", "-c", "-t", "#", "-F", "%r %t %p"],
            stdout=open(path, "wb"))

    def lines(self):
        for line in self.path.read_text().splitlines():
            retained, topic, payload = line.split(" ", 2)
            if retained == "0":
                yield topic, json.loads(payload)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def check(lines, first, last):
    """Promises 1 and 3: the newest of everything before the first that waited, then all of them in order."""
    leaves = ["/".join(topic.split("/")[5:]) for topic, _ in lines]
    stream = [data["seq"] for _, data in lines if "seq" in data]
    assert stream == list(range(first, stream[-1] + 1)) and stream[-1] >= last, "not every message once, in order"
    begin = next(number for number, (_, data) in enumerate(lines) if "seq" in data)
    for leaf in ("status", "link", "state", "counters"):
        assert leaf in leaves[:begin], f"{leaf} came after the first that waited"


class Outage:
    """A gateway whose broker is away, with a fault in its ledger to make copies of."""

    def __init__(self, folder, most):
        for name in ("broker", "sim", "gateway"):
            (folder / name).mkdir()
        self.broker, self.simulator = Broker(folder / "broker"), Simulator(folder / "sim").start()
        self.broker.settings.write_text(
            f"listener {self.broker.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
        self.gateway = gateway = Gateway(folder / "gateway", self.broker, self.simulator)
        self.ledger = folder / "gateway" / "state" / "ledger.db"
        self.heard = folder / "heard"
        gateway.settings["gateway"]["outbox_max_events"] = 2 * most
        gateway.start()
        self.simulator.say("unit 1 hold on")
        wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="L-1 online")
        self.simulator.fault(1, "brake_fault")
        wait_for(lambda: gateway.status()["outbox"]["events"] >= 2, what="the fault in the ledger")
        gateway.stop()

    def end(self):
        """The broker is back: how fast all goes that waits."""
        gateway = self.gateway
        self.broker.start()
        listener = Listener(self.broker, self.heard)
        waiting = gateway.status()["outbox"]
        wait_for(lambda: gateway.status()["broker"]["connected"], 30, "the connection")
        cpu = cpu_s(gateway)
        began, left = time.monotonic(), gateway.status()["outbox"]["events"]
        peak = 0
        while gateway.status()["outbox"]["events"] > 0:
            peak = max(peak, pss_kib(gateway.process.pid))
            time.sleep(0.25)  # asking takes time of the two processes that are measured
            assert time.monotonic() - began < 600, "it does not drain"
        took = time.monotonic() - began
        cpu = [after - before for before, after in zip(cpu, cpu_s(gateway))]
        wait_for(lambda: f'"seq":{waiting["next_seq"] - 1},' in listener.path.read_text(), 60, "the last message")
        gateway.stop()
        listener.stop()
        check(list(listener.lines()), 1, waiting["next_seq"] - 1)
        self.simulator.stop()
        self.broker.stop()
        return {"messages": waiting["events"], "pss_drain_kib": peak, "drain_s": took, "drained_per_s": left / took,
                "cpu_liftgwd_s": cpu[0], "cpu_publish_s": cpu[1], "cpu_us_per_message": sum(cpu) / waiting["events"] * 1e6}


def measure_drain(folder, count):
    """Only how fast so many go."""
    outage = Outage(folder, count)
    fill(outage.ledger, count)
    timed_start(outage.gateway)
    memory_kib(outage.gateway)
    return outage.end()


def measure(folder, count):
    outage = Outage(folder, count)
    gateway = outage.gateway
    starts, memory = {}, {}
    for kind in ("empty", "full"):
        if kind == "full":
            fill(outage.ledger, count)
        starts[kind] = []
        for _ in range(5):
            starts[kind].append(timed_start(gateway))
            memory[kind] = memory_kib(gateway)
            gateway.stop()
    gateway.start()
    gateway.kill()
    crash_start = timed_start(gateway)
    memory_kib(gateway)
    return outage.end() | {
        "ledger_mib": outage.ledger.stat().st_size / 2**20, "start_empty_s": sorted(starts["empty"])[2],
        "start_full_s": sorted(starts["full"])[2], "start_after_crash_s": crash_start,
        "pss_empty_kib": memory["empty"], "pss_full_kib": memory["full"]}


def cpu_s(gateway):
    return [sum(int(path.read_text().split()[0]) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
            for pid in (gateway.process.pid, gateway.publisher_pid())]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there")
    parser.add_argument("--messages", type=int, default=100000, help="how many wait (default 100000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liftgw-backlog-") as name:
        figures = measure(pathlib.Path(name), options.messages)
    print(f"{figures['messages']} messages wait in a ledger of {figures['ledger_mib']:.0f} MiB")
    for text in ("start to READY s    {start_full_s:8.3f}   empty {start_empty_s:.3f}, after SIGKILL "
                 "{start_after_crash_s:.3f} (the whole file is checked)",
                 "PSS KiB of liftgwd  {pss_full_kib:8d}   empty {pss_empty_kib}, highest while draining {pss_drain_kib}",
                 "drained per s       {drained_per_s:8.0f}   in {drain_s:.1f} s; CPU s liftgwd {cpu_liftgwd_s:.1f}, "
                 "liftgw-publish {cpu_publish_s:.1f}"):
        print("  " + text.format(**figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
