"""The control socket, and liftgwctl status on it."""

import json
import os
import re
import socket
import stat
import subprocess

import pytest

from harness import SLIPS, wait_for
from harness.lines import LineSocket
from harness.paths import BUILD
from harness.tool import liftgwctl


@pytest.fixture
def running(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    gateway = world.gateway(broker, simulator, lifts=2)
    wait_for(lambda: all(lift["link"] == "online" for lift in gateway.status()["lifts"]), what="both lifts online")
    wait_for(lambda: gateway.status()["broker"]["connected"], what="the broker")
    return gateway, simulator, broker


def status(*arguments):
    return subprocess.run([BUILD / "liftgwctl", *map(str, arguments), "status"], capture_output=True, text=True,
                          timeout=30)


def test_status_says_everything(running):
    gateway, _simulator, broker = running
    answer = gateway.status()
    assert answer["gateway"] == "B12-2"
    assert {"version", "started", "clock", "buses", "lifts", "outbox", "broker", "publisher"} <= answer.keys()
    assert answer["uptime_s"] >= 0 and answer["time"] > answer["started"]
    assert answer["memory_kib"]["liftgwd"] > 1000 and answer["memory_kib"]["liftgw-publish"] > 1000
    [bus] = answer["buses"]
    assert bus["name"] == "shaft" and bus["open"] is True and bus["polls"] > 0
    assert {"device", "cycle_ms", "load_percent", "errors"} <= bus.keys()
    assert bus["errors"].keys() >= {"timeout", "crc", "exception", "foreign", "short", "noise"}
    assert sum(bus["errors"].values()) <= SLIPS
    assert [lift["id"] for lift in answer["lifts"]] == ["L-1", "L-2"]
    assert {"bus", "units", "link", "reach", "state", "faults", "counters"} <= answer["lifts"][0].keys()
    assert answer["lifts"][0]["link_since"] and answer["lifts"][0]["maintenance_until"] is None
    assert answer["outbox"].keys() >= {"events", "oldest_s", "dropped", "series", "next_seq"}
    assert answer["broker"]["connected"] is True and answer["broker"]["url"] == broker.url
    assert answer["publisher"]["restarts"] == 0


def test_a_fault_shows_in_status(running):
    gateway, simulator, _broker = running
    simulator.fault(2, "door_open_fault")
    wait_for(lambda: "door_open_fault" in json.dumps(gateway.status()["lifts"][1]["faults"]), what="the fault")
    assert "door_open_fault" not in json.dumps(gateway.status()["lifts"][0]["faults"])
    [fault] = gateway.status()["lifts"][1]["faults"]
    assert 0 <= fault["age_s"] < 20
    shown = liftgwctl(gateway, "status").stdout
    assert re.search(r"L-2 .*door_open_fault \d", shown), shown


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_status_fits_the_width(running, columns):
    gateway, simulator, _broker = running
    for fault in ("door_open_fault", "brake_fault", "encoder_fault"):
        simulator.fault(2, fault)
    wait_for(lambda: len(gateway.status()["lifts"][1]["faults"]) == 3, what="the faults")
    shown = subprocess.run([BUILD / "liftgwctl", "-s", gateway.control_path, "status"], capture_output=True, text=True,
                           timeout=30, env={**os.environ, "COLUMNS": str(columns), "LC_ALL": "C.UTF-8"}).stdout
    assert all(len(line) <= columns for line in shown.splitlines()), shown
    assert "brake" in shown and "L-2" in shown


def test_every_help_fits_a_screen(running):
    gateway, *_ = running
    for arguments in (["--help"], *([command, "--help"] for command in
                                    ("status", "watch", "history", "maintenance", "test", "retire"))):
        result = liftgwctl(gateway, *arguments)
        assert result.returncode == 0 and result.stdout.startswith("Usage: liftgwctl"), result
        lines = result.stdout.splitlines()
        assert len(lines) <= 24 and all(len(line) <= 80 for line in lines), result.stdout


def test_a_pipe_that_closes_ends_it_quietly(running):
    gateway, *_ = running
    result = subprocess.run(f"{BUILD}/liftgwctl -s {gateway.control_path} status | true; echo ${{PIPESTATUS[0]}}",
                            shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=30)
    assert result.stderr == "" and result.stdout.strip() in ("0", "141"), result


@pytest.mark.parametrize("arguments", ["status", "status --json", "history --json", "watch --every 100ms", "--help"])
def test_half_an_answer_on_a_full_disk_does_not_pass_for_a_whole_one(running, arguments):
    gateway, *_ = running
    with open("/dev/full", "w") as full:
        result = subprocess.run([BUILD / "liftgwctl", "-s", gateway.control_path, *arguments.split()], stdout=full,
                                stderr=subprocess.PIPE, text=True, timeout=30)
    assert result.returncode == 74 and "standard output" in result.stderr, result


def test_read_takes_a_turn_of_the_schedule(running):
    gateway, simulator, _broker = running
    simulator.say("unit 1 register 0x46 4711")
    simulator.say("unit 1 hold on")
    answer = gateway.ask(cmd="read", bus="shaft", unit=1, table="holding", address=0x46, count=1)
    assert answer["ok"], answer
    assert answer["values"] == [4711]


def test_poll_tells_what_a_lift_says(running):
    gateway, _simulator, _broker = running
    answer = gateway.ask(cmd="poll", lift="L-1")
    assert answer["ok"], answer
    assert "service_mode" in json.dumps(answer)


def test_watch_tells_until_the_client_goes(running):
    gateway, _simulator, _broker = running
    connection = LineSocket(gateway.control_path)
    connection.send(json.dumps({"cmd": "watch", "every_ms": 100}))
    answers = [json.loads(connection.receive()) for _ in range(3)]
    connection.close()
    assert all(answer["ok"] and answer["lifts"] for answer in answers)
    assert gateway.status()["ok"]


COMMANDS = ("status", "watch", "poll", "read", "history", "maintenance", "test", "retire")


def test_an_unknown_command_is_told_which_there_are(running):
    gateway, *_ = running
    answer = gateway.ask(cmd="dance")
    assert answer["retry"] is False and all(command in answer["error"] for command in COMMANDS), answer


@pytest.mark.parametrize("line", ["nonsense", "{}", "[]", '{"cmd":"dance"}', '{"cmd":3}', '{"cmd":"poll"}',
                                  '{"cmd":"poll","lift":"L-99"}', '{"cmd":"test"}', '{"cmd":"maintenance","lift":"L-1"}',
                                  '{"cmd":"history","limit":0}',
                                  '{"cmd":"read","bus":"nowhere","unit":1,"table":"holding","address":0,"count":1}',
                                  '{"cmd":"read","bus":"shaft","unit":1,"table":"holding","address":0,"count":126}',
                                  '{"cmd":"read","bus":"shaft","unit":1,"table":"holding","address":-1,"count":1}',
                                  '{"cmd":"read","bus":"shaft","unit":1,"table":"write","address":0,"count":1}',
                                  '{"cmd":"read","bus":"shaft","unit":0,"table":"holding","address":0,"count":1}',
                                  '{"cmd":"watch","every_ms":-5}'])
def test_what_is_wrong_is_told_and_the_connection_stays(world, line):
    broker, simulator = world.broker(), world.simulator()
    gateway = world.gateway(broker, simulator)
    connection = LineSocket(gateway.control_path)
    for _ in range(2):
        answer = json.loads(connection.ask(line))
        assert answer["ok"] is False and answer["error"]
    assert json.loads(connection.ask('{"cmd":"status"}'))["ok"]
    connection.close()


def test_a_line_without_end_does_no_harm(running):
    gateway, _simulator, _broker = running
    connection = LineSocket(gateway.control_path)
    try:
        connection.send('{"cmd":"' + "x" * 100_000)
        assert json.loads(connection.receive())["ok"] is False
    except (EOFError, ConnectionError):
        pass  # closing it is an answer too
    finally:
        connection.close()
    assert gateway.status()["ok"]


def test_many_clients_at_once(running):
    """The newest are served; idle ones make room for them."""
    gateway, _simulator, _broker = running
    connections = [LineSocket(gateway.control_path) for _ in range(40)]
    for connection in connections[-16:]:
        assert json.loads(connection.ask('{"cmd":"status"}'))["ok"]
    for connection in connections:
        connection.close()
    assert gateway.status()["ok"]


def test_only_the_group_may_come_in(running):
    gateway, _simulator, _broker = running
    assert stat.S_IMODE(os.stat(gateway.control_path).st_mode) == 0o660


def test_liftgwctl_status_as_nagios_wants_it(running):
    gateway, simulator, broker = running
    fine = status("-s", gateway.control_path)
    assert fine.returncode == 0, fine.stdout + fine.stderr
    assert "L-1" in fine.stdout and "\x1b" not in fine.stdout

    simulator.say("unit 2 silent")
    wait_for(lambda: gateway.status()["lifts"][1]["link"] == "offline", what="L-2 offline")
    degraded = status("-s", gateway.control_path)
    assert degraded.returncode == 1, degraded.stdout
    assert "offline" in degraded.stdout

    broker.stop()
    simulator.say("unit 1 silent")
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "offline", what="L-1 offline")
    wait_for(lambda: not gateway.status()["broker"]["connected"], what="the broker gone")
    assert status("-s", gateway.control_path).returncode == 2

    gateway.stop()
    gone = status("-s", gateway.control_path)
    assert gone.returncode == 3
    assert "running" in gone.stderr


