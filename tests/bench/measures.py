"""Each measure is a function: it gets a folder and the options, and returns its figures."""

import contextlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import backlog
from rig import HERE, Broker, Site, Subscriber, cpu_s, percentile, pss_kib, read_s, spread, wait_for

REGISTERS = 32
SPLIT_SLOW = (10, 10, 10, 1)  # how the plan cuts the 31 slow registers, where address 1 stands alone between them


def next_step(count):
    """The moment at which count() goes up, and what it is then. Read at any moment, a count of polls is up to one too
    low: one in a hundred, where a poll takes 88 ms."""
    before = count()
    while (now := count()) == before:
        time.sleep(0.0005)
    return time.monotonic(), now


def rate(count, seconds):
    """How many a second."""
    began, before = next_step(count)
    time.sleep(seconds)
    ended, after = next_step(count)
    return (after - before) / (ended - began)


def paced(site, seconds, parts=3):
    """Polls a second of each bus: medians over the parts of the time."""
    time.sleep(2)
    rates = []
    for _ in range(parts):
        began, before = time.monotonic(), site.polls()
        time.sleep(seconds / parts)
        took = time.monotonic() - began
        rates.append([(now - then) / took for now, then in zip(site.polls(), before)])
    return [statistics.median(rate) for rate in zip(*rates)]


def raise_faults(site, samples, profile_fault="brake_fault", seed=1, pause=0.5):
    """Faults at random moments of the cycle, one at a time. Yields (seconds from the register to the operator, the same
    from the reading to the operator)."""
    chance = random.Random(seed)
    units = len(site.gateway.settings["buses"][0]["lifts"])
    ids = site.lift_ids
    leaf = f"fault/{profile_fault}"
    for _ in range(samples):
        time.sleep(chance.uniform(0, pause))
        unit = chance.randint(1, units)
        for on in (True, False):
            lift = ids[unit - 1]
            count = len(site.operator.select(leaf, lift=lift)) + 1
            changed = site.simulator.fault(unit, profile_fault, on)
            message = site.operator.wait(leaf, lift=lift, count=count, timeout=60)
            if on:  # a clear has its delay
                observed = time.time() - time.monotonic() + message.time - wall(message.data["time"])
                yield message.time - changed, observed


def wall(text):
    """Seconds since the epoch of an RFC 3339 time in UTC."""
    import datetime
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def pace(folder, options, baud):
    """Whole blocks of 32 registers: what of the wire's bound is reached, and what it costs."""
    with Site(folder, "bench-32", baud=baud, gateway={"state_interval_s": 0}) as site:
        for bus in site.gateway.settings["buses"]:
            bus["min_poll_ms"] = 0
        site.start()
        time.sleep(2)
        bound = 1 / read_s(REGISTERS, baud, 5)
        shares, costs = [], []
        for _ in range(options.runs):
            polls, cpu = sum(site.polls()), [cpu_s(pid) for pid in site.pids()]
            time.sleep(options.seconds / options.runs)
            done = sum(site.polls()) - polls
            costs.append(sum(now - then for now, then in zip([cpu_s(pid) for pid in site.pids()], cpu)) / done * 1000)
            shares.append(rate(lambda: sum(site.polls()), options.seconds / options.runs) / bound)
        stats = site.simulator.stats()
        memory = [pss_kib(pid) / 1024 for pid in site.pids()]
        site.gateway.stop()
        bare = bare_loop(folder, site.simulator, baud, polls=min(1000, int(bound * options.seconds / 2)))
    return {"of_bound": statistics.median(shares), "polls_per_s": statistics.median(shares) * bound,
            "cpu_s_per_1000_polls": statistics.median(costs), "bare_loop_cpu_s_per_1000_polls": bare,
            "cpu_ratio": statistics.median(costs) / bare, "pss_mib": sum(memory), "pss_liftgwd_mib": memory[0],
            "pss_publish_mib": memory[1], "short_silence": stats["short_silence"]}


def bare_loop(folder, simulator, baud, polls):
    """CPU seconds for 1,000 polls of a write/sleep/read loop on the same bus."""
    program = folder / "loop"
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", program, HERE / "loop.c"], check=True)
    sleep_us = int((read_s(REGISTERS, baud, 5) + 0.0015) * 1e6)
    said = subprocess.run([program, simulator.device, str(baud), str(polls), "1", str(REGISTERS), str(sleep_us)],
                          capture_output=True, text=True, check=True, timeout=600)
    return float(said.stdout) / polls * 1000


