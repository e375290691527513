"""What can be said of unit and package without booting anything."""

import os
import shutil
import subprocess

import pytest
from harness.paths import BUILD, SOURCE
from package import build, host_suite, package

UNIT = BUILD / "systemd" / "liftgwd.service"
EXPOSURE = 13  # tenths


def run(*command):
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          cwd=SOURCE)
    return done.returncode, done.stdout


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_unit_exposes_little():
    status, said = run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", UNIT)
    assert status == 0, "\n".join(line for line in said.splitlines() if "✓" not in line)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_unit_has_no_word_that_this_systemd_does_not_know():
    """It complains of programs and papers that are not installed here; of nothing else."""
    _, said = run("systemd-analyze", "verify", UNIT)
    complaints = [line for line in said.splitlines() if "liftgwd.service" in line]
    assert not [line for line in complaints if "is not executable" not in line and "Command 'man" not in line]


@pytest.mark.skipif(os.geteuid() != 0 and not shutil.which("dh"), reason="needs debhelper")
def test_package_is_as_debian_wants_it():
    status, said = run("lintian", "--fail-on", "error,warning", package(host_suite()))
    assert status == 0, said


@pytest.mark.skipif(os.geteuid() != 0 and not shutil.which("dh"), reason="needs debhelper")
def test_same_sources_same_bytes(tmp_path):
    first = package(host_suite())
    other = tmp_path / "another" / "folder"
    other.mkdir(parents=True)
    second = build(tmp_path / "second", TMPDIR=str(other))
    assert first.name == second.name and first.read_bytes() == second.read_bytes()
