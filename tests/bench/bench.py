#!/usr/bin/python3
"""What liftgw costs and how fast it is, against its goals: prints a table, and writes JSON with --json FILE.

    cmake --preset release && cmake --build --preset release && tests/bench/bench.py

The simulator keeps real wire time, so nothing here depends on the machine's speed but CPU and the last milliseconds.
Ratios are taken within one run; a figure is the median of --runs. Names of measures run those alone: bench.py pace-9600
"""

import argparse
import json
import pathlib
import tempfile
import time

import measures

MEASURES = {
    "pace-9600": lambda folder, options: measures.pace(folder, options, 9600),
    "pace-115200": lambda folder, options: measures.pace(folder, options, 115200),
    "latency-9600": lambda folder, options: measures.latency(folder, options, 9600),
    "latency-115200": lambda folder, options: measures.latency(folder, options, 115200),
    "latency-split": lambda folder, options: measures.latency(folder, options, 9600, "bench-split", 8.65),
    "split": measures.split_efficiency,
    "silent": measures.silent,
    "start": measures.start,
    "memory": measures.memory,
    "calls": measures.system_calls,
    "backlog": measures.backlog_drain,
    "buses": measures.many_buses,
    "lifts": measures.many_lifts,
    "city": measures.city,
}

# What is shown of a measure: text with its figures, and whether the goal is reached (None: there is none).
ROWS = [
    ("pace-9600", "pace of the wire's bound, 9600 8N1, 8 x 32 registers", "{of_bound:.3f}", "0.995",
     lambda f: f["of_bound"] >= 0.995),
    ("pace-115200", "the same at 115200", "{of_bound:.3f}", "0.985", lambda f: f["of_bound"] >= 0.985),
    ("pace-9600", "requests with less than 3.5 characters of silence", "{short_silence}", "0",
     lambda f: f["short_silence"] == 0),
    ("latency-9600", "fault to operator, 8 lifts of generic-ba, 9600: max ms", "{max_ms:.0f}", "{predicted_ms:.0f} predicted",
     lambda f: f["max_ms"] <= f["predicted_ms"]),
    ("latency-9600", "  median ms", "{median_ms:.0f}", "half of it", lambda f: f["median_ms"] <= f["predicted_ms"] / 2),
    ("latency-115200", "the same at 115200: max ms", "{max_ms:.0f}", "{predicted_ms:.0f} predicted + 3",
     lambda f: f["max_ms"] <= f["predicted_ms"] + 3),
    ("latency-split", "1 register fast, 31 slow, 8.65 ms turnaround: p99 ms", "{p99_ms:.0f}", "300",
     lambda f: f["p99_ms"] <= 300),
    ("latency-split", "  median ms", "{median_ms:.0f}", "150", lambda f: f["median_ms"] <= 150),
    ("split", "  pace of its bound", "{of_bound:.3f}", "0.995", lambda f: f["of_bound"] >= 0.995),
    ("latency-9600", "register read to operator, p99 ms", "{broker_p99_ms:.1f}", "3 + disk's sync {sync_p99_ms:.1f}",
     lambda f: f["broker_p99_ms"] <= 3 + f["sync_p99_ms"]),
    ("pace-115200", "CPU for a poll, of a bare loop's", "{cpu_ratio:.2f}", "2", lambda f: f["cpu_ratio"] <= 2),
    ("pace-115200", "  CPU s for 1,000 polls", "{cpu_s_per_1000_polls:.3f}", "", None),
    ("calls", "  system calls for a poll", "{per_poll:.1f}", "", None),
    ("calls", "  disk writes for a poll", "{disk_writes_per_poll:.3f}", "0", lambda f: f["disk_writes_per_poll"] < 0.01),
    ("memory", "memory of both processes, 8 lifts, TLS: MiB", "{pss_mib_8_lifts:.2f}", "8",
     lambda f: f["pss_mib_8_lifts"] <= 8),
    ("memory", "  KiB for each further lift", "{kib_per_lift:.1f}", "8", lambda f: f["kib_per_lift"] <= 8),
    ("start", "start to state of all 8 lifts, less two cycles: ms", "{over_two_cycles_ms:.0f}", "150",
     lambda f: f["over_two_cycles_ms"] <= 150),
    ("silent", "one silent unit of eight: pace of the others", "{pace_ratio:.3f}", "0.97", lambda f: f["pace_ratio"] >= 0.97),
    ("silent", "  heard again after s", "{heard_after_s:.1f}", "3", lambda f: f["heard_after_s"] <= 3),
    ("backlog", "backlog of 100,000: drained per s", "{drained_per_s:.0f}", "10000", lambda f: f["drained_per_s"] >= 10000),
    ("backlog", "  CPU for a message, of that with 10,000 waiting", "{cpu_growth:.2f}", "1", lambda f: f["cpu_growth"] <= 1.1),
    ("lifts", "64 lifts on one bus: CPU for a poll, of one lift's", "{cpu_growth:.2f}", "1", lambda f: f["cpu_growth"] <= 1.1),
    ("buses", "16 buses x 16 lifts, 115200: least pace, of alone", "{least_share_of_pace_alone:.3f}", "0.98",
     lambda f: f["least_share_of_pace_alone"] >= 0.98),
    ("buses", "  CPU for a poll, of one bus's", "{cpu_ratio:.2f}", "1", lambda f: f["cpu_ratio"] <= 1.1),
    ("city", "a city of boxes: lifts online", "{online} of {boxes}", "all", lambda f: f["online"] == f["boxes"]),
    ("city", "  faults raised and cleared, in order: {in_order}", "{raised_and_cleared} of 2 x {faults}", "all",
     lambda f: f["raised_and_cleared"] == 2 * f["faults"] and f["in_order"]),
    ("city", "  gateways together: cores", "{cores:.2f}", "1", lambda f: f["cores"] <= 1),
    ("city", "  gateways together: MiB", "{pss_mib:.0f}", "1024", lambda f: f["pss_mib"] <= 1024),
    ("city", "  cores for a box, of those in an eighth of the city", "{cores_growth:.2f}", "1",
     lambda f: f["cores_growth"] <= 1.1),
    ("city", "  memory of its own for a box, of that in an eighth", "{memory_growth:.2f}", "1",
     lambda f: f["memory_growth"] <= 1.1),
]