def latency(folder, options, baud, profile="generic-ba", turnaround_ms=5):
    """From the register to the operator, against what `liftgwctl check` says before."""
    with Site(folder, profile, baud=baud, turnaround_ms=turnaround_ms) as site:
        site.start()
        time.sleep(1)
        cycle_ms = site.gateway.status()["buses"][0]["cycle_ms"]
        polls, began = sum(site.polls()), time.monotonic()
        pairs = list(raise_faults(site, options.samples))
        pace = (sum(site.polls()) - polls) / (time.monotonic() - began)
        forecast = site.forecast()
    delays = spread([delay * 1000 for delay, _ in pairs])
    after_reading = spread([observed * 1000 for _, observed in pairs])
    predicted = forecast["lifts"][0]["quickest_fault"]["total_ms"] if forecast else None
    return {"median_ms": delays["median"], "p99_ms": delays["p99"], "max_ms": delays["max"], "predicted_ms": predicted,
            "cycle_ms": cycle_ms, "samples": options.samples, "polls_per_s": pace,
            "broker_median_ms": after_reading["median"], "broker_p99_ms": after_reading["p99"],
            "sync_p99_ms": sync_p99_ms(folder)}


def sync_p99_ms(folder):
    """What the disk takes to make 4 KiB safe."""
    times = []
    with open(folder / "sync", "wb") as file:
        for _ in range(300):
            file.write(bytes(4096))
            file.flush()
            began = time.monotonic()
            os.fdatasync(file.fileno())
            times.append((time.monotonic() - began) * 1000)
    return percentile(times, 0.99)


def split_efficiency(folder, options):
    """Polls a second with one register fast and 31 slow, against the bound of exactly those reads."""
    with Site(folder, "bench-split", turnaround_ms=8.65) as site:
        site.start()
        time.sleep(2)
        pace = rate(lambda: sum(site.polls()), options.seconds)
    fast = 8 * read_s(1, 9600, 8.65)
    slow = statistics.mean(read_s(count, 9600, 8.65) for count in split_slow_counts())
    return {"of_bound": pace * (fast + slow) / 9, "polls_per_s": pace}


def split_slow_counts():
    """The slow reads of bench-split as the plan cuts them: register 0 by itself, then 2 to 31 in tens."""
    return [1, 10, 10, 10]


def memory(folder, options):
    """What both processes hold (proportional set size), TLS on, by lifts. What a further lift adds is anonymous memory:
    the proportional size of libraries goes with who else on the machine uses them."""
    figures, own = {}, {}
    for lifts in (8, 16, 32, 64):
        with tempfile.TemporaryDirectory(dir=folder) as name, \
                Site(Path(name), lifts=lifts, baud=115200, turnaround_ms=1) as site:
            site.start()
            pids = site.pids()  # it asks for the status, whose answer is large and must be gone before
            time.sleep(3)
            figures[lifts] = sum(pss_kib(pid) for pid in pids)
            own[lifts] = sum(pss_kib(pid, "Anonymous") for pid in pids)
    return {"pss_mib_8_lifts": figures[8] / 1024, "kib_per_lift": (own[64] - own[8]) / 56,
            "by_lifts_kib": figures, "anonymous_by_lifts_kib": own}


def start(folder, options):
    """From exec to a `state` of every lift at the operator."""
    over = []
    for run in range(options.runs):
        with tempfile.TemporaryDirectory(dir=folder) as name, Site(Path(name)) as site:
            began = time.monotonic()
            site.gateway.start()
            for lift in site.lift_ids:
                site.operator.wait("state", lambda data: data["link"] == "online", lift=lift, timeout=60)
            last = max(site.operator.select("state", lambda data: data["link"] == "online", lift=lift)[0].time
                       for lift in site.lift_ids)
            time.sleep(1)
            over.append(((last - began) * 1000, site.gateway.status()["buses"][0]["cycle_ms"]))
    return {"ms": statistics.median(ms for ms, _ in over), "cycle_ms": statistics.median(cycle for _, cycle in over),
            "over_two_cycles_ms": statistics.median(ms - 2 * cycle for ms, cycle in over)}


