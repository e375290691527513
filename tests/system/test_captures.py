"""Every controller ever recorded stays a test for ever: tests/captures/PROFILE/NNN.cap, replayed through a pty into the
real daemon, has to give NNN.expect. After a change that is meant: APPROVE=1 scripts/test -R captures, then git diff."""

import difflib
import os
import signal
import subprocess

from captures import Capture, Player, crc, transcript
from harness import SLIPS, TRIES, Process, wait_for
from harness.paths import CONFIG, SOURCE

CAPTURES = SOURCE / "tests" / "captures"
SETTLED_S = 3.0
APPROVE = bool(os.environ.get("APPROVE"))


def all_captures():
    return [Capture(path) for path in sorted(CAPTURES.glob("*/*.cap"))]


def set_up(gateway, players):
    """One bus and one lift for each capture, in one daemon."""
    gateway.settings["gateway"].update(language="zh", counters_interval_s=1, state_min_interval_ms=100)
    gateway.settings["buses"] = [
        {"name": player.capture.name, "device": player.device,
         "lifts": [{"id": player.capture.name, "unit": player.capture.unit, "profile": player.capture.profile}]}
        for player in players]


def test_every_profile_has_captures_with_a_header():
    captures = all_captures()
    for profile in CONFIG.glob("profiles/*.cfg"):
        assert sum(capture.profile == profile.stem for capture in captures) >= 3, profile.stem
    for capture in captures:
        assert capture.header.get("liftgw capture") == "1", capture.path
        assert capture.header.get("profile") == capture.profile, capture.path
        for key in ("controller", "source", "shows", "line"):
            assert capture.header.get(key, "?") != "?", f"{capture.path}: {key}"


def differences(world, captures):
    """Plays them all; returns {capture: lines of a diff}."""
    players = [Player(capture) for capture in captures]
    broker = world.broker()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, start=False, device="none")
    set_up(gateway, players)
    try:
        for player in players:
            player.start()
        gateway.start()
        longest = max(player.capture.seconds for player in players)
        wait_for(lambda: all(player.is_over(SETTLED_S) for player in players), longest + 30, "the captures to end")
    finally:
        for player in players:
            player.close()

    different = {}
    for player in players:
        capture = player.capture
        assert not player.unknown, f"{capture.path}: the capture knows no answer to {sorted(player.unknown)}"
        said = transcript(capture, operator)
        expected = capture.expect.read_text() if capture.expect.exists() else ""
        if said != expected and APPROVE:
            capture.expect.write_text(said)
        elif said != expected:
            different[capture] = list(difflib.unified_diff(
                expected.splitlines(), said.splitlines(), str(capture.expect.relative_to(SOURCE)), "now", lineterm="",
                n=2))
    gateway.stop()
    return different


def test_captures_say_what_they_said(world):
    """A machine that is slow for a moment plays other times than were recorded: such a capture is played again."""
    different = dict.fromkeys(all_captures())
    for _ in range(TRIES):
        different = differences(world, list(different))
        lines = [line for diff in different.values() for line in diff]
        print("\n".join(lines))
        if not different:
            return
    raise AssertionError("\n".join(["APPROVE=1 accepts this:"] + lines))


def test_scripts_capture_records_what_replays(world, tmp_path):
    """The tap changes nothing, and what it wrote can be played."""
    broker = world.broker()
    simulator = world.simulator(profile="techno-lift", baud=9600)
    simulator.say("unit 1 hold on")
    tap = Process("capture", [SOURCE / "scripts" / "capture", simulator.device, tmp_path / "out.cap", "--tap",
                              tmp_path / "tap", "--profile", "techno-lift", "--shows", "a fault"], tmp_path / "tap.log")
    world.processes.append(tap)
    wait_for(lambda: (tmp_path / "tap").exists(), what="the tap")
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, start=False, device=tmp_path / "tap")
    gateway.lifts[0]["profile"] = "techno-lift"
    gateway.settings["buses"][0]["baud"] = 9600
    gateway.start()
    operator.wait("state", lambda data: data["link"] == "online")
    simulator.say("unit 1 code 5")
    operator.wait("fault/other", lambda data: data["event"] == "raised")
    errors = gateway.status()["buses"][0]["errors"]
    assert sum(errors.values()) <= SLIPS, errors
    gateway.stop()
    tap.signal(signal.SIGINT)
    assert tap.wait() == 0

    capture = Capture(tmp_path / "out.cap")
    assert capture.header["line"] == "9600 8N1" and capture.header["profile"] == "techno-lift"
    requests = {exchange.request for exchange in capture.exchanges}
    assert all(request[:2] == b"\x01\x03" and crc(request[:-2]) == request[-2:] for request in requests)
    codes = [exchange.reply[3:5] for exchange in capture.exchanges if exchange.request[2:6] == b"\0\x07\0\x01"]
    assert codes == [b"\0\0", b"\0\x05"], "unchanged answers are left out"
    assert capture.reply(capture.exchanges[0].request, 0.0) == capture.exchanges[0].reply


def test_scripts_capture_without_a_device(tmp_path):
    answer = subprocess.run([SOURCE / "scripts" / "capture", tmp_path / "none", tmp_path / "out.cap"],
                            capture_output=True, text=True, timeout=10)
    assert answer.returncode == 1 and "none: No such file" in answer.stderr