def print_table(figures):
    print(f"{'':58} {'measured':>14}   goal")
    for name, text, value, goal, reached in ROWS:
        if name not in figures:
            continue
        found = figures[name]
        mark = "" if reached is None else "   reached" if reached(found) else "   NOT REACHED"
        print(f"{text.format(**found):58} {value.format(**found):>14}   {goal.format(**found)}{mark}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measure", nargs="*", help=f"of {', '.join(MEASURES)}; without any: all")
    parser.add_argument("--json", type=pathlib.Path, help="add the figures to what is in this file")
    parser.add_argument("--runs", type=int, default=5, help="of which the median is taken (default 5)")
    parser.add_argument("--seconds", type=float, default=60, help="how long a pace is measured (default 60)")
    parser.add_argument("--samples", type=int, default=100, help="faults whose latency is measured (default 100)")
    parser.add_argument("--backlog", type=int, default=100000, help="messages that wait (default 100000)")
    parser.add_argument("--boxes", type=int, default=179, help="of the city (default 179)")
    options = parser.parse_args()
    if set(options.measure) - MEASURES.keys():
        parser.error(f"measures are {', '.join(MEASURES)}")

    figures = json.loads(options.json.read_text()) if options.json and options.json.exists() else {}
    for name in options.measure or MEASURES:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="liftgw-bench-") as folder:
            figures[name] = MEASURES[name](pathlib.Path(folder), options)
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
        if options.json:
            options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print_table(figures)


if __name__ == "__main__":
    main()
