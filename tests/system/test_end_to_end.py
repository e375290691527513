"""From a controller's register to an operator's screen: the story of one lift, and what is there for who comes late."""

import time

from harness import TRIES, wait_for
from harness.transcript import tell

LIFT = "yancheng/lift/tinghu/wanhu-xincun/L-1"
GATEWAY = "yancheng/gateway/tinghu/wanhu-xincun/B12-2"

# What happens to the lift, and how many messages follow from it.
DEEDS = (("fault door_open_fault on", 1), ("fault brake_fault on", 1), ("fault door_open_fault off", 1),
         ("code 17", 1), ("code 18", 2), ("code 0", 1),
         ("mode inspection", 1), ("fault overspeed on", 1), ("fault overspeed off", 1), ("mode normal", 1),
         ("fault brake_fault off", 1))

STORY = """\
B12-2 event/restarted: #1.1, cause first_start
L-1 fault/door_open_fault: #2.1, raised, major, door opening fault, code 03, holding 0x41 bit 6, count 1
L-1 fault/brake_fault: #3.1, raised, critical, brake fault, no code, holding 0x41 bit 14, count 1
L-1 fault/door_open_fault: #4.2, cleared, major, door opening fault, code 03, holding 0x41 bit 6, count 1, gone
L-1 fault/other: #5.1, raised, major, unmapped controller code, no code, holding 0x46 says 17, count 1
L-1 fault/other: #6.2, cleared, major, unmapped controller code, no code, holding 0x46 says 17, count 1, superseded
L-1 fault/other: #7.3, raised, major, unmapped controller code, no code, holding 0x46 says 18, count 2
L-1 fault/other: #8.4, cleared, major, unmapped controller code, no code, holding 0x46 says 18, count 2, gone
L-1 event/mode_changed: #9.1, from normal, to inspection, code 43, text inspection
L-1 fault/overspeed: #10.1, raised, critical, overspeed, no code, holding 0x41 bit 11, no alarm, inspection, count 0
L-1 fault/overspeed: #11.2, cleared, critical, overspeed, no code, holding 0x41 bit 11, no alarm, inspection, count 0, gone
L-1 event/mode_changed: #12.2, from inspection, to normal, code 40, text normal service
L-1 fault/brake_fault: #13.2, cleared, critical, brake fault, no code, holding 0x41 bit 14, count 1, gone
B12-2 status: offline
"""


def parked(world, **options):
    """A broker, one lift that stands still with its doors closed, its gateway and somebody who listens."""
    broker, simulator = world.broker(), world.simulator(**options)
    simulator.say("unit 1 hold on")
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["buses"][0]["offline_after"] = 20  # a busy machine makes no unit silent
    gateway.start()
    operator.wait("link", lambda data: data["link"] == "online")
    operator.wait("state", lambda data: data["link"] == "online")
    return broker, simulator, operator, gateway


def test_the_story_of_one_lift(world):
    _broker, simulator, operator, gateway = parked(world)
    follow = 1  # event/restarted
    for deed, messages in DEEDS:
        simulator.say(f"unit 1 {deed}")
        follow += messages
        wait_for(lambda: len(operator.stream()) == follow, what=f"what follows from {deed}")
    gateway.stop()
    operator.wait("status", lambda data: data["status"] == "offline")

    told = [tell(message) for message in operator.stream()] + [tell(operator.last("status"))]
    assert told == STORY.splitlines(), "what was told:\n" + "\n".join(told)


