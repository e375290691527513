"""SIGHUP: all of the new configuration or none of it, and what did not change goes on."""

import copy
import signal

from harness import wait_for


def is_online(data):
    return data["link"] == "online"


def reload(gateway, operator, taken=True):
    """Sends SIGHUP and returns the event that tells how it went."""
    before = len(operator.select("event/reload"))
    gateway.write()
    gateway.process.process.send_signal(signal.SIGHUP)
    event = operator.wait("event/reload", count=before + 1).data
    assert event["taken"] is taken, gateway.log
    return event


def lift(gateway, unit):
    return dict(copy.deepcopy(gateway.lifts[0]), id=f"L-{unit}", unit=unit, name=f"Lift {unit}")


def test_a_lift_comes_and_goes_while_the_other_goes_on(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator)
    operator.wait("state", is_online, lift="L-1")
    simulator.fault(1, "brake_fault")
    operator.wait("fault/brake_fault")

    gateway.lifts.append(lift(gateway, 2))
    reload(gateway, operator)
    operator.wait("state", is_online, lift="L-2")
    gateway.lifts.pop()
    reload(gateway, operator)
    wait_for(lambda: not operator.last("meta", lift="L-2").payload, what="its retained topics to be cleared")
    late = world.subscriber(broker, name="late")
    late.wait("state", is_online, lift="L-1")
    assert not late.select("state", lift="L-2") and not late.select("meta", lift="L-2")

    simulator.fault(1, "brake_fault", False)
    cleared = operator.wait("fault/brake_fault", lambda data: data["event"] == "cleared").data
    assert cleared["count"] == 1 and not cleared["after_gap"]
    assert not operator.select("link", lambda data: data and data["link"] != "online", lift="L-1")


def test_a_bad_configuration_changes_nothing(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator)
    operator.wait("state", is_online)
    gateway.lifts.append(dict(lift(gateway, 1), id="L-9"))
    reload(gateway, operator, taken=False)
    assert "unit 1" in gateway.log and "liftgw.cfg:" in gateway.log
    simulator.fault(1, "overspeed")
    operator.wait("fault/overspeed")


def test_again_and_again_with_buses_in_another_order(world):
    broker, first, second = world.broker(), world.simulator(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, first)
    operator.wait("state", is_online, lift="L-1")
    other = {"name": "annex", "device": str(second.device), "baud": second.baud, "lifts": [lift(gateway, 1)]}
    other["lifts"][0]["id"] = "L-2"
    gateway.settings["buses"].insert(0, other)
    reload(gateway, operator)
    reload(gateway, operator)
    operator.wait("state", is_online, lift="L-2")
    first.fault(1, "overspeed")
    operator.wait("fault/overspeed", lift="L-1")
    second.fault(1, "encoder_fault")
    operator.wait("fault/encoder_fault", lift="L-2")


def test_moved_to_another_district_the_will_moves_too(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator)
    operator.wait("state", is_online)
    gateway.settings["gateway"]["district"] = "yandu"
    reload(gateway, operator)
    status = "yancheng/gateway/yandu/wanhu-xincun/B12-2/status"
    mine = world.subscriber(broker, status, name="yandu")
    mine.wait("status", lambda data: data["status"] == "online")
    gateway.kill()
    mine.wait("status", lambda data: data["status"] == "offline")


def test_four_silent_buses_do_not_delay_the_end(world):
    broker = world.broker()
    simulators = [world.simulator() for _ in range(4)]
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulators[0], start=False)
    gateway.settings["buses"] = [
        {"name": f"bus{i}", "device": str(simulator.device), "baud": simulator.baud, "response_timeout_ms": 1000,
         "lifts": [dict(lift(gateway, 1), id=f"L-{i}")]} for i, simulator in enumerate(simulators)]
    gateway.start()
    for i, simulator in enumerate(simulators):
        operator.wait("state", is_online, lift=f"L-{i}")
        simulator.say("unit 1 silent")
    wait_for(lambda: all(one["link"] == "offline" for one in gateway.status()["lifts"]), 30, "all offline")
    gateway.stop()
    operator.wait("status", lambda data: data["status"] == "offline")
