"""What a box in a stairwell meets: each trouble gives one clear message, and the rest goes on."""

import os
import re
import signal
import time

from harness import SLIPS, wait_for
from harness.paths import CONFIG


def is_online(data):
    return data["link"] == "online"


def is_offline(data):
    return data["link"] == "offline"


def lines_about(gateway, pattern):
    return [line for line in gateway.log.splitlines() if re.search(pattern, line)]


def test_the_device_is_missing_and_comes_later(world):
    broker, simulator = world.broker(), world.simulator(start=False)
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator)
    operator.wait("status", lambda data: data["status"] == "online")
    operator.wait("link", lambda data: is_offline(data) and data["reason"] == "device_gone")
    time.sleep(2)
    assert len(lines_about(gateway, "cannot open")) == 1, gateway.log
    simulator.start()
    started = time.monotonic()
    assert operator.wait("link", is_online).time - started < 6
    operator.wait("state", is_online)


def test_the_plug_is_pulled_and_put_back(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator)
    operator.wait("state", is_online)
    simulator.say("unplug")
    message = operator.wait("link", is_offline)
    assert message.data["reason"] == "device_gone"
    state = operator.wait("state", is_offline).data
    known = {key: value for key, value in state.items() if key in ("service_mode", "car", "direction", "door",
             "door_zone", "floor", "floor_label", "occupied", "overload", "speed_mm_s", "load_percent")}
    assert set(known.values()) == {None}, "old values shown as new"
    simulator.say("plug")
    plugged = simulator.time
    back = operator.wait("link", is_online, count=len(operator.select("link", is_online)) + 1)
    assert back.time - plugged < 6
    assert gateway.process.is_running()


def test_a_unit_falls_silent_and_comes_back(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    operator = world.subscriber(broker)
    world.gateway(broker, simulator, lifts=2)
    operator.wait("state", is_online, lift="L-1")
    operator.wait("state", is_online, lift="L-2")
    simulator.fault(2, "brake_fault")
    operator.wait("fault/brake_fault", lift="L-2")
    simulator.say("unit 2 silent")
    link = operator.wait("link", is_offline, lift="L-2").data
    assert link["reason"] == "timeout"
    state = operator.wait("state", is_offline, lift="L-2").data
    assert state["car"] is None and [fault["fault"] for fault in state["faults"]] == ["brake_fault"]
    wait_for(lambda: operator.last("link", lift="L-1").data["link"] == "online", what="L-1 online, still")

    simulator.say("unit 2 ok")
    answered = simulator.time
    count = len(operator.select("link", is_online, lift="L-2")) + 1
    assert operator.wait("link", is_online, count, lift="L-2").time - answered < 6
    time.sleep(0.5)
    assert len(operator.select("fault/brake_fault", lift="L-2")) == 1, "silence neither clears nor raises"


def test_the_broker_comes_later(world):
    broker, simulator = world.broker(start=False), world.simulator()
    gateway = world.gateway(broker, simulator)
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="L-1 online without a broker")
    simulator.fault(1, "door_open_fault")
    wait_for(lambda: gateway.status()["outbox"]["events"] >= 1, what="the fault in the outbox")
    assert gateway.status()["broker"]["connected"] is False
    broker.start()
    operator = world.subscriber(broker)
    operator.wait("fault/door_open_fault")
    wait_for(lambda: gateway.status()["outbox"]["events"] == 0, what="an empty outbox")
    assert len(lines_about(gateway, r"127\.0\.0\.1.*(refused|connect)")) <= 3, gateway.log


def test_twenty_changes_while_the_broker_is_away(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator)
    operator.wait("state", is_online)
    simulator.say("unit 1 hold on")
    broker.stop()
    wait_for(lambda: not gateway.status()["broker"]["connected"], what="the loss of the broker")
    first = gateway.status()["outbox"]["next_seq"]
    faults = ["overspeed", "brake_fault", "door_open_fault", "encoder_fault", "position_lost", "drive_fault",
              "run_time_limit", "overrun_top", "relevel_fault", "controller_fault"]
    for on in (True, False):
        for fault in faults:
            before = gateway.status()["outbox"]["next_seq"]
            simulator.fault(1, fault, on)
            wait_for(lambda: gateway.status()["outbox"]["next_seq"] > before, what=f"{fault} in the ledger")
    assert gateway.status()["outbox"]["next_seq"] == first + 20
    broker.start()
    wait_for(lambda: len([m for m in operator.stream() if m.data["seq"] >= first]) >= 20, what="20 messages")
    arrived = [message.data for message in operator.stream() if message.data["seq"] >= first]
    assert [(data["fault"], data["event"]) for data in arrived] == \
        [(fault, event) for event in ("raised", "cleared") for fault in faults]
    wait_for(lambda: gateway.status()["outbox"]["events"] == 0, what="an empty outbox")


