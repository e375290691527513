"""A broker that does not take a message for now: it stays first, and nothing is dropped without a word."""

import signal

from harness import wait_for

EVERYTHING = "topic readwrite #"
DENIED = "topic deny yancheng/lift/tinghu/wanhu-xincun/L-1/fault/overspeed"


def is_online(data):
    return data["link"] == "online"


def test_nothing_overtakes_a_refused_message(world):
    broker, simulator = world.broker(acl=[DENIED, EVERYTHING]), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator)
    operator.wait("state", is_online)
    for fault in ("overspeed", "brake_fault", "encoder_fault"):
        simulator.fault(1, fault)
    wait_for(lambda: "0x87" in gateway.log, what="the reason in the log")
    assert gateway.status()["broker"]["reason"]
    wait_for(lambda: gateway.status()["outbox"]["events"] == 3, what="all three to wait")
    assert not operator.select("fault")

    (broker.folder / "broker.acl").write_text(EVERYTHING + "\n")
    broker.process.process.send_signal(signal.SIGHUP)
    operator.wait("fault/overspeed")
    operator.wait("fault/brake_fault")
    operator.wait("fault/encoder_fault")
    first = [message.data["seq"] for message in operator.stream()]
    assert first == sorted(first)
    wait_for(lambda: not gateway.status()["broker"]["reason"], what="no reason left")
