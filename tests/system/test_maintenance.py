"""liftgwctl maintenance: a lift whose controller has no inspection contact is worked on, and nobody is woken."""

import json

import pytest

from harness import wait_for
from harness.tool import liftgwctl


@pytest.fixture
def running(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, lifts=2)
    wait_for(lambda: all(lift["link"] == "online" for lift in gateway.status()["lifts"]), what="both lifts online")
    return gateway, simulator, operator


def test_it_is_told_and_suppresses_and_outlives_a_restart(running):
    gateway, simulator, operator = running
    begun = liftgwctl(gateway, "maintenance", "L-1", "on", "--for", "2h")
    assert begun.returncode == 0 and "L-1 is in maintenance until" in begun.stdout, begun
    told = operator.wait("event/maintenance", lift="L-1").data
    assert told["on"] is True and told["until"]

    simulator.fault(1, "door_open_fault")
    simulator.fault(2, "door_open_fault")
    suppressed = operator.wait("fault/door_open_fault", lift="L-1").data
    assert suppressed["alarm"] is False and suppressed["suppressed"] == "maintenance"
    assert operator.wait("fault/door_open_fault", lift="L-2").data["alarm"] is True
    assert "L-1: in maintenance until" in liftgwctl(gateway, "status").stdout

    gateway.kill()
    gateway.start()
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="L-1 online again")
    assert gateway.status()["lifts"][0]["maintenance_until"] == told["until"]
    simulator.fault(1, "brake_fault")
    assert operator.wait("fault/brake_fault", lift="L-1").data["suppressed"] == "maintenance"

    ended = liftgwctl(gateway, "maintenance", "L-1", "off")
    assert ended.returncode == 0 and "no longer" in ended.stdout
    operator.wait("event/maintenance", lambda data: data["on"] is False, lift="L-1")
    again = liftgwctl(gateway, "maintenance", "L-1", "off")
    assert again.returncode == 0 and "was not in maintenance" in again.stdout
    assert sum(message.leaf == "event/maintenance" for message in operator.stream()) == 2


@pytest.mark.parametrize("arguments, says", [
    (["L-1", "on"], "Usage"), (["L-1", "off", "--for", "2h"], "Usage"), (["L-1"], "Usage"), ([], "Usage"),
    (["L-1", "perhaps"], "Usage"), (["L-1", "on", "--for", "59s"], "1min to 24h"),
    (["L-1", "on", "--for", "25h"], "1min to 24h"), (["L-1", "on", "--for", "long"], "1min to 24h"),
    (["L1", "on", "--for", "1h"], 'did you mean "L-1"?'), (["elsewhere", "off"], "liftgwctl status lists them")])
def test_a_wrong_command_line_says_what_is_right(running_once, arguments, says):
    result = liftgwctl(running_once, "maintenance", *arguments)
    assert result.returncode == 64 and says in result.stderr, result


@pytest.mark.parametrize("request_", [
    {"lift": "L-1"}, {"lift": "L-1", "on": 1, "for_s": 60}, {"lift": "L-1", "on": True},
    {"lift": "L-1", "on": True, "for_s": 59}, {"lift": "L-1", "on": True, "for_s": 86401},
    {"lift": "L-1", "on": True, "for_s": "60"}, {"lift": "L-9", "on": False}, {"on": False}], ids=json.dumps)
def test_so_does_the_socket(running_once, request_):
    answer = running_once.ask(cmd="maintenance", **request_)
    assert answer["ok"] is False and answer["error"] and answer["retry"] is False, answer
    assert running_once.status()["lifts"][0]["maintenance_until"] is None


@pytest.fixture(scope="module")
def running_once(tmp_path_factory):
    """One gateway for all that changes nothing."""
    from conftest import World
    world = World(tmp_path_factory.mktemp("world"))
    try:
        yield world.gateway(world.broker(), world.simulator())
        world.end()
    finally:
        world.abandon()
