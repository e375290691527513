"""liftgwctl probe and poll: registers as they are, and as a profile reads them."""

import re
import signal
import time

import pytest

from harness import Gateway, wait_for
from harness.installer import liftgwctl, start_liftgwctl

from test_new_profile import check


class NoBroker:
    url, certificates = "mqtt://127.0.0.1:1883", None


@pytest.fixture
def simulator(world):
    simulator = world.simulator(units=["1=generic-ba", "10=dio-8"], baud=9600)
    simulator.say("unit 1 hold on")
    return simulator


def probe(simulator, *arguments):
    return liftgwctl("-c", "nothing.cfg", "probe", simulator.device, *arguments)


def test_every_interpretation(simulator):
    simulator.say("unit 1 register 0x4A 0x4048")
    simulator.say("unit 1 register 0x4B 0xF5C3")
    result = probe(simulator, 1, "holding", "0x4A:2")
    assert result.status == 0, result.all
    for said in ("0x4048", "16456", "62915", "-2621", "0100 0000 0100 1000", "1078523331", "3.14", "u32", "s32",
                 "float32", "bcd32", "decimal10000", "ABCD", "CDAB", "BADC", "DCBA"):
        assert said in result.out, result.out
    assert all(len(line) <= 80 for line in result.out.splitlines() if not line.startswith("  {")), result.out
    bits = probe(simulator, 10, "discrete", "0:8")
    assert bits.status == 0 and re.search(r"0x0007 +1", bits.out), bits.out  # mains


def test_the_rows_to_paste_are_rows_of_a_profile(simulator, tmp_path):
    rows = [row for arguments in ((1, "holding", "0x48:2"), (10, "discrete", "0:3"))
            for row in re.findall(r"^ +(\{ item .* \}),$", probe(simulator, *arguments).out, re.MULTILINE)]
    assert len(rows) == 2 + 1 + 3
    (tmp_path / "pasted.cfg").write_text('name = "pasted"; title = "t"; source = "s";\nvalues = (\n'
                                         + ",\n".join(rows) + ");\n")
    status, said = check(tmp_path, '{ id = "L-1"; unit = 1; profile = "pasted"; }', [tmp_path])
    assert status == 0, said


def test_what_changed_is_marked(simulator):
    process = start_liftgwctl("probe", simulator.device, "1", "holding", "0x43:2", "--watch")
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "or as one value" in line:
                break
        simulator.say("unit 1 register 0x44 77")
        for line in process.stdout:
            lines.append(line)
            if re.match(r"\* +0x0044", line):
                break
        assert re.match(r"\* +0x0044 .* 77 ", lines[-1])
        assert not re.match(r"\* +0x0043", lines[-2])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.mark.parametrize("arguments, status, said", [
    ((1, "holding", "0x900"), 69, "exception 02: it has no such address"),
    ((1, "input", "0x40"), 69, "exception 01: it does not know this function"),
    ((1, "holding", "0x40:100"), 69, "exception 03: it does not give that many at once"),
    ((7, "holding", "0x40"), 69, "unit 7 does not answer"),
    ((1, "holding", "0x40", "--parity", "odd"), 69, "is not a good one"),
    ((1, "holding", "0x40", "--dialect", "monarch"), 69, "is not a good one"),
    ((0, "holding", "0x40"), 64, "unit 0: must be"),
    ((1, "holdings", "0x40"), 64, "table holdings: must be"),
    ((1, "holding", "0xFFFF:2"), 64, "must be an address"),
    ((1, "holding", "64:0"), 64, "must be an address"),
    ((1, "holding"), 64, "Usage: liftgwctl probe"),
])
def test_what_does_not_work_is_said(simulator, arguments, status, said):
    result = probe(simulator, *arguments)
    assert result.status == status and said in result.err, result.all


@pytest.fixture
def configured(tmp_path, simulator):
    gateway = Gateway(tmp_path, NoBroker, simulator)
    gateway.settings["buses"][0].update(parity="none", stop_bits=1)
    gateway.lifts.append({"id": "L-10", "unit": 10, "profile": "dio-8"})
    gateway.write()
    return gateway