def test_a_fault_carries_what_a_rescuer_needs(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["gateway"]["language"] = "zh"
    gateway.lifts[0].update(name="万户新村 12 幢 2 单元", registration="31103209022021000178", rescue_code="012345",
                            managed_by="street_office", manager="文峰街道办事处", phone="0515-88880000")
    gateway.start()
    operator.wait("state", lambda data: data["link"] == "online")
    simulator.fault(1, "door_open_fault")
    message = operator.wait("fault/door_open_fault")
    data = message.data
    assert message.topic == f"{LIFT}/fault/door_open_fault"
    assert data["event"] == "raised" and data["alarm"] is True and data["suppressed"] is None
    assert data["text"] == "开门故障"
    assert (data["code"], data["code_system"], data["bacnet"]) == ("03", "gbt24476-2017", 7)
    assert (data["name"], data["registration"], data["rescue_code"]) == ("万户新村 12 幢 2 单元", "31103209022021000178",
                                                                        "012345")
    assert data["raw"]["profile"] == "generic-ba" and data["raw"]["address"] == 0x41 and data["raw"]["bit"] == 6
    meta = operator.wait("meta").data
    assert meta["manager"] == "文峰街道办事处" and meta["phone"] == "0515-88880000"


def test_who_comes_late_sees_how_things_are(world):
    broker, simulator, operator, _gateway = parked(world)
    simulator.fault(1, "brake_fault")
    operator.wait("fault/brake_fault")
    operator.wait("state", lambda data: data["faults"])
    operator.wait("counters")

    late = world.subscriber(broker)
    wait_for(lambda: {message.topic for message in late.select() if message.retain} >=
             {f"{LIFT}/meta", f"{LIFT}/link", f"{LIFT}/state", f"{LIFT}/counters", f"{LIFT}/fault/brake_fault",
              f"{GATEWAY}/status"}, what="everything retained")
    assert late.last("status").data["status"] == "online"
    assert late.last("link").data["link"] == "online"
    [fault] = late.last("state").data["faults"]
    raised = late.last("fault/brake_fault").data
    assert fault["fault"] == "brake_fault" and fault["seq"] == raised["seq"]
    assert not [message for message in late.select("event") if message.retain], "events are not retained"


def test_rides_are_counted_and_the_total_never_goes_down(world):
    broker, simulator = world.broker(), world.simulator()
    simulator.say("unit 1 hold on")
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["gateway"]["counters_interval_s"] = 1

    def wait_for_rides(total):
        operator.wait("counters", lambda data: data["rides_total"] and data["rides_total"]["value"] == total)

    gateway.start()
    high, low = simulator.registers(1, 0x4A, 2)
    rides = high * 65536 + low
    wait_for_rides(rides)
    time.sleep(2)  # a lift needs time for a ride
    simulator.say("unit 1 ride")
    wait_for_rides(rides + 1)

    simulator.say("unit 1 counter 5")
    reset = operator.wait("event/counter_reset").data
    assert (reset["counter"], reset["was"], reset["is"]) == ("rides_total", rides + 1, 5)
    time.sleep(2)
    simulator.say("unit 1 ride")
    wait_for_rides(rides + 2)
    totals = [message.data["rides_total"]["value"] for message in operator.select("counters") if not message.retain]
    assert totals == sorted(totals)


def test_a_gateway_that_is_killed_is_offline_by_its_will(world):
    _broker, _simulator, operator, gateway = parked(world)
    gateway.kill()
    operator.wait("status", lambda data: data["status"] == "offline")


def test_a_gateway_that_is_stopped_says_so_within_two_seconds(world):
    _broker, _simulator, operator, gateway = parked(world)
    took = []
    for number in range(1, TRIES + 1):
        before = time.monotonic()
        gateway.stop()
        message = operator.wait("status", lambda data: data["status"] == "offline", count=number)
        took.append(message.time - before)
        if took[-1] < 2.5:
            return
        gateway.start()
        operator.wait("status", lambda data: data["status"] == "online", count=number + 1)
    raise AssertionError(f"it took {took} s")


def test_eight_lifts_each_speak_for_themselves(world):
    broker, simulator = world.broker(), world.simulator(lifts=8)
    operator = world.subscriber(broker)
    world.gateway(broker, simulator, lifts=8)
    for unit in range(1, 9):
        operator.wait("link", lambda data: data["link"] == "online", lift=f"L-{unit}")
        simulator.fault(unit, "encoder_fault")
    for unit in range(1, 9):
        operator.wait("fault/encoder_fault", lambda data: data["event"] == "raised", lift=f"L-{unit}")
    simulator.say("unit * fault encoder_fault off")
    for unit in range(1, 9):
        operator.wait("fault/encoder_fault", lambda data: data["event"] == "cleared", lift=f"L-{unit}")
    assert not operator.select("fault", lambda data: data["fault"] != "encoder_fault")


def test_over_tls_with_a_password(world, certificates):
    broker = world.broker(password="secret of the city", certificates=certificates)
    simulator = world.simulator()
    operator = world.subscriber(broker, password="secret of the city")
    gateway = world.gateway(broker, simulator, start=False)
    password = gateway.folder / "mqtt.password"
    password.touch(0o600)
    password.write_text("secret of the city\n")
    gateway.settings["broker"].update(username="b12-2", password_file=str(password))
    gateway.start()
    operator.wait("status", lambda data: data["status"] == "online")
    simulator.fault(1, "door_open_fault")
    operator.wait("fault/door_open_fault")
    assert "secret of the city" not in gateway.log


def test_mqtt_3_1_1(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["broker"]["protocol"] = "3.1.1"
    gateway.start()
    operator.wait("status", lambda data: data["status"] == "online")
    simulator.fault(1, "door_open_fault")
    operator.wait("fault/door_open_fault")
