"""What an operator is told when something happens to a lift: the rules of faults and entrapment, from the controller's
registers to the message. Each story has a lift of its own on one bus; all are told at the same time, with short limits."""

import concurrent.futures
import threading
import time

from harness import TRIES, wait_for

LIMITS = {"entrapment_outside_s": 2, "entrapment_closed_s": 3, "entrapment_emergency_power_s": 5, "evidence_s": 3,
          "confirm_s": 1, "suppress_s": 2, "flapping_per_h": 2, "door_held_s": 4, "stalled_s": 300}
MODES = ("out_of_service", "normal", "inspection", "fire_return", "firefighter", "emergency_power", "earthquake")
DOORS = {"moving": 0, "closed": 1, "open": 2}
CONTACTS = {"chain": 0, "door_closed": 1, "door_zone": 2, "running": 3, "up": 4, "inspection": 5, "alarm": 6, "mains": 7}
PARKED = ("chain", "door_closed", "door_zone", "mains")


def status_word(mode="normal", car="stopped", door="closed", zone=True, occupied=None, overload=False, alarm=False):
    """Register 0x40 of generic-ba."""
    return (MODES.index(mode) | (car == "running") << 3 | DOORS[door] << 6 | zone << 8 | (occupied is not None) << 9 |
            bool(occupied) << 10 | overload << 11 | alarm << 12)


class Story:
    """One lift, what happens to it, and what is told of it."""

    saying = threading.Lock()

    def __init__(self, simulator, operator, unit):
        self.simulator, self.operator, self.unit = simulator, operator, unit
        self.lift = f"L-{unit}"

    def say(self, deed):
        with Story.saying:
            return self.simulator.say(f"unit {self.unit} {deed}")

    def shows(self, **car):
        self.say(f"register {0x40} {status_word(**car)}")

    def closes_contacts(self, *closed):
        for name in sorted(CONTACTS, key=lambda name: name != "mains"):
            self.say(f"register {CONTACTS[name]} {int(name in closed)}")

    def stops_between_floors(self, **car):
        self.shows(car="running")
        time.sleep(0.5)
        self.shows(zone=False, **car)

    def wait(self, leaf, count=1, **expected):
        message = self.operator.wait(leaf, lambda data: all(data[key] == value for key, value in expected.items()),
                                     count, lift=self.lift, stream=True)
        return message.data

    def told(self, leaf="fault/entrapment"):
        """What was told so far, as "raised suspected"."""
        return [" ".join(filter(None, (message.data["event"], message.data.get("confidence"))))
                for message in self.operator.stream()
                if message.leaf == leaf and message.topic.split("/")[4] == self.lift]

    def state(self):
        return self.operator.last("state", lift=self.lift).data

    def wait_for_state(self, **expected):
        wait_for(lambda: all(self.state()[key] == value for key, value in expected.items()),
                 what=f"state of {self.lift} to be {expected}")
        return self.state()


# ---- the stories ----

def trapped_between_floors_with_the_door_open(story):
    story.stops_between_floors(door="open")
    raised = story.wait("fault/entrapment", event="raised")
    assert (raised["confidence"], raised["alarm"], raised["count"], raised["severity"]) == ("suspected", True, 1, "critical")
    assert raised["raw"]["profile"] == "generic-ba" and raised["raw"]["table"] is None and raised["code"] is None
    time.sleep(4)
    story.shows(car="running", door="closed", zone=False)
    time.sleep(2.5)
    story.shows(door="closed")
    time.sleep(0.5)
    assert story.told() == ["raised suspected"]
    story.shows(door="open")
    cleared = story.wait("fault/entrapment", event="cleared")
    assert cleared["reason"] == "gone" and cleared["duration_s"] > 4 and cleared["raised_time"] == raised["raised_time"]


def trapped_in_a_lift_that_really_rides(story):
    story.say("trapped")
    assert story.wait("fault/entrapment", event="raised")["confidence"] == "suspected"
    assert story.wait_for_state(car="stopped", door_zone=False)["blocked"] is False
    story.say("trapped off")
    story.wait("fault/entrapment", event="cleared")


def parked_at_night_with_a_fault(story):
    story.shows()
    time.sleep(4)
    story.say("fault brake_fault on")
    story.wait("fault/brake_fault", event="raised")
    time.sleep(5)
    assert story.told() == []
    assert story.wait_for_state(blocked=True)["car"] == "stopped"


def somebody_had_just_got_in(story):
    story.shows(door="open")
    time.sleep(1)
    story.shows(door="closed")
    story.say("fault brake_fault on")
    assert story.wait("fault/entrapment", event="raised")["confidence"] == "suspected"
    story.shows(door="open")
    story.wait("fault/entrapment", event="cleared")


