"""Where things are: the source tree, and the build whose programs are tested."""

import os
import pathlib

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("LIFTGW_BUILD", SOURCE / "build" / "debug"))
CONFIG = SOURCE / "config"
