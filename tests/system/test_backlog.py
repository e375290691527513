"""Many messages wait, as after a long outage: the gateway starts as fast, the newest comes first, then all that waited,
oldest first, with what happens meanwhile behind them; at the bound nothing goes without a word. tests/bench/backlog.py
does the same with 100,000 and prints figures."""

import pathlib
import time

from harness import wait_for
from harness.ledger import fill

WAITING = 1000


def is_online(data):
    return data["link"] == "online"


def after_an_outage(world, waiting, **gateway_settings):
    """A gateway that starts with so many messages waiting, its broker not yet running."""
    broker, simulator = world.broker(start=False), world.simulator()
    simulator.say("unit 1 hold on")
    gateway = world.gateway(broker, simulator)
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="L-1 online")
    simulator.fault(1, "brake_fault")
    wait_for(lambda: gateway.status()["outbox"]["events"] == 2, what="restarted and the fault in the ledger")
    gateway.stop()
    gateway.settings["gateway"].update(gateway_settings)
    fill(pathlib.Path(gateway.settings["gateway"]["state_dir"]) / "ledger.db", waiting)
    began = time.monotonic()
    gateway.start()
    assert time.monotonic() - began < 15
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="L-1 online")
    return broker, simulator, gateway


def test_a_backlog_drains_in_order_behind_the_newest_state(world):
    broker, simulator, gateway = after_an_outage(world, WAITING)
    full = gateway.status()["outbox"]
    assert full["events"] >= WAITING + 2
    broker.start()
    operator = world.subscriber(broker)
    wait_for(lambda: operator.stream(), what="the first that waited")
    simulator.fault(1, "overspeed")  # behind what waits
    wait_for(lambda: gateway.status()["outbox"]["events"] == 0, 120, "the outbox to be empty")
    last = gateway.status()["outbox"]["next_seq"] - 1
    wait_for(lambda: operator.stream()[-1].data["seq"] == last, 60, "the last message")
    stream = operator.stream()
    assert [message.data["seq"] for message in stream] == list(range(stream[0].data["seq"], last + 1))
    assert stream[-1].data["fault"] == "overspeed" and stream[-1].data["seq"] >= full["next_seq"]

    arrivals = operator.select()
    first = arrivals.index(stream[0])
    leaves = {message.leaf for message in arrivals[:first]}
    assert {"status", "link", "state", "counters", "meta"} <= leaves, leaves


def test_at_the_bound_the_oldest_go_and_a_gap_says_which(world):
    """With more waiting than may: promise 4, after a restart too."""
    bound = 200
    broker, simulator, gateway = after_an_outage(world, 300, outbox_max_events=bound)
    simulator.fault(1, "overspeed")
    wait_for(lambda: gateway.status()["outbox"]["dropped"] >= 100, what="the oldest to go")
    assert gateway.status()["outbox"]["events"] <= bound
    last = gateway.status()["outbox"]["next_seq"] - 1
    broker.start()
    operator = world.subscriber(broker)
    wait_for(lambda: gateway.status()["outbox"]["events"] == 0, 60, "the outbox to be empty")
    wait_for(lambda: operator.stream() and operator.stream()[-1].data["seq"] >= last, what="the last message")
    seen = {message.data["seq"] for message in operator.stream()}
    gaps = [message.data for message in operator.stream() if message.leaf == "event/gap"]
    named = {seq for gap in gaps for seq in range(gap["from"], gap["to"] + 1)}
    assert seen | named >= set(range(1, last + 1)) and not seen & named
    assert sum(gap["count"] for gap in gaps) == len(named)
    world.subscribers.clear()  # the gaps are what this test is about


def test_a_kill_in_the_middle_of_the_drain_loses_nothing(world):
    broker, _simulator, gateway = after_an_outage(world, WAITING)
    broker.start()
    operator = world.subscriber(broker)
    for part in (1, 2):
        wait_for(lambda: len(operator.stream()) > part * WAITING // 4, 60, "a part of it")
        gateway.kill()
        gateway.start()
    last = gateway.status()["outbox"]["next_seq"] - 1
    wait_for(lambda: operator.stream()[-1].data["seq"] == last, 120, "the last message")
    seqs = [message.data["seq"] for message in operator.stream()]
    assert seqs == list(range(seqs[0], last + 1))
    repeated = len(operator.select(stream=True)) - len(seqs)
    assert repeated < 2 * 300, "what was acknowledged is noted soon"
