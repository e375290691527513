"""liftgwctl as a person or a script runs it."""

import os
import subprocess

from .paths import BUILD


def liftgwctl(gateway, *arguments, timeout=90, **options):
    """Runs a command against the gateway's daemon; the result has returncode, stdout and stderr."""
    return subprocess.run([BUILD / "liftgwctl", "-s", gateway.control_path, *map(str, arguments)], capture_output=True,
                          text=True, timeout=timeout, env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                          stdin=subprocess.DEVNULL, **options)