def test_liftgwctl_finds_the_socket_in_the_configuration(running):
    gateway, _simulator, _broker = running
    assert status("-c", gateway.path).returncode == 0


def test_a_script_that_shuts_its_side_gets_its_answer(running):
    gateway, _simulator, _broker = running
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(gateway.control_path))
        connection.sendall(b'{"cmd":"poll","lift":"L-1"}')
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(10)
        answer = b""
        while not answer.endswith(b"\n"):
            answer += connection.recv(65536)
    assert json.loads(answer)["rows"]


def test_what_stands_at_the_sockets_place_is_left_alone(world):
    gateway = world.gateway(world.broker(), world.simulator(), start=False)
    gateway.control_path.write_text("not a socket\n")
    gateway.write()
    ended = subprocess.run([BUILD / "liftgwd", "-c", gateway.path], capture_output=True, text=True, timeout=20)
    assert ended.returncode == 73, ended.stderr
    assert gateway.control_path.read_text() == "not a socket\n"


def test_liftgwctl_finds_the_daemon_though_the_configuration_is_being_edited(running):
    gateway, _simulator, _broker = running
    gateway.lifts[0]["unit"] = 999
    gateway.write()
    assert status("-c", gateway.path).returncode == 0


def test_what_the_daemon_writes_is_not_for_everybody(running):
    gateway, _simulator, _broker = running
    for path in (gateway.folder / "state").iterdir():
        assert path.is_dir() or stat.S_IMODE(path.stat().st_mode) & 0o027 == 0, path
