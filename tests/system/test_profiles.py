"""Every profile of config/profiles through the real daemon: the words of a ride, its rides, a fault with its code and
text; a lift of several units; and the three situations of the profile documentation."""

import subprocess

import pytest

from harness import wait_for
from harness.gateway import to_libconfig
from harness.paths import BUILD, CONFIG

BAUD = 57600

# What a ride from floor 1 to 2 looks like: these words one after the other, whatever else changes in between.
RIDES = {
    "generic-ba": [{"car": "running", "direction": "up", "door": "closed", "door_zone": False}, {"door": "moving"},
                   {"door": "open", "car": "stopped", "floor": 2, "direction": "none"}, {"door": "closed"}],
    "dio-8": [{"car": "running", "direction": "up", "door": "closed", "door_zone": False},
              {"door": "not_closed", "car": "stopped", "door_zone": True}, {"door": "closed"}],
    "monarch-nice3000plus": [{"car": "running", "direction": "up", "door": "closed", "service_mode": "normal"},
                             {"door": "opening", "car": "stopped"}, {"door": "open", "floor": 2},
                             {"door": "closing"}, {"door": "closed"}],
    "monarch-nice1000new": [{"car": "running", "direction": "up", "door": "closed"}, {"door": "open", "floor": 2},
                            {"door": "closed"}],
    "techno-lift": [{"car": "running", "direction": "up", "door": "closed"}, {"door": "moving"},
                    {"door": "open", "floor": 2}, {"door": "closed", "car": "stopped"}],
    "invertek-elevator-core": [{"car": "running", "door": None}, {"car": "stopped", "floor": None}],
    "emerson-ev3200-door": [{"door": "opening", "car": None}, {"door": "not_closed"}, {"door": "closing"},
                            {"door": "closed"}],
}
# Whose count it is; None: nobody's.
COUNTED = {"generic-ba": "device", "dio-8": "derived", "monarch-nice3000plus": "device", "monarch-nice1000new": "device",
           "techno-lift": "derived", "invertek-elevator-core": "device", "emerson-ev3200-door": None}
# What is said to the unit, the fault that follows, the city's code, and what is beside it.
FAULTS = {
    "generic-ba": ("fault door_open_fault", "door_open_fault", "03", {"address": 0x41, "bit": 6, "code": None}),
    "dio-8": ("fault safety_circuit_open", "safety_circuit_open", "01", {"address": None, "code": None}),
    "monarch-nice3000plus": ("code 41", "safety_circuit_open", "01",
                             {"address": 0x8000, "value": 41, "code": "E41", "text": "Safety circuit broken"}),
    "monarch-nice1000new": ("code 7", "drive_fault", None,
                            {"address": 0x8000, "value": 7, "code": "E07", "text": "Over-voltage at constant speed"}),
    "techno-lift": ("code 5", "other", None, {"address": 0x07, "value": 5, "code": 5, "text": None}),
    "invertek-elevator-core": ("fault drive_fault", "drive_fault", None, {"address": 255, "bit": 1}),
    "emerson-ev3200-door": ("fault door_close_fault", "door_close_fault", "02", {"address": None, "code": None}),
}


def wait_for_words(operator, lift, words):
    """The words come one after the other."""
    def met():
        expected = list(words)
        for message in operator.select("state", lift=lift):
            if expected and all(message.data[key] == value for key, value in expected[0].items()):
                expected.pop(0)
        return not expected
    try:
        wait_for(met, 40, f"{words} of {lift}")
    except AssertionError as error:
        keys = ("link", "service_mode", "car", "direction", "door", "door_zone", "floor")
        states = [[message.data[key] for key in keys] for message in operator.select("state", lift=lift)]
        raise AssertionError(f"{error}; there was:\n" + "\n".join(map(str, states))) from None


def rides_of(operator, lift):
    rides = operator.last("counters", lift=lift).data["rides_total"]
    return rides and rides["value"]


def test_every_profile_is_tried_here():
    assert {path.stem for path in CONFIG.glob("profiles/*.cfg")} == set(RIDES) == set(COUNTED) == set(FAULTS)


