"""liftgwctl history: what happened, whether it was sent, and the minute that led to a fault."""

import datetime
import json
import time

import pytest

from harness import wait_for
from harness.ledger import fill, opened
from harness.lines import LineSocket
from harness.tool import liftgwctl


@pytest.fixture
def running(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, lifts=2)
    wait_for(lambda: all(lift["link"] == "online" for lift in gateway.status()["lifts"]), what="both lifts online")
    return gateway, simulator, broker, operator


def entries(gateway, *arguments):
    result = liftgwctl(gateway, "history", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_what_happened_when_it_was_sent_and_when_acknowledged(running):
    gateway, simulator, broker, operator = running
    simulator.fault(1, "door_open_fault")
    operator.wait("fault/door_open_fault")
    simulator.fault(1, "door_open_fault", False)
    operator.wait("fault/door_open_fault", count=2)
    broker.stop()
    wait_for(lambda: not gateway.status()["broker"]["connected"], what="the broker gone")
    simulator.fault(2, "brake_fault")
    wait_for(lambda: gateway.status()["outbox"]["events"] == 1, what="the fault to wait")

    first, raised, cleared, waiting = entries(gateway)
    assert first["message"]["event"] == "restarted" and first["outcome"] == "acknowledged"
    assert [m.data for m in operator.stream()] == [entry["message"] for entry in (first, raised, cleared)]
    assert raised["committed"] <= raised["sent"] <= raised["done"]
    assert waiting["outcome"] == "waiting" and waiting["sent"] is None and waiting["done"] is None
    assert entries(gateway, "--lift", "L-2") == [waiting]
    assert entries(gateway, "--lift", "L-1") == entries(gateway, "--fault", "door_open_fault") == [raised, cleared]
    assert entries(gateway, "--since", "1h") == [first, raised, cleared, waiting]
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    assert entries(gateway, "--since", tomorrow.strftime("%Y-%m-%d")) == []

    table = liftgwctl(gateway, "history").stdout.splitlines()
    assert table[0].split() == ["SEQ", "TIME", "LIFT", "ACKNOWLEDGED", "WHAT"]
    assert table[2].split()[0] == "2" and table[2].endswith("door_open_fault raised")
    assert "door_open_fault cleared after" in table[3]
    assert table[-1].split()[3:] == ["L-2", "waiting", "brake_fault", "raised"]
    assert all(len(line) <= 80 for line in table)

    broker.start()
    operator.wait("fault/brake_fault")
    wait_for(lambda: entries(gateway)[3]["outcome"] == "acknowledged", what="the acknowledgement")
    gateway.kill()
    gateway.start()
    assert entries(gateway)[1] == raised  # also after a power cut


def test_the_minute_that_led_to_it(running):
    gateway, simulator, _broker, operator = running
    simulator.say("unit 1 mode inspection")
    operator.wait("event/mode_changed", lift="L-1")
    simulator.say("unit 1 mode normal")
    operator.wait("event/mode_changed", count=2, lift="L-1")
    simulator.say("unit 1 call 5")
    time.sleep(4)
    simulator.fault(1, "brake_fault")
    raised = operator.wait("fault/brake_fault").data
    operator.wait("fault/brake_fault")
    answer = gateway.ask(cmd="history", around=raised["seq"])
    assert answer["ok"] and answer["message"]["message"] == raised
    trail = answer["trail"]
    times = [moment["t_ms"] for moment in trail]
    assert times == sorted(times) and times[-1] == 0 and times[0] >= -60000
    modes = [moment["service_mode"] for moment in trail]
    assert modes.index("inspection") < len(modes) - modes[::-1].index("normal")
    assert {"stopped", "running"} <= {moment["car"] for moment in trail}
    assert max(moment["speed_mm_s"] or 0 for moment in trail) > 500
    assert trail[-1]["floor"] == raised["floor"] and trail[-1]["floor_label"] == raised["floor_label"]
    assert trail[-1]["link"] == "online"

    shown = liftgwctl(gateway, "history", "--around", raised["seq"])
    assert shown.returncode == 0 and "L-1 brake_fault raised" in shown.stdout, shown
    rows = shown.stdout.split("the minute that led to it:\n")[1].splitlines()
    assert len(rows) >= len(trail) + 1 and all(len(row) <= 80 for row in rows)
    assert "inspection" in shown.stdout and " up " in shown.stdout
    [as_json] = [json.loads(line) for line in liftgwctl(gateway, "history", "--around", raised["seq"],
                                                        "--json").stdout.splitlines()]
    assert as_json["trail"] == trail

    gateway.kill()
    gateway.start()
    assert gateway.ask(cmd="history", around=raised["seq"])["trail"] == trail
    other = liftgwctl(gateway, "history", "--around", 1)
    assert other.returncode == 0 and "only a raised fault has the minute before it" in other.stdout


def test_a_long_history_comes_page_by_page_and_stalls_nothing(world):
    gateway = world.gateway(world.broker(start=False), world.simulator())
    world.simulators[0].fault(1, "brake_fault")
    wait_for(lambda: gateway.status()["outbox"]["events"] == 2, what="the fault to wait")
    gateway.stop()
    fill(gateway.folder / "state" / "ledger.db", 2000)
    gateway.start()
    page = gateway.ask(cmd="history", limit=100)
    assert [entry["seq"] for entry in page["messages"]] == list(range(1, 101)) and page["next"] == 100
    began = time.monotonic()
    sparse = gateway.ask(cmd="history", lift="L-1", fault="door_open_fault")
    assert sparse["messages"] == [] and sparse["next"] == 200  # so many are looked at, no more
    assert time.monotonic() - began < 10
    seqs = [entry["seq"] for entry in entries(gateway)]
    assert seqs == list(range(1, 2004))
    shown = liftgwctl(gateway, "history", "--fault", "overspeed").stdout.splitlines()
    assert len([line for line in shown if "overspeed" in line]) == 500


@pytest.mark.parametrize("arguments, says", [
    (["--lift", "L1"], 'did you mean "L-1"?'), (["--fault", "door_fault"], 'there is no fault "door_fault"'),
    (["--since", "yesterday"], "--since takes"), (["--around", "x"], "--around takes"), (["--around", "0"], "--around"),
    (["--around", "999"], "there is no message 999"), (["all"], "Usage"), (["--all"], "Usage")])
def test_a_wrong_command_line_says_what_is_right(running_once, arguments, says):
    result = liftgwctl(running_once, "history", *arguments)
    assert result.returncode == 64 and says in result.stderr and result.stdout == "", result


@pytest.mark.parametrize("request_", [
    {"limit": 0}, {"limit": 101}, {"limit": "all"}, {"after": -1}, {"around": 0}, {"around": "1"}, {"fault": 1},
    {"lift": 1}, {"lift": "L-9"}], ids=json.dumps)
def test_so_does_the_socket(running_once, request_):
    answer = running_once.ask(cmd="history", **request_)
    assert answer["ok"] is False and answer["error"], answer


def test_a_damaged_black_box_is_shown_as_far_as_it_makes_sense(running_once):
    simulator = running_once.simulator
    simulator.fault(1, "brake_fault")
    wait_for(lambda: running_once.status()["outbox"]["next_seq"] == 3, what="the fault")
    running_once.stop()
    with opened(running_once.folder / "state" / "ledger.db") as ledger:
        assert ledger.execute("UPDATE trail SET points = ?", ("60000l1m1d0f1;100m99;",)).rowcount == 1
    running_once.start()
    [moment] = running_once.ask(cmd="history", around=2)["trail"]
    assert moment["service_mode"] == "normal" and moment["door"] == "closed" and moment["floor"] == 1


def test_who_does_not_read_gets_no_second_answer(running_once):
    slow = LineSocket(running_once.control_path)
    for _ in range(200):
        slow.send('{"cmd":"history"}')
    assert running_once.status()["ok"]
    slow.close()


@pytest.fixture(scope="module")
def running_once(tmp_path_factory):
    """One gateway for all that changes little."""
    from conftest import World
    world = World(tmp_path_factory.mktemp("world"))
    try:
        simulator = world.simulator()
        gateway = world.gateway(world.broker(), simulator)
        gateway.simulator = simulator
        wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="L-1 online")
        yield gateway
        world.end()
    finally:
        world.abandon()
