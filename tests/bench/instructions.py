#!/usr/bin/python3
"""How many instructions a thousand polls take (thousand_polls.c, under callgrind), against what is stored for this
architecture and compiler in instructions.json: more than 10 % over it fails. Noise of the machine does not count.

    instructions.py PROGRAM COMPILER     the stored figure is at most; --store makes today's the figure

Status 77: nothing is stored for this compiler.
"""

import json
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FIGURES = HERE / "instructions.json"
PROFILE = HERE.parents[1] / "config" / "profiles" / "generic-ba.cfg"
ALLOWED = 1.10


def count(program):
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=thousand_polls",
             f"--callgrind-out-file={folder}/callgrind", program, PROFILE], capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", said.stderr)
    if said.returncode != 0 or not collected or collected[1] == "0":
        sys.exit(f"{program} failed:\n{said.stdout}{said.stderr}")
    print(said.stdout.strip())
    return int(collected[1])


def main():
    program, compiler = sys.argv[1:3]
    key = f"{platform.machine()} {compiler}"
    figures = json.loads(FIGURES.read_text())
    found = count(program)
    if "--store" in sys.argv:
        figures[key] = found
        FIGURES.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    stored = figures.get(key)
    if not stored:
        print(f"{found:,} instructions. NOT CHECKED: {FIGURES.name} has no figure for {key}; --store writes it")
        sys.exit(77)
    print(f"{found:,} instructions, {found / stored:.1%} of the {stored:,} stored for {key}; at most {ALLOWED:.0%}")
    sys.exit(found > ALLOWED * stored)


if __name__ == "__main__":
    main()
