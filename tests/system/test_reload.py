"""SIGHUP: all of the new configuration or none of it, and what did not change goes on."""

import copy
import shutil
import signal
import threading
import time

from harness import SLIPS, TRIES, wait_for
from harness.paths import CONFIG


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
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["buses"][0]["offline_after"] = 20  # a busy machine makes no unit silent
    gateway.start()
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


def test_lifts_in_another_order_stay_themselves(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, lifts=2)
    operator.wait("state", is_online, lift="L-2")
    gateway.lifts.reverse()
    reload(gateway, operator)
    simulator.fault(1, "overspeed")
    operator.wait("fault/overspeed", lift="L-1")
    simulator.fault(2, "encoder_fault")
    operator.wait("fault/encoder_fault", lift="L-2")


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
    wait_for(lambda: all(one["link"] == "offline" for one in gateway.status()["lifts"]), what="all offline")
    gateway.stop()
    operator.wait("status", lambda data: data["status"] == "offline")


class Heartbeat(threading.Thread):
    """Watches the simulator's count of requests: the longest time in which none came."""

    def __init__(self, simulator):
        super().__init__(daemon=True)
        self.simulator, self.ended, self.longest_s = simulator, threading.Event(), 0.0

    def run(self):
        seen, since = self.simulator.stats()["requests"], time.monotonic()
        while not self.ended.wait(0.01):
            now = self.simulator.stats()["requests"]
            if now != seen:
                self.longest_s = max(self.longest_s, time.monotonic() - since)
                seen, since = now, time.monotonic()

    def stop(self):
        self.ended.set()
        self.join()
        return self.longest_s


def silence_in_reload(simulator, gateway, operator, lifts):
    """How long the simulator's bus was not polled during a reload that puts these lifts online."""
    heartbeat = Heartbeat(simulator)
    heartbeat.start()
    gateway.write()
    gateway.process.process.send_signal(signal.SIGHUP)
    for name in lifts:
        operator.wait("state", is_online, lift=name)
    return heartbeat.stop()


def test_all_changes_but_one_bus_and_that_one_misses_nothing(world, tmp_path):
    """A lift added, one moved to another bus, a profile changed, another broker: all in one reload."""
    broker, other_broker = world.broker(), world.broker()
    simulators = {name: world.simulator(lifts=3) for name in ("still", "from", "to")}
    profiles = tmp_path / "profiles"
    shutil.copytree(CONFIG / "profiles", profiles)
    gateway = world.gateway(broker, simulators["still"], start=False)
    gateway.settings["gateway"]["profile_dirs"] = [str(profiles)]
    gateway.settings["buses"] = [
        {"name": name, "device": str(simulator.device), "baud": simulator.baud, "offline_after": 20,
         "lifts": [dict(lift(gateway, 1), id=f"{name}-1")]} for name, simulator in simulators.items()]
    still, source, target = gateway.settings["buses"]
    operator = world.subscriber(broker)
    gateway.start()
    for name in simulators:
        operator.wait("state", is_online, lift=f"{name}-1")
    simulators["still"].fault(1, "brake_fault")
    operator.wait("fault/brake_fault", lift="still-1")
    before = gateway.status()["buses"][0]

    mine = profiles / "mine.cfg"
    mine.write_text((profiles / "generic-ba.cfg").read_text().replace('"generic-ba"', '"mine"')
                    .replace('"brake_fault"', '"encoder_fault"', 1))
    target["lifts"][0]["profile"] = "mine"
    target["lifts"].append(dict(lift(gateway, 2), id="from-1"))
    target["lifts"].append(dict(lift(gateway, 3), id="new-1"))
    source["lifts"] = [dict(lift(gateway, 2), id="late-1")]
    gateway.settings["broker"]["urls"] = [other_broker.url]
    elsewhere = world.subscriber(other_broker, name="elsewhere", topic="yancheng/#")
    silence_s = [silence_in_reload(simulators["still"], gateway, elsewhere,
                                   ("still-1", "from-1", "new-1", "late-1", "to-1"))]

    def polled_on():
        after = gateway.status()["buses"][0]
        return after if after["polls"] > before["polls"] else None

    after = wait_for(polled_on, what="a count of polls that goes on (it is told once a second)")
    assert sum(after["errors"].values()) <= SLIPS
    assert not operator.select("link", lambda data: data["link"] != "online", lift="still-1")
    simulators["still"].fault(1, "brake_fault", False)
    cleared = elsewhere.wait("fault/brake_fault", lambda data: data["event"] == "cleared", lift="still-1").data
    assert cleared["count"] == 1 and not cleared["after_gap"]
    simulators["to"].fault(1, "brake_fault")
    assert elsewhere.wait("fault/encoder_fault", lift="to-1").data["raw"]["profile"] == "mine"
    simulators["to"].fault(2, "overspeed")
    elsewhere.wait("fault/overspeed", lift="from-1")

    while min(silence_s) >= 1 and len(silence_s) < TRIES:  # the machine itself may have been slow
        source["lifts"][0]["id"] = f"late-{len(silence_s) + 1}"
        silence_s.append(silence_in_reload(simulators["still"], gateway, elsewhere, [source["lifts"][0]["id"]]))
    assert min(silence_s) < 1, f"the bus that did not change was not polled for {silence_s} s"
