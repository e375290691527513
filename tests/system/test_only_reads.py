"""The gateway never writes to a lift: by its binary, and by what the wire saw."""

import re
import subprocess

import pytest

from harness import TRIES, wait_for
from harness.paths import BUILD

WRITERS = re.compile(r"modbus_(write|mask_write|reply|send_raw_request_tid)")


@pytest.mark.parametrize("program", ["liftgwd", "liftgwctl", "liftgw-publish"])
def test_no_program_knows_a_function_that_writes(program):
    symbols = subprocess.run(["nm", "-D", "--undefined-only", BUILD / program], check=True, capture_output=True,
                             text=True).stdout
    assert not WRITERS.findall(symbols)


def test_only_the_daemon_and_the_tools_speak_modbus():
    needs = {program: subprocess.run(["objdump", "-p", BUILD / program], check=True, capture_output=True,
                                     text=True).stdout for program in ("liftgwd", "liftgw-publish", "liftgwctl")}
    assert "libmodbus" in needs["liftgwd"] and "libmodbus" in needs["liftgwctl"]
    assert "libmodbus" not in needs["liftgw-publish"]
    assert "libpaho" in needs["liftgw-publish"]
    assert "libpaho" not in needs["liftgwd"] and "libpaho" not in needs["liftgwctl"]


def is_polite_while(simulator, troubles, end):
    """A simulator that was kept from its line finds two questions there at once, and cannot know when they came."""
    for _ in range(TRIES):
        before = simulator.stats()
        for trouble in troubles:
            simulator.say(trouble)
        wait_for(lambda: simulator.stats()["requests"] > before["requests"] + 30, what="30 more requests")
        simulator.say(end)
        impolite = {key: simulator.stats()[key] - before[key] for key in ("bad_crc", "short_silence")}
        if not any(impolite.values()):
            return
    raise AssertionError(f"{troubles}: {impolite}")


def test_the_wire_sees_reads_with_silence_between_them(world):
    """Whatever the units do: crooked frames, late ones, exceptions, noise, a plug that is pulled."""
    broker, simulator = world.broker(), world.simulator(lifts=4, baud=19200)
    gateway = world.gateway(broker, simulator, start=False, lifts=4)
    gateway.settings["buses"][0]["response_timeout_ms"] = 100
    gateway.start()
    for misbehaviour in ("crc 50%", "late 150ms", "wrong-unit 50%", "wrong-function 50%", "truncate 50%",
                         "trailing 50%", "twice 50%", "exception 2 50%", "exception 6 50%"):
        is_polite_while(simulator, (f"unit 1 {misbehaviour}", f"unit 3 {misbehaviour}"), "unit * ok")
    is_polite_while(simulator, ("noise 10%",), "noise 0%")
    assert simulator.stats()["writes"] == 0
