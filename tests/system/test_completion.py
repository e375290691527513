"""What bash completes of liftgwctl is what the program knows."""

import re
import shlex
import subprocess

import pytest

from harness import wait_for
from harness.installer import liftgwctl
from harness.paths import BUILD, CONFIG, SOURCE

SCRIPT = SOURCE / "gateway" / "ctl" / "liftgwctl.bash"


def complete(*words, folder="."):
    """The words that bash offers for the last of the words."""
    line = " ".join(shlex.quote(str(word)) for word in words)
    script = (f'source {shlex.quote(str(SCRIPT))}; COMP_WORDS=({shlex.quote(str(BUILD / "liftgwctl"))} {line}); '
              f'COMP_CWORD={len(words)}; _liftgwctl; printf "%s\\n" "${{COMPREPLY[@]}}"')
    result = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=30, cwd=folder,
                            stdin=subprocess.DEVNULL)
    assert result.stderr == "", "it says nothing, whatever happens"
    return set(result.stdout.split("\n")) - {""}


def commands():
    return re.findall(r"^  ([a-z]+) ", liftgwctl("-h").out, re.M)


def options(text):
    """Long and short ones of a help text."""
    return set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)\b", text))


def test_commands_and_options_before_them():
    assert complete("") == set(commands())
    assert complete("h") == {"history"} and complete("-c", "x.cfg", "st") == {"status"}
    assert complete("-") == set(re.findall(r"^  (-\w)", liftgwctl("-h").out, re.M))


@pytest.mark.parametrize("command", commands())
def test_options_of_each_command(command):
    said = liftgwctl(command, "--help").out
    if command == "init":
        assert "others   what is known already, as for scan" in said
    assert complete(command, "-") == options(said) | {"--help"}


def test_the_words_that_options_and_arguments_take():
    assert complete("scan", "/dev/ttyS0", "--parity", "") == {"none", "even", "odd"}
    assert complete("probe", "/dev/ttyS0", "--stop-bits", "1", "3", "") == {"holding", "input", "coil", "discrete"}
    assert complete("probe", "/dev/ttyS0", "3", "holding", "0", "--dialect", "m") == {"monarch"}
    assert complete("maintenance", "L-1", "") == {"on", "off"}
    assert complete("history", "--since", "") == set()


def test_names_of_profiles():
    assert complete("profiles", "") == {path.stem for path in (CONFIG / "profiles").glob("*.cfg")}


def test_names_of_files_are_names_and_nothing_else(tmp_path):
    for name in ("a b.cfg", "$(touch hit).cfg", "`touch hit`.cfg"):
        (tmp_path / name).write_text("")
    assert complete("check", "", folder=tmp_path) == {"a b.cfg", "$(touch hit).cfg", "`touch hit`.cfg"}
    assert complete("-c", "a", folder=tmp_path) == {"a b.cfg"}
    assert complete("init", "-o", "a", folder=tmp_path) == {"a b.cfg"}
    assert not (tmp_path / "hit").exists()


def test_names_of_lifts_while_the_daemon_runs(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    gateway = world.gateway(broker, simulator, lifts=2)
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="the lift online")
    for before in (["poll"], ["test"], ["maintenance"], ["history", "--lift"]):
        assert complete("-s", gateway.control_path, *before, "") == {"L-1", "L-2"}
        assert complete("-c", gateway.path, *before, "L-2") == {"L-2"}
    gateway.stop()
    assert complete("-s", gateway.control_path, "poll", "") == set()
