"""liftgwctl retire: a box is scrapped, and the broker keeps nothing of it."""

import json
import os
import pty
import signal
import subprocess

import pytest

from harness import wait_for
from harness.lines import LineSocket
from harness.paths import BUILD
from harness.tool import liftgwctl


@pytest.fixture
def running(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, lifts=2)
    for lift in ("L-1", "L-2"):
        operator.wait("counters", lift=lift)
    simulator.fault(1, "door_open_fault")
    operator.wait("fault/door_open_fault", lift="L-1")
    return gateway, simulator, broker, operator


def retained(world, broker, name):
    """What somebody new is told at once."""
    newcomer = world.subscriber(broker, name=name, persistent=False)
    marker = world.subscriber(broker, "marker", name=name + "-marker", persistent=False)
    marker.client.publish("marker", b"", qos=1).wait_for_publish()
    wait_for(lambda: newcomer.select() and any(m.topic == "marker" for m in newcomer.select()), what="the marker")
    return {message.topic for message in newcomer.select() if message.payload}


def test_everything_waiting_arrives_then_every_retained_topic_is_cleared(world, running):
    gateway, simulator, broker, operator = running
    before = {message.topic for message in operator.select() if message.retain or message.leaf in
              ("meta", "link", "state", "counters", "status", "health", "fault/door_open_fault")}
    result = liftgwctl(gateway, "retire", "--yes")
    assert result.returncode == 0, result
    assert f"{len(before)} retained topics were cleared" in result.stdout, (result.stdout, before)
    assert gateway.process.wait() == 78
    gateway.killed = True  # it has ended as it should
    wait_for(lambda: len([m for m in operator.select() if m.payload == b""]) >= len(before), what="every clear")
    cleared = [message.topic for message in operator.select() if message.payload == b""]
    assert sorted(cleared) == sorted(before)  # each once
    assert cleared[-1].endswith("/B12-2/status")
    assert operator.select()[-1].payload == b""  # the will has not brought status back
    assert retained(world, broker, "newcomer") == set()

    again = subprocess.run([BUILD / "liftgwd", "-c", gateway.path], capture_output=True, text=True, timeout=20)
    assert again.returncode == 78
    assert "this box was retired on 20" in again.stderr and "ledger.db away" in again.stderr, again.stderr
    assert liftgwctl(gateway, "retire", "--yes").returncode == 69
    assert retained(world, broker, "latecomer") == set()


def test_a_moved_ledger_begins_anew(world, running):
    gateway, _simulator, broker, operator = running
    assert liftgwctl(gateway, "retire", "--yes").returncode == 0
    assert gateway.process.wait() == 78
    series = operator.wait("event/restarted").data["series"]
    ledger = gateway.folder / "state" / "ledger.db"
    ledger.rename(ledger.with_name("retired.db"))
    gateway.start()
    anew = operator.wait("event/restarted", lambda data: data["series"] != series).data
    assert anew["seq"] == 1 and anew["cause"] == "first_start"


def test_without_a_broker_nothing_is_done(world, running):
    gateway, _simulator, broker, operator = running
    broker.stop()
    wait_for(lambda: not gateway.status()["broker"]["connected"], what="the broker gone")
    result = liftgwctl(gateway, "retire", "--yes")
    assert result.returncode == 69 and "the broker is not connected" in result.stderr, result
    assert gateway.status()["ok"]
    broker.start()
    wait_for(lambda: gateway.status()["broker"]["connected"], what="the broker again")


def test_what_still_waits_arrives_first_and_the_will_is_cleared_too(world, running):
    gateway, simulator, broker, operator = running
    broker.process.signal(signal.SIGSTOP)
    try:
        simulator.fault(2, "brake_fault")
        wait_for(lambda: gateway.status()["outbox"]["events"] > 0, what="the fault to wait")
        tool = LineSocket(gateway.control_path, timeout=60)
        tool.send('{"cmd":"retire"}')
        wait_for(lambda: "already" in json.dumps(LineSocket(gateway.control_path).ask('{"cmd":"retire"}')), what="it")
        gateway.kill_publisher()  # the broker will publish its will, and let the next one go on
    finally:
        broker.process.signal(signal.SIGCONT)
    answer = json.loads(tool.receive())
    assert answer["ok"] and answer["cleared"] == 12, answer
    assert gateway.process.wait() == 78
    gateway.killed = True
    operator.wait("fault/brake_fault", lambda data: data["lift"] == "L-2")
    wait_for(lambda: operator.select()[-1].topic.endswith("/status") and operator.select()[-1].payload == b"",
             what="the last clear")
    assert retained(world, broker, "newcomer") == set()
    tool.close()


def test_who_leaves_while_it_goes_on_has_not_retired(running):
    gateway, _simulator, broker, operator = running
    broker.process.signal(signal.SIGSTOP)  # it acknowledges nothing any more
    try:
        leaver = LineSocket(gateway.control_path)
        leaver.send('{"cmd":"retire"}')
        second = LineSocket(gateway.control_path)
        assert "is being retired already" in second.ask('{"cmd":"retire"}')
        leaver.close()
        wait_for(lambda: gateway.status()["ok"], what="an answer")
    finally:
        broker.process.signal(signal.SIGCONT)
    published = {"where": lambda data: True, "lift": "L-1"}
    count = len(operator.select("meta", **published))
    operator.wait("meta", count=count + 1, **published)  # everything is published again
    assert gateway.process.is_running()
    second.close()


def test_it_asks(running):
    gateway, *_ = running
    script = liftgwctl(gateway, "retire")
    assert script.returncode == 64 and "--yes" in script.stderr
    for typed, status in ((b"yes\n", 64), (b"B12-2\n", 0)):
        controller, terminal = pty.openpty()
        tool = subprocess.Popen([BUILD / "liftgwctl", "-s", gateway.control_path, "retire"], stdin=terminal,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.close(terminal)
        os.write(controller, typed)
        output, _ = tool.communicate(timeout=90)
        os.close(controller)
        assert b"Type B12-2 to go on" in output and tool.returncode == status, output
    assert gateway.process.wait() == 78
    gateway.killed = True
