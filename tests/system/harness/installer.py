"""liftgwctl as somebody types it who stands beside a bus, with no daemon to ask."""

import dataclasses
import os
import subprocess

from .paths import BUILD


@dataclasses.dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def all(self):
        return self.out + self.err


def liftgwctl(*arguments, timeout=120, environment=None, columns=80):
    """Runs it to its end."""
    result = subprocess.run([str(part) for part in (BUILD / "liftgwctl", *arguments)], capture_output=True, text=True,
                            timeout=timeout, stdin=subprocess.DEVNULL,
                            env={**os.environ, "COLUMNS": str(columns), **(environment or {})})
    assert "AddressSanitizer" not in result.stderr and "runtime error" not in result.stderr, result.stderr
    return Result(result.returncode, result.stdout, result.stderr)


def start_liftgwctl(*arguments):
    """Starts it; what it prints can be read while it runs."""
    return subprocess.Popen([str(part) for part in (BUILD / "liftgwctl", *arguments)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
