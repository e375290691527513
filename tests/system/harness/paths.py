"""Where things are: the source tree, and the build whose programs are tested."""

import os
import pathlib
import shlex

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("LIFTGW_BUILD", SOURCE / "build" / "debug"))
CONFIG = SOURCE / "config"
# What liftgwd is run under, and with it liftgw-publish: LIFTGW_WRAPPER="valgrind --trace-children=yes …", as
# tests/valgrind.supp says.
WRAPPER = shlex.split(os.environ.get("LIFTGW_WRAPPER", ""))
