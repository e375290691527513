"""liftgwctl test: one message through to the broker's acknowledgement; and the one that is sent every 72 hours."""

import re
import time

from harness import wait_for
from harness.ledger import opened
from harness.tool import liftgwctl

HOURS_72_MS = 72 * 3600 * 1000


def facts(gateway):
    """The lifts' last tests as the ledger of a daemon that is stopped has them."""
    with opened(gateway.folder / "state" / "ledger.db") as ledger:
        return dict(ledger.execute("SELECT name, text FROM fact WHERE name LIKE 'tested %'"))


def test_it_is_acknowledged_and_timed(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, lifts=2)
    wait_for(lambda: gateway.status()["broker"]["connected"], what="the broker")
    answer = gateway.ask(cmd="test", lift="L-2")
    assert answer["ok"] and answer["acknowledged"] and 0 <= answer["ms"] < 5000 and answer["reason"] is None, answer
    message = operator.wait("event/test", lift="L-2").data
    assert message["seq"] == answer["seq"] and message["series"] == answer["series"] and message["asked"] is True

    result = liftgwctl(gateway, "test", "L-1")
    assert result.returncode == 0 and "was acknowledged by" in result.stdout, result
    wrong = liftgwctl(gateway, "test", "L-3")
    assert wrong.returncode == 64 and "did you mean" in wrong.stderr
    assert liftgwctl(gateway, "test").returncode == 64
    assert sum(message.leaf == "event/test" for message in operator.stream()) == 2


def test_without_a_broker_it_says_that_it_waits_and_why(world):
    broker = world.broker(start=False)
    gateway = world.gateway(broker, world.simulator())
    result = liftgwctl(gateway, "test", "L-1")
    assert result.returncode == 69, result
    assert re.search(r"was not acknowledged within 1\d s: the broker is not connected", result.stderr), result.stderr
    assert "2 messages wait in the outbox" in result.stderr  # the restart's, and this one
    broker.start()
    wait_for(lambda: gateway.ask(cmd="history")["messages"][-1]["outcome"] == "acknowledged", what="its arrival")
    assert gateway.ask(cmd="history")["messages"][-1]["message"]["event"] == "test"


def test_each_lift_does_so_by_itself_and_restarts_change_nothing(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, lifts=2)
    wait_for(lambda: gateway.status()["lifts"][1]["link"] == "online", what="L-2 online")
    time.sleep(4)  # a tick, which comes every second
    gateway.stop()
    first = facts(gateway)
    now_ms = time.time() * 1000
    assert set(first) == {"tested L-1", "tested L-2"}
    assert all(0 <= now_ms - int(last) <= HOURS_72_MS for last in first.values())
    assert first["tested L-1"] != first["tested L-2"]  # anywhere in 72 hours
    gateway.start()
    time.sleep(3)
    gateway.stop()
    assert facts(gateway) == first
    assert not operator.select("event/test")

    with opened(gateway.folder / "state" / "ledger.db") as ledger:
        ledger.execute("UPDATE fact SET text = ? WHERE name = 'tested L-1'",
                       (str(int(time.time() * 1000) - HOURS_72_MS + 4000),))
    gateway.start()
    message = operator.wait("event/test").data
    assert message["lift"] == "L-1" and message["asked"] is False
    gateway.stop()
    assert abs(int(facts(gateway)["tested L-1"]) - time.time() * 1000) < 20000
    assert facts(gateway)["tested L-2"] == first["tested L-2"]
