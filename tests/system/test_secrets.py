"""The password: wherever it comes from, it goes to the broker and nowhere else."""

import json
import os
import pathlib
import signal
import subprocess

import pytest

from harness import wait_for
from harness.paths import BUILD

SECRET = "Correct-Horse-7f3a-Battery"
WAYS = ["password_file", "password", "credential"]


def give(gateway, way, secret, monkeypatch):
    settings = gateway.settings["broker"]
    settings["username"] = "b12-2"
    file = gateway.folder / "mqtt-password"
    if way == "password":
        settings["password"] = secret
        return
    file.write_text(secret + "\n")
    file.chmod(0o600)
    if way == "password_file":
        settings["password_file"] = str(file)
    else:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(gateway.folder))


def everything_said(gateway):
    """What anybody can see of it: logs, status, the ledger, command lines and environments."""
    answer = gateway.status()
    yield "status", json.dumps(answer).encode()
    yield "log", gateway.log.encode()
    for path in (gateway.folder / "state").iterdir():
        yield path.name, path.read_bytes()
    for pid in (gateway.process.pid, answer["publisher"]["pid"]):
        for name in ("cmdline", "environ"):
            yield f"{pid}/{name}", pathlib.Path(f"/proc/{pid}/{name}").read_bytes()


def field(pid, file, name):
    for line in pathlib.Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(name):
            return line[len(name):].split()
    raise AssertionError(f"no {name} in {file}")


@pytest.mark.parametrize("way", WAYS)
def test_the_password_is_nowhere(world, way, monkeypatch):
    broker = world.broker(password=SECRET)
    subscriber = world.subscriber(broker, password=SECRET)
    gateway = world.gateway(broker, start=False, device="/dev/null-bus")
    gateway.arguments = ["-v"]
    gateway.settings["gateway"]["health_interval_s"] = 1
    give(gateway, way, SECRET, monkeypatch)
    gateway.start()
    subscriber.wait("health", count=2)
    for what, said in everything_said(gateway):
        assert SECRET.encode() not in said, what
    for message in subscriber.select():
        assert SECRET.encode() not in message.payload, message.topic
    gateway.write()
    gateway.process.signal(signal.SIGHUP)
    wait_for(lambda: "was read again" in gateway.log, what="the reload")
    assert SECRET not in gateway.log


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_password_is_not_told_either(world, way, monkeypatch):
    broker = world.broker(password="another one")
    gateway = world.gateway(broker, start=False, device="/dev/null-bus")
    give(gateway, way, SECRET, monkeypatch)
    gateway.start()
    wait_for(lambda: "wrong user name or password" in (gateway.status()["broker"]["reason"] or ""), what="the reason")
    for what, said in everything_said(gateway):
        assert SECRET.encode() not in said, what


def test_a_mistake_beside_the_password_does_not_show_it(world):
    broker = world.broker()
    for broken in ({"password": SECRET + "x" * 300, "username": "b12-2"}, {"password": SECRET},
                   {"passwort": SECRET, "username": "b12-2"}, {"password": SECRET + "\x01", "username": "b12-2"},
                   {"password": SECRET, "password_file": "/nowhere", "username": "b12-2"}):
        gateway = world.gateway(broker, start=False, device="/dev/null-bus")
        gateway.settings["broker"].update(broken)
        gateway.write()
        done = subprocess.run([BUILD / "liftgwd", "-t", "-c", gateway.path], stderr=subprocess.PIPE, check=False)
        assert done.returncode == 78 and b"error:" in done.stderr
        assert SECRET.encode() not in done.stderr


def test_the_publisher_is_confined(world):
    """What it gave up is tried one by one in tests/unit/test_publish_sandbox.c; here, that the running one did so."""
    broker = world.broker()
    gateway = world.gateway(broker, start=False, device="/dev/null-bus")
    gateway.start()
    wait_for(lambda: gateway.status()["broker"]["connected"], what="the connection")
    pid = gateway.publisher_pid()
    assert field(pid, "status", "NoNewPrivs:") == ["1"]
    assert field(pid, "status", "Seccomp:") == ["2"]
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        assert field(f"{pid}/task/{thread.name}", "status", "Seccomp:") == ["2"], "paho's threads are not confined"
    assert field(pid, "limits", "Max core file size")[:2] == ["0", "0"]
    files = {os.readlink(link) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
    assert not [file for file in files if file.startswith(str(gateway.folder / "state"))], "the ledger is open there"
