"""liftgwctl scan: a bus that nobody knows, and what may be wrong with one."""

import os
import re
import signal
import subprocess
import time

import pytest

from harness import TRIES, wait_for
from harness.paths import BUILD
from harness.installer import liftgwctl, start_liftgwctl

SHIM = BUILD / "tests" / "uart-shim.so"


def scan(simulator, *arguments, says, **options):
    """A simulator that stands still for a moment is another bus to a scan: without these words it is scanned again."""
    for _ in range(TRIES):
        result = liftgwctl("scan", simulator.device, *arguments, **options)
        if all(words in " ".join(result.out.split()) for words in says):
            break
    return result


def promised_seconds(text):
    """What a scan says before it begins."""
    minutes, seconds = re.search(r"takes (?:(\d+) min )?([\d.]+) s at most", text.replace("\n", " ")).groups()
    return 60 * int(minutes or 0) + float(seconds)


def test_settings_units_and_profiles(world):
    simulator = world.simulator(units=["3=generic-ba", "9=techno-lift", "10=dio-8"], baud=38400,
                                arguments=("--parity", "odd", "--stop-bits", "1"))
    result = scan(simulator, "--units", "1-12", "--baud", "38400",
                  says=("38400 8O1", "like generic-ba", "like techno-lift", "like dio-8"))
    assert result.status == 0, result.all
    assert "38400 8O1, Modbus RTU" in result.out
    found = dict(re.findall(r"^(\d+) .*looks like (\S+) ", result.out, re.MULTILINE))
    assert found == {"3": "generic-ba", "9": "techno-lift", "10": "dio-8"}, result.out
    assert 'baud = 38400; parity = "odd"; stop_bits = 1;' in result.out
    assert '{ id = "L-3"; unit = 3; profile = "generic-ba"; },' in result.out
    assert simulator.stats()["writes"] == 0


def test_the_monarch_dialect(world):
    simulator = world.simulator(units=["2=monarch-nice3000plus"], baud=9600)
    result = scan(simulator, "--units", "1-3", "--baud", "9600", says=("looks like monarch-nice3000plus",))
    assert result.status == 0 and "9600 8N1, monarch dialect" in result.out
    assert "looks like monarch-nice3000plus" in result.out


def test_likely_settings_come_first(world):
    """The settings of profiles and common practice before all else: the usual bus is found in seconds."""
    simulator = world.simulator(units=["1=generic-ba"], baud=9600)
    process = start_liftgwctl("scan", simulator.device)
    begun = time.monotonic()
    try:
        line = next(line for line in process.stderr if "answers at" in line)
        assert line == "unit 1 answers at 9600 8N1: generic-ba\n"
        assert time.monotonic() - begun < 30
    finally:
        process.send_signal(signal.SIGINT)
        out, _err = process.communicate(timeout=20)
    assert "Stopped." in out and '{ id = "L-1"; unit = 1; profile = "generic-ba"; }' in out


def test_a_dead_bus_ends_in_the_time_that_was_said(world):
    simulator = world.simulator(units=["200=generic-ba"], baud=9600)
    begun = time.monotonic()
    result = scan(simulator, "--units", "1-5", "--baud", "9600", "--stop-bits", "1", says=())
    took = time.monotonic() - begun
    assert result.status == 69 and "Nothing answers" in result.out
    promised = promised_seconds(result.err)
    assert promised < 5 and took < 1.5 * promised + 8, f"{took} s instead of {promised} s"
    assert 200 < promised_seconds(start_and_stop(simulator)) < 1200, "all that is possible, in twenty minutes"


def start_and_stop(simulator):
    """What it says first of a scan without limits."""
    process = start_liftgwctl("scan", simulator.device)
    said = [process.stderr.readline() for _ in range(4)]
    process.send_signal(signal.SIGINT)
    out, _err = process.communicate(timeout=20)
    assert process.returncode == 69 and "Stopped." in out and "nothing has answered yet" in out
    return "".join(said)


TROUBLE = [
    (["unit 1 crc 100%"], 69, "Unit 1 answers, but never well"),
    (["unit 2 crc 100%"], 0, "two devices with one unit number"),
    (["unit 1 echo", "unit 2 echo"], 69, "This adapter hears what it sends"),
    (["babble on"], 69, "Bytes without end that nobody asked for, at every speed"),
]


@pytest.mark.parametrize("deeds, status, said", TROUBLE, ids=[deeds[0] for deeds, _, _ in TROUBLE])
def test_what_is_wrong_is_named(world, deeds, status, said):
    units = ["1=generic-ba", "2=techno-lift"] if "unit 1 crc" not in deeds[0] else ["1=generic-ba"]
    simulator = world.simulator(units=units, baud=19200)
    for deed in deeds:
        simulator.say(deed)
    result = scan(simulator, "--units", "1-3", "--baud", "19200", "--parity", "none", "--stop-bits", "1", says=(said,))
    assert result.status == status, result.all
    assert said in " ".join(result.out.split()), result.out


