"""What is full: the outbox, the disk. Nothing goes without a word, and what is shown stays true."""

import os
import pathlib
import subprocess
import time

import pytest

from harness import wait_for
from harness.tool import liftgwctl


def is_online(data):
    return data["link"] == "online"


def test_every_dropped_message_is_named(world):
    """28 faults against an outbox of ten while the broker is away: what did not arrive is named by a gap."""
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["gateway"]["outbox_max_events"] = 10
    gateway.start()
    operator.wait("state", is_online)
    operator.wait("event/restarted")
    broker.stop()
    wait_for(lambda: not gateway.status()["broker"]["connected"], what="the broker to be missed")
    for fault in ("overspeed", "brake_fault", "encoder_fault", "door_open_fault", "door_close_fault", "drive_fault",
                  "relevel_fault"):
        before = gateway.status()["outbox"]["next_seq"]
        simulator.fault(1, fault)
        wait_for(lambda: gateway.status()["outbox"]["next_seq"] > before, what=f"{fault} in the ledger")
        simulator.fault(1, fault, False)
        wait_for(lambda: gateway.status()["outbox"]["next_seq"] > before + 1, what=f"{fault} cleared in the ledger")
    last = gateway.status()["outbox"]["next_seq"] - 1
    broker.start()
    late = world.subscriber(broker, "yancheng/#", name="late")
    wait_for(lambda: gateway.status()["outbox"]["events"] == 0, what="the outbox to be empty")
    seen = {message.data["seq"] for one in (operator, late) for message in one.select(stream=True)}
    gaps = [message.data for one in (operator, late) for message in one.select("event/gap")]
    named = {seq for gap in gaps for seq in range(gap["from"], gap["to"] + 1)}
    assert gaps and seen | named >= set(range(1, last + 1)), (sorted(seen), gaps)
    unique = {gap["seq"]: gap for gap in gaps}.values()
    assert sum(gap["count"] for gap in unique) == len(set(range(1, last + 1)) - seen)
    world.subscribers.clear()  # the gaps are what this test is about: nothing else to check at the end


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "liftgw", folder]).returncode:
        pytest.skip("only who may mount can make a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder])


def fill(folder):
    with open(folder / "ballast", "wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"\0" * 4096)
        except OSError:
            pass


def test_a_full_disk_keeps_faults_and_shows_what_is(world, small_disk):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False, lifts=2)
    gateway.settings["gateway"]["state_dir"] = str(small_disk)
    gateway.start()
    operator.wait("state", is_online, lift="L-1")
    operator.wait("state", is_online, lift="L-2")
    fill(small_disk)
    for fault in ("brake_fault", "overspeed", "encoder_fault"):
        simulator.fault(1, fault)
    operator.wait("state", lambda data: len(data["faults"]) == 3, lift="L-1")
    simulator.say("unit 2 silent")
    operator.wait("state", lambda data: data["link"] == "offline" and data["floor"] is None, lift="L-2")
    critical = liftgwctl(gateway, "status")
    assert critical.returncode == 2 and "ledger   CANNOT BE WRITTEN" in critical.stdout, critical
    put_off = liftgwctl(gateway, "test", "L-1")
    assert put_off.returncode == 69 and "nothing was sent" in put_off.stderr, put_off
    os.unlink(small_disk / "ballast")
    for fault in ("brake_fault", "overspeed", "encoder_fault"):
        operator.wait(f"fault/{fault}")
    stories = [(message.data["fault"], message.data["event"]) for message in operator.select("fault", stream=True)]
    assert sorted(stories) == [("brake_fault", "raised"), ("encoder_fault", "raised"), ("overspeed", "raised")]
    gateway.stop()  # before its disk goes


def cpu_s(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_full_disk_costs_no_processor(world, small_disk):
    """Acknowledgements that cannot be written are tried again, but not without end."""
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["gateway"]["state_dir"] = str(small_disk)
    gateway.start()
    operator.wait("state", is_online)
    broker.stop()
    wait_for(lambda: not gateway.status()["broker"]["connected"], what="the broker to be missed")
    for fault in ("brake_fault", "overspeed", "encoder_fault"):
        simulator.fault(1, fault)
    wait_for(lambda: gateway.status()["outbox"]["events"] >= 3, what="three to wait")
    fill(small_disk)
    broker.start()
    wait_for(lambda: gateway.status()["broker"]["connected"], what="the broker to be back")
    time.sleep(0.5)
    before, began = cpu_s(gateway.process.process), time.monotonic()
    time.sleep(3)
    assert cpu_s(gateway.process.process) - before < 0.5 * (time.monotonic() - began)
    os.unlink(small_disk / "ballast")
    wait_for(lambda: gateway.status()["outbox"]["events"] == 0, what="the outbox to be empty")
    gateway.stop()