def silent(folder, options):
    """One silent unit of eight: the others' pace against the bus without it, and when it is heard again."""
    def others(site):
        return sum(unit["polls"] for lift in site.gateway.status()["lifts"] for unit in lift["units"][:1]
                   if lift["link"] == "online")

    def pace_of_seven(site):
        return statistics.median(rate(lambda: others(site), options.seconds / options.runs) for _ in range(options.runs))

    with tempfile.TemporaryDirectory(dir=folder) as name, Site(Path(name), "bench-32", lifts=7) as site:
        site.start()
        alone = pace_of_seven(site)
    returns = []
    with tempfile.TemporaryDirectory(dir=folder) as name, Site(Path(name), "bench-32") as site:
        site.start()
        site.simulator.say("unit 4 silent")
        wait_for(lambda: site.gateway.status()["lifts"][3]["link"] == "offline", 60, "unit 4 offline")
        time.sleep(10)
        beside = pace_of_seven(site)
        for _ in range(options.runs):
            time.sleep(random.uniform(2, 5))
            site.simulator.say("unit 4 ok")
            began = time.monotonic()
            wait_for(lambda: site.gateway.status()["lifts"][3]["link"] == "online", 60, "unit 4 online")
            returns.append(time.monotonic() - began)
            site.simulator.say("unit 4 silent")
            wait_for(lambda: site.gateway.status()["lifts"][3]["link"] == "offline", 60, "unit 4 offline")
    return {"pace_ratio": beside / alone, "heard_after_s": max(returns)}


def many_buses(folder, options):
    """16 buses of 16 lifts in one process: each bus's pace against one alone, and the CPU of a poll."""
    def run(buses):
        with tempfile.TemporaryDirectory(dir=folder) as name, \
                Site(Path(name), lifts=16, buses=buses, baud=115200, listen=False) as site:
            site.start()
            time.sleep(2)
            polls, cpu = sum(site.polls()), cpu_s(site.gateway.process.pid)
            rates = paced(site, options.seconds)
            used = (cpu_s(site.gateway.process.pid) - cpu) / (sum(site.polls()) - polls) * 1000
        return rates, used

    by_buses = {}
    for buses in (1, 4, 16):
        rates, used = run(buses)
        by_buses[buses] = {"least_rate": min(rates), "cpu_s_per_1000_polls": used}
    return {"least_share_of_pace_alone": by_buses[16]["least_rate"] / by_buses[1]["least_rate"],
            "cpu_ratio": by_buses[16]["cpu_s_per_1000_polls"] / by_buses[1]["cpu_s_per_1000_polls"], "by_buses": by_buses}