def test_a_ride_and_a_fault_of_each(world):
    broker = world.broker()
    operator = world.subscriber(broker)
    simulators = {}
    for profile in RIDES:
        simulators[profile] = world.simulator(profile=profile, baud=BAUD)
        simulators[profile].say("unit 1 hold on")  # at floor 1
    gateway = world.gateway(broker, start=False, device="none")
    gateway.settings["gateway"].update(counters_interval_s=1, state_min_interval_ms=100)
    gateway.settings["buses"] = [
        {"name": profile, "device": str(simulator.device), "baud": BAUD,
         "lifts": [{"id": profile, "unit": 1, "profile": profile}]} for profile, simulator in simulators.items()]
    gateway.start()
    for profile, (deed, fault, code, raw) in FAULTS.items():
        operator.wait("link", lambda data: data["link"] == "online", lift=profile)
        operator.wait("state", lambda data: data["link"] == "online", lift=profile)
        simulators[profile].say(f"unit 1 {deed} on" if deed.startswith("fault") else f"unit 1 {deed}")
    for profile, (deed, fault, code, raw) in FAULTS.items():
        raised = operator.wait(f"fault/{fault}", lambda data: data["event"] == "raised", lift=profile).data
        assert raised["code"] == code and raised["code_system"] == "gbt24476-2017", profile
        assert raised["raw"]["profile"] == profile and raised["raw"]["unit"] == 1
        assert {key: raised["raw"][key] for key in raw} == raw, profile
        simulators[profile].say("unit 1 code 0" if deed.startswith("code") else f"unit 1 {deed} off")
    for profile, (deed, fault, code, raw) in FAULTS.items():
        operator.wait(f"fault/{fault}", lambda data: data["event"] == "cleared", lift=profile)

    before = {profile: operator.wait("counters", lift=profile) and rides_of(operator, profile) for profile in RIDES}
    for simulator in simulators.values():
        simulator.say("unit 1 call 2")
        simulator.say("unit 1 hold off")
    for profile, words in RIDES.items():
        wait_for_words(operator, profile, words)
    for profile, source in COUNTED.items():
        if source is None:
            assert rides_of(operator, profile) is None
            continue
        wait_for(lambda: rides_of(operator, profile) > (before[profile] or 0), what=f"a ride of {profile}")
        assert operator.last("counters", lift=profile).data["rides_total"]["source"] == source, profile
    for bus in gateway.status()["buses"]:
        assert not any(bus["errors"].values()), bus


def test_the_monarch_dialect_has_its_own_error_frames(world):
    broker = world.broker()
    operator = world.subscriber(broker)
    simulator = world.simulator(profile="monarch-nice3000plus", baud=BAUD)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.lifts[0]["profile"] = "monarch-nice3000plus"
    gateway.start()
    operator.wait("link", lambda data: data["link"] == "online")
    simulator.say("unit 1 exception 4")
    operator.wait("link", lambda data: data["link"] == "offline" and data["reason"] == "exception")
    simulator.say("unit 1 ok")
    operator.wait("link", lambda data: data["link"] == "online", count=2)
    errors = gateway.status()["buses"][0]["errors"]
    assert errors["exception"] > 0 and not any(count for name, count in errors.items() if name != "exception"), errors


# ---- a lift of several units ----

PARTS = [{"unit": 10, "profile": "dio-8", "unused": ["door_zone"], "without": ["rides_total", "run_hours"]},
         {"unit": 1, "profile": "invertek-elevator-core", "without": ["car"]}]


@pytest.fixture
def composed(world):
    """Dry contacts and the drive of one lift on one bus, parked."""
    broker = world.broker()
    operator = world.subscriber(broker)
    simulator = world.simulator(units=("10=dio-8", "1=invertek-elevator-core@10"), baud=BAUD)
    simulator.say("unit * hold on")
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["gateway"].update(counters_interval_s=1, state_min_interval_ms=100)
    gateway.settings["buses"][0].update(
        parity="none", stop_bits=1,
        lifts=[{"id": "L-1", "floors": 6, "parts": PARTS, "accepts": ["trips_on_silence"]}])
    gateway.start()
    operator.wait("link", lambda data: data["link"] == "online")
    operator.wait("counters", lambda data: data["rides_total"])
    return simulator, operator, gateway


def test_each_item_belongs_to_the_first_part_that_has_it(composed):
    simulator, operator, _gateway = composed
    meta = operator.wait("meta").data
    assert [(unit["unit"], unit["profile"]) for unit in meta["units"]] == \
        [(10, "dio-8"), (1, "invertek-elevator-core")]
    state = operator.wait("state", lambda data: data["link"] == "online").data
    assert (state["car"], state["door"], state["door_zone"]) == ("stopped", "closed", None), "door_zone is not wired"
    counters = operator.last("counters").data
    high, low = simulator.registers(1, 1006, 2)
    assert counters["rides_total"] == {**counters["rides_total"], "value": high * 65536 + low, "source": "device"}
    assert counters["run_hours"]["source"] == "derived" and counters["door_cycles_total"]["source"] == "derived"

    simulator.say("unit 1 register 255 1")  # the drive runs, but the car is the contacts'
    simulator.say("unit 10 register 4 1")  # and up is only a direction while the car runs
    simulator.say("unit 10 mode inspection")
    inspected = operator.wait("state", lambda data: data["service_mode"] == "inspection").data
    assert (inspected["car"], inspected["direction"]) == ("stopped", "none")
    simulator.say("unit * ok")
    simulator.say("unit 1 mode normal")  # to whichever of its units can show it
    operator.wait("state", lambda data: data["service_mode"] == "normal", count=2)

    simulator.say("unit 10 call 2")  # from above
    simulator.say("unit * hold off")
    wait_for_words(operator, "L-1", [{"car": "running", "direction": "down"}, {"car": "stopped", "door": "not_closed"}])
    wait_for(lambda: rides_of(operator, "L-1") == high * 65536 + low + 1, what="the ride that the drive counted")
    wait_for(lambda: operator.last("counters").data["door_cycles_total"]["value"] == 1, what="the door's cycle")


