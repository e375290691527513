"""liftgw-profile(5) is enough to bring in a controller: its examples load, it names all there is, and a profile written
from a made-up manual understands a slave that is not ours, end to end."""

import asyncio
import re
import subprocess
import threading

import pymodbus.datastore as datastore
import pymodbus.server as server
import pytest

from harness import Process, wait_for
from harness.gateway import to_libconfig
from harness.paths import BUILD, CONFIG, SOURCE

PAGE = SOURCE / "gateway" / "man" / "liftgw-profile.5"
HERE = SOURCE / "tests" / "system"

# What the fragments of the page lean on.
SKELETON = {
    "head": ("values = ( { item = \"floor\"; address = 1; } );", ""),
    "values": ('table = "holding";\nvalues = (', ");"),
    "rules": ('table = "holding";\nvalues = ( { item = "_open"; address = 1; bit = 0; },'
              ' { item = "_closed"; address = 1; bit = 1; }, { item = "_quake"; address = 1; bit = 2; },'
              ' { item = "car"; address = 1; bit = 3; map = { stopped = 0; running = 1; }; } );\nrules = (', ");"),
    "faults": ('table = "holding";\nvalues = ( { item = "_chain"; address = 1; bit = 0; },'
               ' { item = "_closed"; address = 1; bit = 1; }, { item = "_mains"; address = 1; bit = 2; } );\nfaults = (',
               ");"),
}
ABOUT = 'name = "{name}"; title = "t"; source = "s";\n'


def examples():
    """(kind, name, text) of each example of the page."""
    found = re.findall(r'^\.\\" example: (\w+) ?([\w-]*)\n\.Bd -literal[^\n]*\n(.*?)^\.Ed$', PAGE.read_text(),
                       re.DOTALL | re.MULTILINE)
    assert len(found) == PAGE.read_text().count(".Bd -literal"), "an example without its comment"
    return found


def check(folder, lift, profile_dirs):
    """liftgwd -t with that one lift."""
    gateway = {"id": "B", "prefix": "p", "district": "d", "compound": "c", "state_dir": str(folder),
               "control": str(folder / "control.sock"), "codes_dirs": [str(CONFIG / "codes")],
               "profile_dirs": [str(path) for path in profile_dirs]}
    path = folder / "liftgw.cfg"
    path.write_text(f"gateway = {to_libconfig(gateway)};\nbroker = {{ urls = (\"mqtts://broker.example\"); }};\n"
                    f'buses = ( {{ name = "shaft"; device = "/dev/null"; baud = 9600; parity = "none"; stop_bits = 1;\n'
                    f"lifts = ( {lift} ); }} );\n")
    answer = subprocess.run([BUILD / "liftgwd", "-t", "-c", path], capture_output=True, text=True, timeout=20)
    return answer.returncode, answer.stderr


def test_the_page_is_clean():
    lint = subprocess.run(["mandoc", "-T", "lint", PAGE], capture_output=True, text=True, timeout=20)
    told = [line for line in (lint.stdout + lint.stderr).splitlines() if "referenced manual not found" not in line]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("number", range(len(examples())))
def test_an_example_of_the_page_is_right(tmp_path, number):
    kind, name, text = examples()[number]
    if kind == "lift":
        status, said = check(tmp_path, text, [CONFIG / "profiles"])
        assert status == 0 and "warning" not in said, said
        return
    before, after = SKELETON.get(kind, ("", ""))
    given = re.search(r'^name\s*= "([\w-]+)"', text, re.MULTILINE)
    name = given.group(1) if given else "example"
    if kind == "head":
        before, after = "", before
    (tmp_path / f"{name}.cfg").write_text(("" if given else ABOUT.format(name=name)) + before + text + after)
    status, said = check(tmp_path, f'{{ id = "L"; unit = 1; profile = "{name}"; }}', [tmp_path])
    assert status == 0 and "warning" not in said, f"{said}\n{text}"


def words_of_the_code():
    """Every key, type, item, word and fault id that the program knows, from its tables."""
    words = set()
    for path in (SOURCE / "gateway" / "profile").glob("*.c"):
        for _name, body in re.findall(r"\*const (\w*keys)\[\] = \{(.*?)\};", path.read_text(), re.DOTALL):
            words |= set(re.findall(r'"(\w+)"', body))
    place = (SOURCE / "gateway" / "profile" / "place.c").read_text()
    words |= set(re.findall(r'\[RAW_\w+\] = \{"(\w+)"', place))
    vocabulary = (SOURCE / "gateway" / "model" / "vocabulary.c").read_text()
    words |= set(re.findall(r'= (?:WORDS|BOOL|NUMBER|COUNTER)\("(\w+)"', vocabulary))
    words |= set(re.findall(r'\[FAULT_\w+\] = \{\s*"(\w+)"', vocabulary))
    for body in re.findall(r"\*const \w+_words\[\] = \{(.*?)\};", vocabulary, re.DOTALL):
        words |= set(re.findall(r'"(\w+)"', body))
    return words


def test_the_page_names_all_there_is():
    page = PAGE.read_text()
    known = words_of_the_code()
    assert {"address", "code_format", "decimal10000", "service_mode", "overspeed", "warnings",
            "not_closed"} <= known
    missing = sorted(word for word in known if not re.search(rf"(?<!\w){word}(?!\w)", page))
    assert not missing, missing
    assert "an item starts each poll with its last value" in page