def many_lifts(folder, options):
    """1 to 64 lifts on one bus: latency predicted and measured."""
    by_lifts = {}
    for lifts in (1, 2, 4, 8, 16, 32, 64):
        with tempfile.TemporaryDirectory(dir=folder) as name, Site(Path(name), lifts=lifts) as site:
            site.start()
            pause = 1 + lifts / 16
            delays = spread([delay * 1000 for delay, _ in raise_faults(site, max(8, options.samples // 4), pause=pause)])
            forecast = site.forecast()
            polls, cpu = sum(site.polls()), cpu_s(site.gateway.process.pid)
            time.sleep(10)
            cpu = (cpu_s(site.gateway.process.pid) - cpu) / (sum(site.polls()) - polls) * 1000
            by_lifts[lifts] = {"cpu_s_per_1000_polls": cpu,
                               "predicted_ms": forecast["lifts"][0]["quickest_fault"]["total_ms"] if forecast else None,
                               "median_ms": delays["median"], "p99_ms": delays["p99"], "max_ms": delays["max"]}
    return {"by_lifts": by_lifts,
            "cpu_growth": by_lifts[64]["cpu_s_per_1000_polls"] / by_lifts[1]["cpu_s_per_1000_polls"]}


def system_calls(folder, options):
    """System calls of liftgwd for a poll with unchanged values, and what it writes to the disk for them."""
    with Site(folder, "bench-32") as site:
        site.start()
        time.sleep(3)
        pid = site.gateway.process.pid
        polls = sum(site.polls())
        trace = subprocess.Popen(["strace", "-c", "-f", "-o", folder / "strace", "-p", str(pid)], stderr=subprocess.DEVNULL)
        time.sleep(10)
        trace.send_signal(2)
        trace.wait(10)
        done = sum(site.polls()) - polls
    calls = {}
    for line in (folder / "strace").read_text().splitlines():
        match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if match and match.group(2) != "total":
            calls[match.group(2)] = int(match.group(1)) / done
    return {"per_poll": sum(calls.values()), "by_name": {name: round(n, 2) for name, n in calls.items() if n >= 0.01},
            "disk_writes_per_poll": sum(n for name, n in calls.items() if name in ("pwrite64", "fdatasync", "fsync"))}


def backlog_drain(folder, options):
    """100,000 messages that wait: how fast they go, and whether one costs more than when few wait."""
    by_messages = {}
    for count in (options.backlog // 100, options.backlog // 10):
        with tempfile.TemporaryDirectory(dir=folder) as name:
            by_messages[count] = backlog.measure_drain(Path(name), count)["cpu_us_per_message"]
    figures = backlog.measure(folder, options.backlog)
    by_messages[options.backlog] = figures["cpu_us_per_message"]
    return figures | {"cpu_us_by_messages": by_messages,
                      "cpu_growth": by_messages[options.backlog] / by_messages[options.backlog // 10]}


INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")  # each simulator takes one; Linux allows a user 128


@contextlib.contextmanager
def room_for_simulators(count):
    before = INOTIFY.read_text()
    needed = count + 32
    if int(before) < needed:
        try:
            INOTIFY.write_text(str(needed))
        except PermissionError:
            sys.exit(f"{count} simulators need: sudo sysctl fs.inotify.max_user_instances={needed}")
    try:
        yield
    finally:
        if INOTIFY.read_text() != before:
            INOTIFY.write_text(before)


def city(folder, options):
    """So many boxes with one lift each against one broker: all online, every fault once and in order."""
    by_boxes = {}
    with room_for_simulators(options.boxes):
        for boxes in (options.boxes // 8, options.boxes // 2, options.boxes):
            with tempfile.TemporaryDirectory(dir=folder) as name:
                figures = run_city(Path(name), options, boxes)
            by_boxes[boxes] = {"cores_per_box": figures["cores"] / boxes, "anonymous_mib_per_box": figures["own_mib"] / boxes}
    least, most = by_boxes[options.boxes // 8], by_boxes[options.boxes]
    return figures | {"by_boxes": by_boxes, "cores_growth": most["cores_per_box"] / least["cores_per_box"],
                      "memory_growth": most["anonymous_mib_per_box"] / least["anonymous_mib_per_box"]}


def run_city(folder, options, boxes):
    (folder / "broker").mkdir()
    broker = Broker(folder / "broker").start()
    operator = Subscriber(broker).start()
    sites = []
    try:
        for number in range(1, boxes + 1):
            box = folder / f"box{number}"
            box.mkdir()
            site = Site(box, lifts=1, broker=broker, name=f"B{number}", first_lift=number, listen=False)
            sites.append(site)
            site.gateway.start()
        for site in sites:
            operator.wait("state", lambda data: data["link"] == "online", lift=site.lift_ids[0], timeout=120)
        pids = [pid for site in sites for pid in site.pids()]
        began, cpu = time.monotonic(), sum(map(cpu_s, pids))
        faults = 0
        chance = random.Random(1)
        while time.monotonic() - began < options.seconds:
            site = chance.choice(sites)
            site.simulator.fault(1, "brake_fault", True)
            time.sleep(0.5)
            site.simulator.fault(1, "brake_fault", False)
            time.sleep(0.5)
            faults += 1
        cores = (sum(map(cpu_s, pids)) - cpu) / (time.monotonic() - began)
        kib = sum(map(pss_kib, pids))
        own_kib = sum(pss_kib(pid, "Anonymous") for pid in pids)
        wait_for(lambda: len(operator.select("fault/brake_fault", stream=True)) >= 2 * faults, 30, "every fault")
        heard = operator.select("fault/brake_fault", stream=True)
        last, ordered = {}, True
        for message in operator.select(stream=True):
            data = message.data
            ordered &= data["seq"] > last.get(data["gateway"], 0)
            last[data["gateway"]] = data["seq"]
        online = sum(site.gateway.status()["lifts"][0]["link"] == "online" for site in sites)
    finally:
        for site in sites:
            site.__exit__()
        operator.stop()
        broker.stop()
    return {"boxes": boxes, "online": online, "faults": faults, "raised_and_cleared": len(heard),
            "in_order": ordered, "cores": cores, "pss_mib": kib / 1024, "own_mib": own_kib / 1024}
