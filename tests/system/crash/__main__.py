"""python3 -m crash [--rounds N] [--seconds S] [--seed S] [--keep FOLDER]"""

import argparse
import pathlib
import random
import sys
import tempfile

from .run import endure
from .scene import Scene


def main():
    parser = argparse.ArgumentParser(prog="crash", description="Kills liftgw at random moments.")
    parser.add_argument("--rounds", type=int, default=100, help="troubles (100)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no new trouble after that long")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--bound", type=int, default=100000, help="outbox_max_events; a small one drops messages")
    parser.add_argument("--keep", type=pathlib.Path, help="a new folder for logs and the ledger, kept afterwards")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="liftgw-crash-") as folder:
        if options.keep:
            options.keep.mkdir(parents=True)
        with Scene(options.keep or pathlib.Path(folder), options.seed, options.bound) as scene:
            return 0 if endure(scene, options.rounds, options.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