def shimmed(device_has):
    return {"LD_PRELOAD": str(SHIM), "LIFTGW_UART": device_has, "ASAN_OPTIONS": "verify_asan_link_order=0"}


@pytest.mark.parametrize("parity, letter", [("even", "E"), ("none", "N")])
def test_parity_by_the_errors_of_the_uart(world, parity, letter):
    """A pseudo-terminal knows no parity; a UART that sees framing errors decides."""
    simulator = world.simulator(units=["1=generic-ba"], baud=19200, arguments=("--parity", parity))
    result = scan(simulator, "--units", "1-2", "--baud", "19200", environment=shimmed(parity),
                  says=(f"19200 8{letter}1, Modbus RTU",))
    assert result.status == 0 and f"19200 8{letter}1, Modbus RTU" in result.out, result.all


def test_swapped_wires(world):
    simulator = world.simulator(units=["1=generic-ba"], baud=19200)
    simulator.say("babble on")
    result = scan(simulator, "--units", "1-2", "--baud", "19200", environment=shimmed("swapped"),
                  says=("A and B are swapped",))
    assert result.status == 69 and "A and B are swapped" in " ".join(result.out.split()), result.all


def test_while_the_daemon_holds_the_bus(world):
    broker, simulator = world.broker(), world.simulator(units=["1=generic-ba", "3=techno-lift"])
    gateway = world.gateway(broker, simulator)
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="the lift online")
    result = liftgwctl("-c", gateway.path, "scan", simulator.device, "--units", "1-4")
    assert result.status == 0, result.all
    assert "liftgwd holds this bus: asking it (one read a cycle)" in result.err
    assert "Only units at its present line settings can be found" in result.err
    assert re.search(r"^3 .*looks like techno-lift", result.out, re.MULTILINE), result.out
    assert gateway.status()["lifts"][0]["link"] == "online"
    stranger = liftgwctl("-c", "nothing.cfg", "scan", simulator.device)
    assert stranger.status == 69 and "in use by another program" in stranger.err


def test_the_device_goes_in_the_middle(world):
    simulator = world.simulator(units=["200=generic-ba"], baud=9600)
    process = start_liftgwctl("scan", simulator.device, "--units", "1-30")
    process.stderr.readline()
    time.sleep(1)
    simulator.say("unplug")
    _out, err = process.communicate(timeout=20)
    assert process.returncode == 74 and "went away in the middle" in err


def test_a_unit_that_takes_its_time(world):
    """It answers after the scan has given it up, into the question to the next one."""
    simulator = world.simulator(units=["2=generic-ba"], baud=19200)
    simulator.say("unit 2 late 200ms")
    for _ in range(TRIES):
        result = scan(simulator, "--units", "1-4", "--baud", "19200", "--parity", "none", "--stop-bits", "1",
                      says=("2 4 of 4 good looks like generic-ba",))
        if "another master" not in result.out:
            break
    assert result.status == 0 and re.search(r"^2 +4 of 4 good +looks like generic-ba", result.out, re.MULTILINE), result.all
    assert "another master" not in result.out and "never well" not in result.out


@pytest.mark.parametrize("device, status, said", [
    ("nothing", 69, "is the adapter plugged in?"),
    ("/dev/null", 64, "is not a serial line"),
    ("/", 64, "is not a serial line"),
])
def test_devices_that_are_none(tmp_path, device, status, said):
    result = liftgwctl("scan", tmp_path / device)
    assert result.status == status and said in result.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its permissions")
def test_without_permission(world):
    simulator = world.simulator()
    os.chmod(simulator.device, 0o660)
    less = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    for path in (world.folder, *world.folder.parents):
        if path.stat().st_uid == os.geteuid() and str(path) != "/" and not path.stat().st_mode & 1:
            path.chmod(path.stat().st_mode | 0o711)
    result = subprocess.run([*less, BUILD / "liftgwctl", "scan", simulator.device], capture_output=True, text=True,
                            timeout=30)
    assert result.returncode == 77, result.stderr
    assert f"no permission on {simulator.device}: add yourself to group" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["/dev/null", "--baud", "12345"], ["/dev/null", "--parity", "mark"],
                                       ["/dev/null", "--stop-bits", "3"], ["/dev/null", "--units", "0-9"],
                                       ["/dev/null", "--units", "9-3"], ["/dev/null", "--speed", "9"]])
def test_wrong_usage(arguments):
    assert liftgwctl("scan", *arguments).status == 64
