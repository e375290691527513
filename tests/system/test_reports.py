"""A real midnight: zic makes a time zone in which it comes some seconds from now, and the daemon closes its day there."""

import calendar
import datetime
import os
import shutil
import subprocess
import time

import pytest

from harness import schemas, wait_for

ZIC = shutil.which("zic", path=os.environ.get("PATH", "") + ":/usr/sbin")
DAY_S = 86400


@pytest.fixture
def midnight_in(tmp_path, monkeypatch):
    """Makes the zone Test/Midnight; returns when its midnight is: seconds since 1970. at_month_end: it ends a month."""
    def make(seconds, at_month_end=False):
        midnight = int(time.time()) + seconds
        local = datetime.datetime.fromtimestamp(midnight, datetime.timezone.utc)
        month = calendar.timegm((local.year, local.month, 1, 0, 0, 0))
        ahead = 40 if at_month_end else 15  # days: the 10th of a month to come, or a day in the middle of one
        day = datetime.datetime.fromtimestamp(month + ahead * DAY_S, datetime.timezone.utc)
        day = day.replace(day=1 if at_month_end else 15)
        offset = int(day.timestamp()) - midnight
        sign, offset = "-" if offset < 0 else "", abs(offset)
        source = tmp_path / "zone.txt"
        source.write_text(f"Zone Test/Midnight {sign}{offset // 3600}:{offset // 60 % 60:02}:{offset % 60:02} - TST\n")
        zones = tmp_path / "zones"
        subprocess.run([ZIC, "-d", zones, source], check=True, capture_output=True)
        monkeypatch.setenv("TZDIR", str(zones))
        return midnight
    return make


def watched(world):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["gateway"]["timezone"] = "Test/Midnight"
    gateway.settings["gateway"]["counters_interval_s"] = 1
    return simulator, operator, gateway


def seconds_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_a_day_and_its_month_are_reported_at_midnight(world, midnight_in):
    simulator, operator, gateway = watched(world)
    midnight = midnight_in(30, at_month_end=True)
    gateway.start()
    operator.wait("state", lambda data: data["link"] == "online")
    began = time.time()
    before = operator.wait("counters", lambda data: data["rides_total"]).data["rides_total"]["value"]
    simulator.fault(1, "door_open_fault")
    operator.wait("fault/door_open_fault")
    simulator.fault(1, "door_open_fault", on=False)
    operator.wait("fault/door_open_fault", lambda data: data["event"] == "cleared")
    simulator.say("unit 1 ride 5")
    operator.wait("counters", lambda data: data["rides_total"]["value"] >= before + 5)
    simulator.say("unit 1 hold on")
    assert time.time() < midnight, "too slow a machine for this test"

    message = operator.wait("report/day", timeout=60)
    day = message.data
    assert time.time() >= midnight
    assert message.topic == "yancheng/lift/tinghu/wanhu-xincun/L-1/report/day"
    assert (seconds_of(day["from"]), seconds_of(day["to"])) == (midnight - DAY_S, midnight)
    assert abs(day["complete"] * DAY_S - (midnight - began)) < 15  # four digits of a day are 9 s
    assert day["rides"] >= 5
    assert day["faults"]["door_open_fault"]["count"] == 1
    assert 0 < day["availability"] <= 1
    assert day["longest_entrapment_s"] is None
    assert day["name"] == "Lift 1"

    month = operator.wait("report/month").data
    assert seconds_of(month["to"]) == midnight
    assert 28 <= (midnight - seconds_of(month["from"])) / DAY_S <= 31
    assert (month["rides"], month["faults"]) == (day["rides"], day["faults"])
    assert month["seq"] == day["seq"] + 1
    time.sleep(3)
    assert len(operator.select("report", stream=True)) == 2
    newcomer = world.subscriber(operator.broker)
    assert newcomer.wait("report/day").retain


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_box_that_was_off_at_midnight_reports_once_when_it_is_back(world, midnight_in, end):
    simulator, operator, gateway = watched(world)
    midnight = midnight_in(20)
    gateway.start()
    operator.wait("state", lambda data: data["link"] == "online")
    simulator.fault(1, "brake_fault")
    operator.wait("fault/brake_fault")
    assert time.time() < midnight, "too slow a machine for this test"
    gateway.stop() if end == "stop" else gateway.kill()
    wait_for(lambda: time.time() > midnight + 1, what="midnight")

    gateway.start()
    day = operator.wait("report/day").data
    assert seconds_of(day["to"]) == midnight
    assert day["complete"] * DAY_S < 30
    assert day["faults"]["brake_fault"]["count"] == 1
    gateway.stop()
    gateway.start()
    wait_for(lambda: sum(message.leaf == "event/restarted" for message in operator.stream()) == 3, what="three starts")
    time.sleep(2)
    assert sum(message.leaf.startswith("report/") for message in operator.stream()) == 1


def test_a_lift_that_leaves_takes_its_reports_with_it(world, midnight_in):
    _simulator, operator, gateway = watched(world)
    midnight_in(12)
    gateway.start()
    operator.wait("report/day", timeout=60)
    gateway.lifts[0]["id"] = "L-9"
    gateway.write()
    gateway.process.signal(1)
    wait_for(lambda: any(message.payload == b"" for message in operator.select("report/day", lift="L-1")),
             what="the retained report to be cleared")


def test_a_report_without_its_figures_is_none():
    assert list(schemas.validator("report.json").iter_errors({}))