def test_poll_without_the_daemon(configured, simulator):
    simulator.say("unit 1 register 0x44 5000")
    simulator.fault(1, "brake_fault")
    result = liftgwctl("-c", configured.path, "poll", "L-1")
    assert result.status == 0, result.all
    assert "lift L-1, unit 1 generic-ba, answers" in result.out and "1 row is not fine" in result.out
    assert re.search(r"^load_percent +0x0044 u16 +5000 +range +- +generic-ba:28$", result.out, re.MULTILINE), result.out
    assert re.search(r"^door +rule +\w+ +generic-ba:39$", result.out, re.MULTILINE)
    assert "28 of 29 places of faults show none" in result.out
    assert re.search(r"^brake_fault +0x0041 bit 14 +1 +yes +generic-ba:\d+$", result.out, re.MULTILINE), result.out
    assert re.search(r"^service_mode .* ok +normal +generic-ba:14$", result.out, re.MULTILINE)
    assert all(len(line) <= 80 for line in result.out.splitlines())
    assert liftgwctl("-c", configured.path, "poll", "L-2").status == 64
    simulator.say("unit 10 silent")
    silent = liftgwctl("-c", configured.path, "poll", "L-10")
    assert silent.status == 69 and "unit 10 does not answer well (timeout)" in silent.err
    simulator.say("unit 1 exception 2 100%")
    stranger = liftgwctl("-c", configured.path, "poll", "L-1")
    assert stranger.status == 69 and "no values" in stranger.out
    assert 'unit 1 is there, but has nothing of what profile "generic-ba" reads (exceptions)' in stranger.err


def test_a_row_is_shown_with_its_own_file(tmp_path, world):
    simulator = world.simulator(units=["1=monarch-nice3000plus"], baud=9600)
    gateway = Gateway(tmp_path, NoBroker, simulator)
    gateway.lifts[0].update(profile="monarch-nice3000plus")
    gateway.write()
    result = liftgwctl("-c", gateway.path, "poll", "L-1")
    assert result.status == 0, result.all
    assert re.search(r"^speed_mm_s .* monarch-values:2$", result.out, re.MULTILINE), result.out
    assert re.search(r"^occupied +rule +- +monarch-faults:10$", result.out, re.MULTILINE), result.out
    assert "not fine" not in result.out


def test_a_daemon_that_has_no_time_is_not_a_silent_unit(world, simulator):
    """It reads for a tool once a cycle, and here the next cycle is far off."""
    gateway = world.gateway(world.broker(), simulator, start=False)
    gateway.settings["buses"][0]["min_poll_ms"] = 60000
    gateway.start()
    for _ in range(3):
        result = liftgwctl("-c", gateway.path, "probe", simulator.device, 1, "holding", "0x40")
        if result.status != 0:
            break
    assert result.status == 69 and "liftgwd says: nothing came within 10 s: the line is busy" in result.err
    assert "does not answer" not in result.err


def test_through_the_daemon(world):
    broker, simulator = world.broker(), world.simulator()
    gateway = world.gateway(broker, simulator)
    simulator.say("unit 1 hold on")
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="the lift online")
    through = liftgwctl("-c", gateway.path, "poll", "L-1")
    assert through.status == 0, through.all
    assert "liftgwd holds this bus: asking it" in through.err and "lift L-1, unit 1 generic-ba, online" in through.out
    read = liftgwctl("-c", gateway.path, "probe", simulator.device, 1, "holding", "0x4A:2")
    assert read.status == 0 and "liftgwd holds this bus" in read.err
    gateway.stop()
    time.sleep(0.2)
    alone = liftgwctl("-c", gateway.path, "poll", "L-1")
    assert alone.status == 0 and "holds" not in alone.err

    def values(result):
        return {line.split()[0]: line for line in result.out.splitlines()[2:]
                if line and not line.startswith(("heartbeat", "run_hours"))}
    assert values(alone) == values(through)
