#!/usr/bin/python3
"""What a lift's day writes to the disk, measured at the real gateway: what one ride, one change of a fault and one minute
cost, times 300 rides and five faults a day (or --rides, --faults).

    cmake --preset debug && cmake --build --preset debug && LIFTGW_BUILD=build/debug tests/bench/wear.py

Bytes are what liftgwd hands to the kernel for ledger.db and its -wal; on flash every sync costs a block of 4 KiB or more
besides. The figures do not depend on the machine's speed.
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "system"))
os.environ.setdefault("LIFTGW_BUILD", str(SOURCE / "build" / "debug"))

from harness import Broker, Gateway, Simulator, wait_for  # noqa: E402
from harness.disk import Disk  # noqa: E402

RIDES_MEASURED, FAULTS_MEASURED, IDLE_S = 6, 10, 125


class Meter:
    def __init__(self, disk):
        self.disk = disk
        self.read()

    def read(self):
        """Bytes and syncs since the last reading."""
        now = [self.disk["bytes"], self.disk["syncs"]]
        since = [after - before for after, before in zip(now, getattr(self, "last", now))]
        self.last = now
        return since


def measure(folder):
    for name in ("broker", "sim", "gateway"):
        (folder / name).mkdir()
    broker, simulator = Broker(folder / "broker").start(), Simulator(folder / "sim").start()
    simulator.say("unit 1 hold on")
    disk = Disk(folder / "disk")
    gateway = Gateway(folder / "gateway", broker, simulator)
    gateway.settings["gateway"]["counters_interval_s"] = 5  # a ride and its counters by themselves
    with disk.under():
        gateway.start()
    settled = lambda: gateway.status()["outbox"]["events"] == 0  # noqa: E731
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online" and settled(), 20, "L-1 online")
    time.sleep(7)
    meter = Meter(disk)
    time.sleep(IDLE_S)
    idle = [figure / IDLE_S * 60 for figure in meter.read()]
    for number in range(FAULTS_MEASURED):
        before = gateway.status()["outbox"]["next_seq"]
        simulator.fault(1, "brake_fault", number % 2 == 0)
        wait_for(lambda: gateway.status()["outbox"]["next_seq"] > before and settled(), what="the fault")
        time.sleep(0.3)
    fault = [figure / FAULTS_MEASURED for figure in meter.read()]
    time.sleep(7)  # the counters that follow the faults
    meter.read()
    for _ in range(RIDES_MEASURED):
        simulator.say("unit 1 ride")
        time.sleep(12)
    ride = [figure / RIDES_MEASURED for figure in meter.read()]
    gateway.stop()
    simulator.stop()
    broker.stop()
    return idle, fault, ride


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rides", type=int, default=300)
    parser.add_argument("--faults", type=int, default=5, help="each is raised and cleared")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liftgw-wear-") as name:
        idle, fault, ride = measure(pathlib.Path(name))
    day = [1440 * idle[i] + 2 * options.faults * fault[i] + options.rides * ride[i] for i in range(2)]
    for what, (size, syncs) in (("a minute of standing", idle), ("a fault raised or cleared", fault), ("a ride", ride)):
        print(f"  {what:28} {size / 1024:8.1f} KiB {syncs:7.1f} syncs")
    print(f"  {'a day':28} {day[0] / 2**20:8.1f} MiB {day[1]:7.0f} syncs   "
          f"({options.rides} rides, {options.faults} faults)")


if __name__ == "__main__":
    main()