def test_after_an_outage_the_newest_state_comes_first(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator)
    operator.wait("state", is_online)
    broker.stop()
    wait_for(lambda: not gateway.status()["broker"]["connected"], what="the loss of the broker")
    for fault in ("overspeed", "brake_fault"):
        before = gateway.status()["outbox"]["next_seq"]
        simulator.fault(1, fault)
        wait_for(lambda: gateway.status()["outbox"]["next_seq"] > before, what=f"{fault} in the ledger")
    seen = len(operator.select())
    broker.start()
    operator.wait("fault/brake_fault")
    leaves = [message.leaf for message in operator.select()[seen:] if not message.retain]
    first_fault = leaves.index("fault/overspeed")
    for leaf in ("status", "link", "state", "counters"):
        assert leaf in leaves[:first_fault], f"{leaf} comes after the first waiting fault: {leaves}"
    assert leaves.index("fault/overspeed") < leaves.index("fault/brake_fault")


def test_a_wrong_password_is_told_once(world):
    broker, simulator = world.broker(password="right"), world.simulator()
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["broker"].update(username="b12-2", password="wrong")
    gateway.start()
    wait_for(lambda: lines_about(gateway, "(?i)not authori[sz]ed|user ?name or password"), what="a complaint")
    time.sleep(4)
    assert len(lines_about(gateway, "(?i)not authori[sz]ed|user ?name or password")) == 1, gateway.log
    assert gateway.status()["lifts"][0]["link"] == "online"
    assert gateway.status()["broker"]["reason"]


def test_a_broker_with_another_name_is_not_trusted(world, certificates):
    broker, simulator = world.broker(certificates=certificates, server="wrong.example"), world.simulator()
    gateway = world.gateway(broker, simulator)
    wait_for(lambda: lines_about(gateway, "TLS: .*(host ?name|certificate)"), what="a complaint")
    assert gateway.status()["broker"]["connected"] is False


def test_a_broker_of_another_authority_is_not_trusted(world, certificates):
    broker, simulator = world.broker(certificates=certificates), world.simulator()
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["broker"]["ca_file"] = str(certificates.folder / "other-ca.pem")
    gateway.start()
    wait_for(lambda: lines_about(gateway, "TLS: .*(CA|certificate)"), what="a complaint")
    assert gateway.status()["broker"]["connected"] is False


def test_the_next_broker_takes_over(world):
    first, second, simulator = world.broker(start=False), world.broker(), world.simulator()
    operator = world.subscriber(second)
    gateway = world.gateway(first, simulator, start=False)
    gateway.settings["broker"]["urls"] = [first.url, second.url]
    gateway.start()
    operator.wait("status", lambda data: data["status"] == "online")
    assert gateway.status()["broker"]["url"] == second.url


def test_a_profile_that_lies_about_a_register(world):
    """The counters' read answers with exception 02: said once, counted, and the rest goes on."""
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    lying = gateway.folder / "profiles"
    lying.mkdir()
    honest = (CONFIG / "profiles" / "generic-ba.cfg").read_text()
    text = honest.replace('"generic-ba"', '"lying"').replace("address = 0x4E", "address = 0x200")
    assert text.count("0x200") == 1
    (lying / "lying.cfg").write_text(text)
    gateway.settings["gateway"]["profile_dirs"].insert(0, str(lying))
    gateway.lifts[0]["profile"] = "lying"
    gateway.start()
    operator.wait("state", is_online)
    wait_for(lambda: lines_about(gateway, "(?i)exception 0?2"), what="a complaint")
    simulator.fault(1, "brake_fault")
    operator.wait("fault/brake_fault")
    time.sleep(3)
    assert len(lines_about(gateway, "(?i)exception 0?2")) == 1, gateway.log
    assert gateway.status()["buses"][0]["errors"]["exception"] >= 1
    assert gateway.status()["lifts"][0]["link"] == "online"