def test_faults_of_its_parts_add_up_and_silence_is_told_apart(composed):
    simulator, operator, _gateway = composed
    simulator.fault(1, "drive_fault")
    simulator.fault(10, "power_supply_fault")
    drive = operator.wait("fault/drive_fault").data
    mains = operator.wait("fault/power_supply_fault").data
    assert (drive["raw"]["unit"], drive["raw"]["profile"]) == (1, "invertek-elevator-core")
    assert (mains["raw"]["unit"], mains["raw"]["profile"]) == (10, "dio-8")
    operator.wait("state", lambda data: {fault["fault"] for fault in data["faults"]} == {"drive_fault",
                                                                                        "power_supply_fault"})
    simulator.say("unit * fault drive_fault off")
    simulator.say("unit 1 fault power_supply_fault off")
    operator.wait("state", lambda data: data["link"] == "online" and not data["faults"], count=2)

    simulator.say("unit 1 silent")
    link = operator.wait("link", lambda data: [unit["link"] for unit in data["units"]] == ["online", "offline"]).data
    assert link["link"] == "online", "the first part is the primary"
    simulator.say("unit 1 ok")
    operator.wait("link", lambda data: [unit["link"] for unit in data["units"]] == ["online", "online"], count=2)
    simulator.say("unit 10 silent")
    link = operator.wait("link", lambda data: data["link"] == "offline").data
    assert [unit["link"] for unit in link["units"]] == ["offline", "online"] and link["reason"] == "timeout"


# ---- the three situations of the profile documentation ----

SITUATIONS = {
    "one Monarch on its DB9": """
buses: ( { name = "machine-room"; device = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"; baud = 38400;
  lifts: ( { id = "L-012345"; unit = 1; profile = "monarch-nice3000plus"; name = "万户新村 12 幢 2 单元";
             labels = ("-1","1","2","3","4","5","6"); accepts = ("hall_bus"); } ); } );""",
    "two lifts on one bus": """
buses: ( { name = "shaft"; device = "/dev/ttyS4"; rs485 = "kernel";          # 9600 8N1 comes from the profile
  lifts: ( { id = "L-012401"; unit = 1; profile = "techno-lift"; name = "新河 7 幢 1 单元 东梯"; },
           { id = "L-012402"; unit = 2; profile = "techno-lift"; name = "新河 7 幢 1 单元 西梯"; } ); } );""",
    "dry contacts and the drive": """
buses: ( { name = "machine-room"; device = "/dev/serial/by-path/platform-fd800000.usb-usb-0:1:1.0-port0";
  baud = 9600; parity = "none"; stop_bits = 1;                                # the two profiles' defaults differ: must be said
  lifts: ( { id = "L-012777"; name = "新都 3 幢 1 单元"; floors = 6;
    parts: ( { unit = 10; profile = "dio-8"; invert = ("_mains", "_chain"); unused = ("door_zone");
               without = ("rides_total", "run_hours"); },
             { unit = 1; profile = "invertek-elevator-core"; without = ("car"); } );
    accepts = ("trips_on_silence"); } ); } );""",
}


def check(folder, buses):
    gateway = {"id": "B12-2", "prefix": "yancheng", "district": "tinghu", "compound": "wanhu-xincun",
               "state_dir": str(folder), "control": str(folder / "control.sock"),
               "profile_dirs": [str(CONFIG / "profiles")], "codes_dirs": [str(CONFIG / "codes")]}
    path = folder / "liftgw.cfg"
    path.write_text(f"gateway = {to_libconfig(gateway)};\nbroker = {{ urls = (\"mqtts://broker.city.example\"); }};"
                    f"{buses}\n")
    return subprocess.run([BUILD / "liftgwd", "-t", "-c", path], capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_situation_is_right(tmp_path, name):
    answer = check(tmp_path, SITUATIONS[name])
    assert answer.returncode == 0 and "is fine" in answer.stderr, answer.stderr
    assert "error" not in answer.stderr and "warning" not in answer.stderr, answer.stderr


@pytest.mark.parametrize("name, before, after, says", (
    ("one Monarch on its DB9", '"hall_bus"', '"hall_buss"', 'no profile of this lift warns of "hall_buss"; did you mean'),
    ("one Monarch on its DB9", 'accepts = ("hall_bus")', 'accepts = ("trips_on_silence")', 'warns of "trips_on_silence"'),
    ("dry contacts and the drive", 'baud = 9600; parity = "none"; stop_bits = 1;', "",
     "the profiles of this bus disagree on baud: dio-8 wants 9600, invertek-elevator-core wants 115200"),
    ("dry contacts and the drive", '"car"', '"kar"', "did you mean 'car'?"),
    ("two lifts on one bus", 'unit = 2; profile = "techno-lift"', 'unit = 2; profile = "monarch-nice1000new"',
     "the monarch dialect (unit 2, monarch-nice1000new) and plain RTU (unit 1, techno-lift) cannot share a line")))
def test_a_situation_with_a_mistake_is_told(tmp_path, name, before, after, says):
    assert before in SITUATIONS[name]
    answer = check(tmp_path, SITUATIONS[name].replace(before, after))
    assert answer.returncode == 78 and says in answer.stderr, answer.stderr