def a_child_on_the_alarm_button(story):
    story.shows(door="open", occupied=True)
    time.sleep(0.5)
    story.shows(door="open", occupied=True, alarm=True)
    alarm = story.wait("event/passenger_alarm")
    assert (alarm["active"], alarm["code"]) == (True, "90")
    time.sleep(3)
    assert story.told() == []


def a_rescuer_who_switches_to_inspection(story):
    story.stops_between_floors()
    story.wait("fault/entrapment", confidence="suspected")
    story.shows(zone=False, alarm=True)
    confirmed = story.wait("fault/entrapment", confidence="confirmed")
    assert confirmed["event"] == "raised" and confirmed["count"] == 1
    wait_for(lambda: [fault["seq"] for fault in story.state()["faults"]] == [confirmed["seq"]], what="the state's seq")
    story.shows(mode="inspection", zone=False)
    assert story.wait("event/mode_changed", to="inspection")["code"] == "43"
    time.sleep(2)
    assert story.told() == ["raised suspected", "raised confirmed"]
    story.shows(mode="inspection", door="open")
    cleared = story.wait("fault/entrapment", event="cleared")
    assert cleared["reason"] == "inspection" and cleared["confidence"] == "confirmed"
    assert cleared["duration_s"] > 5


def a_power_cut_seen_by_dry_contacts(story):
    story.closes_contacts(*PARKED)
    time.sleep(6)
    story.closes_contacts()
    fault = story.wait("fault/power_supply_fault", event="raised")
    assert fault["alarm"] is True
    time.sleep(5)
    assert story.told() == [] and not story.told("fault/stop_outside_zone") and not story.told("fault/safety_circuit_open")
    story.closes_contacts(*PARKED)
    story.wait("fault/power_supply_fault", event="cleared")
    time.sleep(2)
    assert story.told() == []


def relevelling_flicker(story):
    story.shows(door="open", occupied=True)
    for _ in range(8):
        story.shows(car="running", door="open", occupied=True, zone=False)
        time.sleep(0.4)
        story.shows(door="open", occupied=True)
        time.sleep(0.2)
    assert story.told() == []
    story.stops_between_floors()
    story.wait("fault/entrapment", event="raised")
    for _ in range(5):
        story.shows(car="running")
        time.sleep(0.4)
        story.shows(zone=False)
        time.sleep(0.3)
    assert story.told() == ["raised suspected"]


def fire_mode(story):
    story.shows(mode="fire_return", car="running", occupied=True)
    time.sleep(2)
    story.say("fault brake_fault on")
    story.shows(mode="fire_return", occupied=True)
    time.sleep(5)
    assert story.told() == []
    story.shows(mode="fire_return", occupied=True, zone=False)
    assert story.wait("fault/entrapment", event="raised")["service_mode"] == "fire_return"


def the_link_is_lost_in_the_middle(story):
    story.stops_between_floors()
    story.wait("fault/entrapment", event="raised")
    story.say("silent")
    wait_for(lambda: story.state()["link"] == "offline", what="the link to be offline")
    assert [fault["fault"] for fault in story.state()["faults"]] == ["entrapment"]
    assert story.state()["blocked"] is None
    time.sleep(2)
    story.say("ok")  # frees the registers too
    story.shows(zone=False)
    story.wait_for_state(link="online")
    time.sleep(3)
    assert story.told() == ["raised suspected"]
    story.shows(door="open")
    assert story.wait("fault/entrapment", event="cleared")["reason"] == "gone"


def every_mode_has_its_code(story):
    story.shows()
    time.sleep(0.5)
    for count, (mode, code) in enumerate((("out_of_service", "42"), ("inspection", "43"), ("fire_return", "44"),
                                          ("firefighter", "45"), ("emergency_power", "46"), ("earthquake", "47")), 1):
        story.shows(mode=mode)
        assert story.wait("event/mode_changed", to=mode)["code"] == code
        story.shows()
        assert story.wait("event/mode_changed", to="normal", count=count)["code"] == "40"


def what_inspection_left_behind_alarms_when_it_is_over(story):
    story.shows(mode="inspection")
    time.sleep(1)
    story.say("fault door_lock_open on")
    raised = story.wait("fault/door_lock_open", event="raised")
    assert (raised["alarm"], raised["suppressed"], raised["count"]) == (False, "inspection", 0)
    story.shows()
    again = story.wait("fault/door_lock_open", event="raised", alarm=True)
    assert (again["suppressed"], again["count"], again["raised_time"]) == (None, 0, raised["raised_time"])