def test_every_kind_of_crooked_frame(world):
    """A neighbour that sends rubbish costs the other lift nothing but time, and nothing false is published."""
    broker, simulator = world.broker(), world.simulator(lifts=2)
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False, lifts=2)
    gateway.settings["buses"][0].update(response_timeout_ms=100, offline_after=20)
    gateway.start()
    operator.wait("state", is_online, lift="L-1")
    operator.wait("state", is_online, lift="L-2")
    for misbehaviour in ("crc 30%", "wrong-unit 30%", "wrong-function 30%", "truncate 30%", "trailing 30%",
                         "twice 30%", "late 120ms", "echo", "exception 6 30%"):
        simulator.say(f"unit 2 {misbehaviour}")
        polls = gateway.status()["buses"][0]["polls"]
        wait_for(lambda: gateway.status()["buses"][0]["polls"] > polls + 20, what="20 more polls")
        simulator.say("unit 2 ok")
    assert any(gateway.status()["buses"][0]["errors"].values())
    wait_for(lambda: gateway.status()["lifts"][1]["link"] == "online", what="L-2 online again")
    assert not operator.select("fault"), "a fault that no lift has"
    assert not operator.select("link", is_offline, lift="L-1")


def test_two_gateways_cannot_share_a_line(world):
    broker, simulator = world.broker(), world.simulator()
    first = world.gateway(broker, simulator)
    wait_for(lambda: first.status()["lifts"][0]["link"] == "online", what="L-1 online")
    second = world.gateway(broker, simulator, start=False)
    second.settings["gateway"]["id"] = "B12-3"
    second.start()
    wait_for(lambda: lines_about(second, "cannot open"), what="a complaint")
    assert second.status()["buses"][0]["open"] is False
    assert sum(first.status()["buses"][0]["errors"].values()) <= SLIPS
    first.stop()
    wait_for(lambda: second.status()["lifts"][0]["link"] == "online", what="the second takes over")


def fault_story(operator, lift="L-1"):
    return [(message.data["fault"], message.data["event"]) for message in operator.stream()
            if message.leaf.startswith("fault/") and message.topic.split("/")[4] == lift]


def test_the_publisher_is_killed_and_nothing_is_lost(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["buses"][0]["offline_after"] = 20  # a busy machine makes no unit silent
    gateway.start()
    operator.wait("state", is_online)
    simulator.say("unit 1 hold on")
    told = []
    for number in range(6):
        for on in (True, False):
            before = gateway.status()["outbox"]["next_seq"]
            told.append(("brake_fault", "raised" if on else "cleared"))
            simulator.fault(1, "brake_fault", on)
            if number % 2:
                gateway.kill_publisher()
            wait_for(lambda: gateway.status()["outbox"]["next_seq"] > before, what="the change in the ledger")
    wait_for(lambda: fault_story(operator) == told, what="the whole story")
    assert gateway.status()["publisher"]["restarts"] >= 6
    assert not operator.select("link", is_offline), "the bus does not notice"


def test_the_publisher_hangs_and_the_bus_goes_on(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["buses"][0]["offline_after"] = 20  # a busy machine makes no unit silent
    gateway.start()
    operator.wait("state", is_online)
    pid = gateway.publisher_pid()
    os.kill(pid, signal.SIGSTOP)
    simulator.fault(1, "brake_fault")
    operator.wait("fault/brake_fault", timeout=60)
    assert gateway.publisher_pid() != pid
    assert not operator.select("link", is_offline)


def test_the_daemon_is_killed_and_the_story_goes_on(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator)
    operator.wait("state", is_online)
    simulator.say("unit 1 hold on")
    simulator.fault(1, "brake_fault")
    operator.wait("fault/brake_fault")
    simulator.fault(1, "overspeed")
    wait_for(lambda: gateway.status()["outbox"]["next_seq"] >= 4, what="both in the ledger, after restarted")
    gateway.kill()
    simulator.fault(1, "encoder_fault")  # while nobody looks
    gateway.start()
    operator.wait("fault/encoder_fault")
    simulator.say("unit 1 fault brake_fault off")
    cleared = operator.wait("fault/brake_fault", lambda data: data["event"] == "cleared").data

    assert fault_story(operator) == [("brake_fault", "raised"), ("overspeed", "raised"), ("encoder_fault", "raised"),
                                     ("brake_fault", "cleared")]
    found = operator.last("fault/encoder_fault").data
    assert found["after_gap"] is True and found["not_before"] and found["not_after"]
    assert cleared["count"] == 1, "a fault active on both sides of the gap is counted once"
    assert operator.wait("event/restarted").data["seq"] < found["seq"]
    assert not gateway.status()["outbox"]["dropped"]