# ---- the made-up controller ----


class NanxingNx7:
    """made_up_manual.md as pymodbus serves it. Registers by the manual's numbers."""

    def __init__(self, device):
        # pymodbus counts from 1, as the manual does
        self.registers = datastore.ModbusSparseDataBlock(
            {101: 0b1_0000, 102: 0x01, 103: 300, 104: 0, 105: 4464, 106: 1, 107: 1385, 110: 0})
        self.inputs = datastore.ModbusSparseDataBlock({1: 0, 2: 0, 3: 1, 4: 1})
        lift = datastore.ModbusSlaveContext(ir=self.registers, di=self.inputs)
        self.context = datastore.ModbusServerContext(slaves={5: lift}, single=False)
        self.device = device

    def set(self, number, value):
        block, first = (self.registers, 30000) if number > 30000 else (self.inputs, 10000)
        block.setValues(number - first, [value])

    def start(self):
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()

    async def _serve(self):
        try:
            from pymodbus.framer.rtu_framer import ModbusRtuFramer as framer
        except ImportError:
            from pymodbus.framer import FramerType
            framer = FramerType.RTU
        await server.StartAsyncSerialServer(context=self.context, framer=framer, port=str(self.device), baudrate=19200,
                                            bytesize=8, stopbits=1, ignore_missing_slaves=True,
                                            parity="N")  # a pty knows no parity, and pyserial would not open it


def test_a_profile_written_from_a_manual_understands_the_controller(world):
    folder = world.new_folder("pty")
    ends = [folder / "ours", folder / "theirs"]
    world.processes.append(Process("socat", ["socat", *(f"pty,raw,echo=0,link={end}" for end in ends)],
                                   folder / "socat.log"))
    wait_for(lambda: all(end.exists() for end in ends), what="socat's two ptys")
    lift = NanxingNx7(ends[1])
    lift.start()

    broker = world.broker()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, start=False, device=ends[0])
    gateway.settings["gateway"].update(profile_dirs=[str(HERE)], counters_interval_s=1, state_min_interval_ms=100)
    gateway.settings["buses"] = [{"name": "shaft", "device": str(ends[0]), "lifts": [
        {"id": "L-1", "unit": 5, "profile": "nanxing-nx7", "labels": ["-1", "1", "2"]}]}]
    gateway.start()

    def wait_for_state(**words):
        return operator.wait("state", lambda data: all(data[key] == value for key, value in words.items())).data

    parked = wait_for_state(link="online", car="stopped", direction="none", door="closed", door_zone=True, floor=1,
                            floor_label="-1", load_percent=30, overload=False, service_mode="normal")
    assert parked["occupied"] is None, "the manual says nothing of it"
    counters = operator.wait("counters", lambda data: data["rides_total"]).data
    assert (counters["rides_total"]["value"], counters["rides_total"]["source"]) == (70000, "device")
    assert counters["run_hours"]["value"] == 138, "whole hours of 138.5"

    lift.set(30104, 160)
    lift.set(30101, 0b00_0011)
    wait_for_state(car="running", direction="up", door_zone=False)
    lift.set(30102, 0x12)
    lift.set(30103, 65535)
    wait_for_state(floor=12, load_percent=None, car="running")
    lift.set(30104, 0)
    lift.set(30105, 4465)
    for door, word in ((1, "opening"), (2, "open"), (3, "closing"), (0, "closed")):
        lift.set(30101, 0b1_0000 | door << 2)
        wait_for_state(door=word, car="stopped", floor=12)
    operator.wait("counters", lambda data: data["rides_total"] and data["rides_total"]["value"] == 70001)

    lift.set(30110, 0x12)
    raised = operator.wait("fault/door_lock_open").data
    assert (raised["raw"]["code"], raised["raw"]["value"]) == ("F12", 0x12)
    assert raised["raw"]["text"] == "Door lock opened during travel" and raised["raw"]["address"] == 109
    lift.set(30110, 0x41)
    assert operator.wait("fault/door_lock_open", lambda data: data["event"] == "cleared").data["reason"] == "superseded"
    assert operator.wait("fault/relevel_fault").data["entrapment"] == "no"
    lift.set(30110, 0xF0)
    operator.wait("fault/relevel_fault", lambda data: data["event"] == "cleared")
    lift.set(30110, 0x99)
    assert operator.wait("fault/other").data["raw"]["code"] == "F99"
    lift.set(30110, 0)
    lift.set(10004, 0)
    operator.wait("fault/brake_fault")
    lift.set(10004, 1)
    operator.wait("fault/brake_fault", lambda data: data["event"] == "cleared")

    lift.set(30101, 0b1_0000 | 1 << 8)
    wait_for_state(service_mode="inspection")
    lift.set(30101, 0b1_0000 | 7 << 8)  # start-up: the former mode goes on
    lift.set(30102, 0x03)
    assert wait_for_state(floor=3)["service_mode"] == "inspection"
    lift.set(30101, 0b1_0000)
    for inputs in (3, 4, 1, 2):
        lift.set(10000 + inputs, 0)
    operator.wait("fault/controller_supply_fault")
    assert not operator.select("fault/brake_fault")[2:], "inputs without supply are no brake fault"
    assert not any(gateway.status()["buses"][0]["errors"].values())