def a_loose_contact_and_what_else_is_no_fault(story):
    story.shows(overload=True, door="open")
    assert story.wait("event/overload")["active"] is True
    story.shows(door="open")
    story.wait("event/overload", active=False)
    held = story.wait("event/door_held")
    assert held["duration_s"] >= 4 and held["since"] < held["time"]
    for _ in range(4):
        story.say("fault call_button_stuck on")
        time.sleep(0.7)
        story.say("fault call_button_stuck off")
        time.sleep(1.8)
    flapping = story.wait("event/flapping")
    assert (flapping["fault"], flapping["raises"], flapping["per_h"]) == ("call_button_stuck", 3, 2)
    assert story.told("fault/call_button_stuck") == ["raised", "cleared", "raised", "cleared", "raised"]
    assert story.wait("fault/call_button_stuck", flapping=True)["count"] == 3
    assert [fault["fault"] for fault in story.state()["faults"]] == ["call_button_stuck"]
    assert len(story.told("event/flapping")) == 1
    wait_for(lambda: story.operator.last("counters", lift=story.lift).data["faults_total"]["call_button_stuck"] == 4,
             what="the fourth raise to be counted")


STORIES = (trapped_between_floors_with_the_door_open, trapped_in_a_lift_that_really_rides, parked_at_night_with_a_fault,
           somebody_had_just_got_in, a_child_on_the_alarm_button, a_rescuer_who_switches_to_inspection,
           relevelling_flicker, fire_mode, the_link_is_lost_in_the_middle, every_mode_has_its_code,
           what_inspection_left_behind_alarms_when_it_is_over, a_loose_contact_and_what_else_is_no_fault,
           a_power_cut_seen_by_dry_contacts)


def begin(world, stories):
    """All lifts parked and seen, one for each story; those of dry contacts are dio-8."""
    profiles = ["dio-8" if story is a_power_cut_seen_by_dry_contacts else "generic-ba" for story in stories]
    broker = world.broker()
    simulator = world.simulator(units=[f"{unit}={profile}" for unit, profile in enumerate(profiles, 1)])
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False, lifts=len(stories))
    gateway.settings["gateway"].update(LIMITS, counters_interval_s=1, state_min_interval_ms=100)
    told = []
    for lift, profile in zip(gateway.lifts, profiles):
        lift["profile"] = profile
        story = Story(simulator, operator, lift["unit"])
        if profile == "dio-8":
            story.closes_contacts(*PARKED)
        elif stories[story.unit - 1] is not trapped_in_a_lift_that_really_rides:
            story.say("hold on")
            story.shows()
        told.append(story)
    gateway.start()
    for story in told:
        wait_for(lambda: story.operator.last("state", lift=story.lift), what=f"the first state of {story.lift}")
        story.wait_for_state(link="online")
    return gateway, told


def tell_all(world, stories):
    """Returns what is wrong, by story."""
    gateway, lifts = begin(world, stories)
    with concurrent.futures.ThreadPoolExecutor(len(stories)) as pool:
        tellings = {tell: pool.submit(tell, lift) for tell, lift in zip(stories, lifts)}
    gateway.stop()
    errors = {tell: telling.exception() for tell, telling in tellings.items()}
    return {tell: f"{tell.__name__}: {type(error).__name__}: {error}" for tell, error in errors.items() if error}


def test_each_story_is_told(world):
    """A machine that stands still for a second makes another story of one that has its times: that is told again."""
    failures = dict.fromkeys(STORIES)
    for _ in range(TRIES):
        failures = tell_all(world, list(failures))
        print("\n".join(failures.values()))
        if not failures:
            return
    raise AssertionError("\n".join(failures.values()))


def test_a_restart_in_the_middle(world):
    gateway, [story] = begin(world, [trapped_between_floors_with_the_door_open])
    story.stops_between_floors()
    raised = story.wait("fault/entrapment", event="raised")
    for end in (gateway.stop, gateway.kill):
        end()
        gateway.start()
        before = time.monotonic()
        wait_for(lambda: story.operator.last("state", lift=story.lift).time > before, what="a state after the restart")
        state = story.wait_for_state(link="online")
        assert [(fault["fault"], fault["seq"]) for fault in state["faults"]] == [("entrapment", raised["seq"])]
        time.sleep(3)
        assert story.told() == ["raised suspected"]
    story.shows(door="open")
    cleared = story.wait("fault/entrapment", event="cleared")
    assert (cleared["reason"], cleared["count"], cleared["raised_time"]) == ("gone", 1, raised["raised_time"])
