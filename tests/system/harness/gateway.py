"""liftgwd: its configuration, its life, its control socket."""

import json
import os
import signal
import socket

from .lines import LineSocket
from .paths import BUILD, CONFIG, WRAPPER
from .process import Process, wait_for


def to_libconfig(value, depth=1):
    """A Python value in libconfig's notation: dict a group, list a list, tuple an array."""
    indent = "  " * depth
    if isinstance(value, dict):
        lines = [f"{indent}{key} = {to_libconfig(inner, depth + 1)};" for key, inner in value.items()]
        return "{\n" + "\n".join(lines) + "\n" + "  " * (depth - 1) + "}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(to_libconfig(inner, depth + 1) for inner in value) + ")"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


class Gateway:
    """Its configuration is the attribute settings, free to change before start() or reload()."""

    def __init__(self, folder, broker, simulator=None, lifts=1, device=None, baud=115200):
        self.folder = folder
        self.path = folder / "liftgw.cfg"
        self.control_path = folder / "control.sock"
        self.process = None
        self.notify = None  # what the service manager would listen on
        self.killed = False
        self.arguments = []
        if simulator:
            device, baud = simulator.device, simulator.baud
        self.settings = {
            "gateway": {
                "id": "B12-2", "prefix": "yancheng", "district": "tinghu", "compound": "wanhu-xincun", "language": "en",
                "code_system": "gbt24476-2017", "timezone": "Asia/Shanghai",
                "stalled_s": 3600,  # the heartbeat of a lift that a test holds stands still, too
                "state_dir": str(folder / "state"), "control": str(self.control_path),
                "profile_dirs": [str(CONFIG / "profiles")], "codes_dirs": [str(CONFIG / "codes")],
            },
            "broker": {"urls": [broker.url]},
            "buses": [{
                "name": "shaft", "device": str(device), "baud": baud,
                "lifts": [{"id": f"L-{unit}", "unit": unit, "profile": "generic-ba", "name": f"Lift {unit}",
                           "labels": ["-1", "1", "2", "3", "4", "5", "6"]} for unit in range(1, lifts + 1)],
            }],
        }
        if broker.certificates:
            self.settings["broker"]["ca_file"] = str(broker.certificates.ca)
        (folder / "state").mkdir()

    @property
    def lifts(self):
        return self.settings["buses"][0]["lifts"]

    def write(self):
        text = "".join(f"{key} = {to_libconfig(value)};\n" for key, value in self.settings.items())
        self.path.write_text(text)
        self.path.chmod(0o600)

    def start(self, wait=True):
        """Starts the daemon and waits until it says READY, or not."""
        self.write()
        self.killed = False
        notify_path = self.folder / "notify.sock"
        notify_path.unlink(missing_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(notify_path))
        self.notify.settimeout(0.05)
        self.process = Process("liftgwd", [*WRAPPER, BUILD / "liftgwd", "-c", self.path, *self.arguments],
                               self.folder / "liftgwd.log", {"NOTIFY_SOCKET": str(notify_path)})
        if wait:
            wait_for(self._said_ready, what="liftgwd to say READY")
        return self

    def _said_ready(self):
        assert self.process.is_running(), f"liftgwd ended with {self.process.process.returncode}: {self.process.log}"
        try:
            return b"READY=1" in self.notify.recv(4096)
        except TimeoutError:
            return False

    def ask(self, **request):
        """One request to the control socket; returns the answer."""
        connection = LineSocket(self.control_path)
        try:
            return json.loads(connection.ask(json.dumps(request)))
        finally:
            connection.close()

    def status(self):
        answer = self.ask(cmd="status")
        assert answer["ok"], answer
        return answer

    def publisher_pid(self):
        return self.status()["publisher"]["pid"]

    def kill_publisher(self):
        os.kill(wait_for(self.publisher_pid, what="liftgw-publish"), signal.SIGKILL)

    @property
    def log(self):
        return self.process.log

    def stop(self):
        """SIGTERM; it must end with status 0 within two seconds (a slow machine gets a little more)."""
        if self.process and not self.killed:
            assert self.process.stop(10.0) == 0, f"liftgwd ended with {self.process.process.returncode}"

    def kill(self):
        """SIGKILL: what a power cut is to a process."""
        self.killed = True
        self.process.kill()
