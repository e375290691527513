"""The Debian package under test, built once for each Debian."""

import functools
import os
import pathlib
import subprocess
import tempfile

from harness.paths import SOURCE


def host_suite():
    return next(line.split("=")[1].strip() for line in pathlib.Path("/etc/os-release").read_text().splitlines()
                if line.startswith("VERSION_CODENAME="))


def build(out, *where, **environment):
    done = subprocess.run([SOURCE / "scripts/package", "--out", out, *where], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout[-8000:]
    return pathlib.Path(done.stdout.splitlines()[-1])


@functools.lru_cache(maxsize=None)
def package(suite):
    if "LIFTGW_PACKAGE" in os.environ:
        return pathlib.Path(os.environ["LIFTGW_PACKAGE"])
    return build(tempfile.mkdtemp(prefix="liftgw-package-"), *([] if suite == host_suite() else [suite]))
