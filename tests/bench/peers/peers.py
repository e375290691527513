#!/usr/bin/python3
"""liftgw beside others on the same bench, one after the other in one run; optional, never part of CI.

    tests/bench/peers/peers.py                                a loop with Debian's python3-pymodbus
    npm install --prefix FOLDER node-red@3 node-red-contrib-modbus@5.23.3
    tests/bench/peers/peers.py --node-red FOLDER              and Node-RED

Eight units of 32 registers, whole blocks, 5 ms turnaround. What each is measured by is the simulator's count of replies,
the scheduler's account of CPU, and the time until the broker's subscriber has the fault.
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from rig import Broker, Simulator, Site, Subscriber, cpu_s, pss_kib, read_s, spread, wait_for  # noqa: E402

UNITS, REGISTERS, TURNAROUND_MS = 8, 32, 5


def children(pid):
    return [pid] + [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
                    for child in (task / "children").read_text().split()]


def figures(options, simulator, operator, leaf, pids, before_fault=1.0):
    replies, cpu, began = simulator.stats()["replies"], sum(map(cpu_s, pids)), time.monotonic()
    time.sleep(options.seconds)
    stats, took = simulator.stats(), time.monotonic() - began
    done, used = stats["replies"] - replies, sum(map(cpu_s, pids)) - cpu
    delays, chance = [], random.Random(1)
    for _ in range(options.samples):
        time.sleep(chance.uniform(0.5, 0.5 + before_fault))
        unit = chance.randint(1, UNITS)
        for on in (True, False):
            heard = len(operator.messages)
            changed = simulator.fault(unit, "brake_fault", on)
            message = wait_for(lambda: next((m for m in operator.messages[heard:] if leaf(m, unit)), None), 60, "the fault")
            if on:
                delays.append((message.time - changed) * 1000)
    delays = spread(delays)
    return {"of_bound": done / took * read_s(REGISTERS, options.baud, TURNAROUND_MS), "cpu": used / max(done, 1) * 1000,
            "mib": sum(map(pss_kib, pids)) / 1024, "median": delays["median"], "p99": delays["p99"],
            "short_silence": stats["short_silence"]}


def measure_liftgw(folder, options):
    with Site(folder, "bench-32", lifts=UNITS, baud=options.baud, turnaround_ms=TURNAROUND_MS, tls=False) as site:
        for bus in site.gateway.settings["buses"]:
            bus["min_poll_ms"] = 0
        site.start()
        return figures(options, site.simulator, site.operator,
                       lambda message, unit: message.leaf == "fault/brake_fault" and f"/L-{unit}/" in message.topic, site.pids())


def measure_peer(folder, options, start):
    (folder / "broker").mkdir()
    (folder / "sim").mkdir()
    broker = Broker(folder / "broker").start()
    simulator = Simulator(folder / "sim", lifts=UNITS, profile="bench-32", baud=options.baud,
                          arguments=["--turnaround-ms", TURNAROUND_MS, "--profile-dir", HERE.parent]).start()
    operator = Subscriber(broker).start()
    where = [str(simulator.device), str(options.baud), str(UNITS), str(REGISTERS), str(broker.port)]
    process = start(where, folder)
    try:
        wait_for(lambda: simulator.stats()["replies"] > 3 * UNITS, 60, "the peer to poll")
        time.sleep(3)
        return figures(options, simulator, operator, lambda message, unit: message.topic == f"peer/{unit}",
                       children(process.pid))
    finally:
        process.terminate()
        process.wait()
        for part in (operator, simulator, broker):
            part.stop()


def start_pymodbus(where, _folder):
    return subprocess.Popen(["/usr/bin/python3", HERE / "pymodbus_loop.py", *where])


def start_node_red(options):
    def start(where, folder):
        cycle_ms = round(UNITS * read_s(REGISTERS, options.baud, TURNAROUND_MS) * 1000)
        flow = subprocess.run(["node", HERE / "node_red.js", *where, str(cycle_ms)], capture_output=True, check=True).stdout
        (folder / "flows.json").write_bytes(flow)
        modules = options.node_red / "node_modules"
        (folder / "node_modules").symlink_to(modules)
        (folder / "package.json").write_text('{"name": "bench", "dependencies": {"node-red-contrib-modbus": "*"}}')
        return subprocess.Popen([modules / ".bin" / "node-red", "-u", folder, "-p", "0", "flows.json"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(folder)})
    return start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baud", type=int, choices=(9600, 115200), default=9600)
    parser.add_argument("--seconds", type=float, default=30, help="how long the pace is measured (default 30)")
    parser.add_argument("--samples", type=int, default=40, help="faults whose latency is measured (default 40)")
    parser.add_argument("--node-red", type=pathlib.Path, help="where npm installed it")
    options = parser.parse_args()
    runs = {"liftgw": measure_liftgw, "pymodbus loop": lambda folder, o: measure_peer(folder, o, start_pymodbus)}
    if options.node_red:
        runs["Node-RED"] = lambda folder, o: measure_peer(folder, o, start_node_red(options))
    print(f"{options.baud} 8N1{'':10} of bound   fault ms: median   p99   CPU s/1,000 polls   MiB   short silences", flush=True)
    for name, run in runs.items():
        with tempfile.TemporaryDirectory(prefix="liftgw-peers-") as folder:
            found = run(pathlib.Path(folder), options)
        print(f"{name:18} {found['of_bound']:9.3f} {found['median']:18.0f} {found['p99']:5.0f} {found['cpu']:19.3f} "
              f"{found['mib']:5.1f} {found['short_silence']:16d}", flush=True)


if __name__ == "__main__":
    main()
