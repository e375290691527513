"""The ledger's disk: full, read-only, failing, hung; and a ledger that cannot be trusted. The gateway goes on observing,
says what is wrong, loses nothing that it promised, and never crashes again and again."""

import errno
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest

from harness import Process, wait_for
from harness.disk import Disk
from harness.paths import BUILD

FAULTS = ("brake_fault", "overspeed", "encoder_fault", "drive_fault", "door_open_fault")


def is_online(data):
    return data["link"] == "online"


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path / "disk")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 16 MiB: room for a ledger and its reserve."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "liftgw", folder]).returncode:
        pytest.skip("NOT TESTED: only who may mount can make a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder])


def fill(folder):
    with open(folder / "ballast", "wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"\0" * 4096)
        except OSError:
            pass


def online(world, disk=None, state_dir=None):
    """A gateway with one lift that stands still, and who listens."""
    broker, simulator = world.broker(), world.simulator()
    simulator.say("unit 1 hold on")
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["gateway"]["health_interval_s"] = 1
    gateway.settings["buses"][0]["offline_after"] = 20  # a busy machine makes no unit silent
    if state_dir:
        gateway.settings["gateway"]["state_dir"] = str(state_dir)
    if disk:
        with disk.under():
            gateway.start()
    else:
        gateway.start()
    operator.wait("state", is_online)
    operator.wait("event/restarted")
    return broker, simulator, operator, gateway


def told(operator):
    return [(message.data["fault"], message.data["event"]) for message in operator.stream()
            if message.leaf.startswith("fault/")]


@pytest.mark.parametrize("failure", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=["full", "error", "read-only"])
def test_what_the_disk_refuses_is_kept_and_told_later(world, disk, failure):
    _broker, simulator, operator, gateway = online(world, disk)
    assert operator.wait("health").data["outbox"]["reason"] is None
    disk["failure"] = failure
    for fault in FAULTS:
        simulator.fault(1, fault)
        operator.wait("state", lambda data: fault in [active["fault"] for active in data["faults"]])
    health = operator.wait("health", lambda data: data["outbox"]["reason"]).data
    assert "cannot" in health["outbox"]["reason"]
    assert re.search("ledger.db: cannot", gateway.log)
    assert not operator.select("fault"), "a message that is not in the ledger was sent"
    disk["failure"] = 0
    wait_for(lambda: len(told(operator)) == len(FAULTS), what="all that happened meanwhile")
    assert told(operator) == [(fault, "raised") for fault in FAULTS]
    healthy = operator.select("health", lambda data: not data["outbox"]["reason"])
    operator.wait("health", lambda data: not data["outbox"]["reason"], len(healthy) + 1)
    assert gateway.process.is_running() and not operator.select("link", lambda data: data["link"] == "offline")


def test_a_full_disk_still_takes_what_matters(world, small_disk):
    """The reserve is given up: faults go on to be told while nothing else fits on the disk."""
    _broker, simulator, operator, gateway = online(world, state_dir=small_disk)
    reserve = small_disk / "ledger.db.reserve"
    assert reserve.stat().st_blocks * 512 >= 2 << 20
    fill(small_disk)
    for number in range(20):
        before = len(told(operator))
        simulator.fault(1, FAULTS[number % len(FAULTS)], number // len(FAULTS) % 2 == 0)
        wait_for(lambda: len(told(operator)) > before, what=f"change {number} while the disk is full")
    wait_for(lambda: gateway.status()["outbox"]["events"] == 0, what="everything to be acknowledged")
    gateway.stop()
    gateway.start()  # also on a full disk
    operator.wait("event/restarted", count=2)
    gateway.stop()
    os.unlink(small_disk / "ballast")
    gateway.start()
    assert reserve.exists()
    gateway.stop()  # before its disk goes


def refuse(world, gateway, pattern):
    """The daemon ends at once, with a clear message; returns its status."""
    gateway.write()
    process = Process("liftgwd", [BUILD / "liftgwd", "-c", gateway.path], gateway.folder / "refused.log")
    world.processes.append(process)
    status = process.wait(20)
    assert re.search(pattern, process.log), process.log
    return status


def test_a_read_only_disk_is_refused_at_start(world, disk):
    broker, simulator, _operator, gateway = online(world)
    gateway.stop()
    disk["failure"] = errno.EROFS
    with disk.under():
        assert refuse(world, gateway, "cannot use .*ledger.db: cannot") in (73, 74)
    disk["failure"] = 0
    gateway.start()
    assert gateway.status()["outbox"]["next_seq"] > 2


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "foreign": lambda path: path.write_bytes(b"#!/bin/sh\nexit\n" * 200),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:path.stat().st_size // 2]),
    "garbled": lambda path: path.write_bytes(b"\xa5" * 1024 + path.read_bytes()[1024:]),
    "gone": lambda path: (path.with_name("ledger.db-wal").write_bytes(b"left"), path.unlink()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_ledger_that_cannot_be_trusted_is_set_aside(world, damage):
    _broker, simulator, operator, gateway = online(world)
    simulator.fault(1, "brake_fault")
    operator.wait("fault/brake_fault")
    old = gateway.status()["outbox"]
    gateway.stop()
    state = gateway.folder / "state"
    DAMAGES[damage](state / "ledger.db")
    gateway.start()
    event = operator.wait("event/ledger_replaced").data
    assert event["seq"] == 1 and event["series"] != old["series"] and event["reason"]
    assert event["old_series"] in (None, old["series"])
    asides = [path.name for path in state.glob("ledger.db.damaged-*")]
    assert event["set_aside"] in asides or damage == "gone" and f"{event['set_aside']}-wal" in asides
    assert operator.wait("event/restarted", count=2).data["seq"] == 2
    operator.wait("counters", lambda data: data["rides_total"], count=2)
    simulator.fault(1, "overspeed")
    assert operator.wait("fault/overspeed").data["series"] == event["series"]
    gateway.stop()
    gateway.start()  # no second time
    operator.wait("event/restarted", count=3)
    assert sum(message.leaf == "event/ledger_replaced" for message in operator.stream()) == 1


def test_a_newer_ledger_is_refused_and_left_alone(world):
    """78 is the status that the unit does not restart."""
    _broker, _simulator, _operator, gateway = online(world)
    gateway.stop()
    ledger = gateway.folder / "state" / "ledger.db"
    database = sqlite3.connect(ledger)
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = ledger.read_bytes()
    assert refuse(world, gateway, "newer") == 78
    assert ledger.read_bytes() == before


def test_a_hung_disk_is_left_to_the_watchdog(world, disk, monkeypatch):
    """While the disk hangs the service manager hears nothing; with a quarter of its bound it does otherwise. Killed and
    started again, the gateway tells what it had promised."""
    watchdog_s = 4
    monkeypatch.setenv("WATCHDOG_USEC", str(watchdog_s * 1000000))
    _broker, simulator, operator, gateway = online(world, disk)

    def fed(seconds):
        """How often the watchdog was fed."""
        count, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                count += b"WATCHDOG=1" in gateway.notify.recv(4096)
            except TimeoutError:
                pass
        return count

    wait_for(lambda: fed(watchdog_s) >= 2, what="the watchdog to be fed")
    disk["hang"] = 1
    simulator.fault(1, "brake_fault")
    wait_for(lambda: disk["waiting"], what="the disk to be waited for")
    fed(0.2)
    assert fed(watchdog_s) == 0
    os.kill(gateway.process.pid, signal.SIGABRT)  # what systemd does
    gateway.process.process.wait(20)
    disk["hang"] = 0
    with disk.under():
        gateway.start()
    operator.wait("fault/brake_fault")


def test_a_quiet_lift_wears_nothing_but_the_stamp(world, disk):
    """Rides and faults have their price, and a standing lift has none between two stamps (60 s)."""
    _broker, simulator, operator, gateway = online(world, disk)
    operator.wait("counters")
    wait_for(lambda: gateway.status()["outbox"]["events"] == 0, what="an empty outbox")
    time.sleep(1)
    before = disk["bytes"]
    time.sleep(5)
    quiet = disk["bytes"] - before
    before = disk["bytes"]
    for number in range(4):
        simulator.fault(1, "brake_fault", number % 2 == 0)
        wait_for(lambda: len(told(operator)) > number, what="the fault")
    wait_for(lambda: gateway.status()["outbox"]["events"] == 0, what="an empty outbox")
    fault = (disk["bytes"] - before) / 4
    print(f"bytes: standing 5 s {quiet}, each change of a fault {fault:.0f}")
    assert quiet < 16 << 10, "a stamp and, every other minute, the history"
    assert fault < 64 << 10
