"""The life of a box: one package installed, one file edited, nobody logs in again. The tests of one Debian follow each
other on one box, in the order in which they stand here.

  LIFTGW_DEPLOY="bookworm trixie" scripts/test -R deploy    both Debians; without it only bookworm
  LIFTGW_PACKAGE=FILE        that package, for one Debian, instead of a new one
  LIFTGW_PACKAGE_BEFORE=FILE the package that it is the successor of, instead of itself with a lower version"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import types

import pytest
from box import SHARED, Box, why_not
from harness import Broker, Certificates, Subscriber, find_free_port, wait_for
from harness.gateway import to_libconfig
from harness.paths import SOURCE
from package import package

PASSWORD = "under-the-rug-7731"
CONFIGURATION = "/etc/liftgw/liftgw.cfg"
FAULTS = ("door_open_fault", "brake_fault", "drive_overtemp", "position_lost")

# As many lifts as the largest configuration of the tests has; their terminal as a real one: for the group dialout.
SIMULATOR = f"""
[Service]
Type=exec
ExecStart=/usr/bin/liftgw-sim --link /run/lift-bus --lifts 4 --profile generic-ba --baud 115200 --seed 1 \\
    --control {SHARED}/sim.sock
ExecStartPost=/bin/sh -c 'until [ -e /run/lift-bus ]; do sleep 0.1; done'
ExecStartPost=chgrp dialout /run/lift-bus
ExecStartPost=chmod 660 /run/lift-bus
Restart=always
[Install]
WantedBy=multi-user.target
"""


def with_lower_version(package, folder):
    """The same package as an older one: upgrading from it runs everything that an upgrade runs."""
    if "LIFTGW_PACKAGE_BEFORE" in os.environ:
        return pathlib.Path(os.environ["LIFTGW_PACKAGE_BEFORE"])
    subprocess.run(["dpkg-deb", "-R", package, folder / "before"], check=True)
    control = folder / "before/DEBIAN/control"
    control.write_text("".join("Version: 0.0.1\n" if line.startswith("Version:") else line
                               for line in control.read_text().splitlines(keepends=True)))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", folder / "before", folder / "before.deb"],
                   check=True, capture_output=True)
    return folder / "before.deb"


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class City:
    """A broker that lets in who has a certificate and the password, and somebody who listens behind it."""

    def __init__(self, folder):
        (folder / "certificates").mkdir(parents=True)
        self.certificates = Certificates(folder / "certificates")
        self.certificates._sign("B12-2", "extendedKeyUsage=clientAuth")
        (folder / "broker").mkdir()
        self.broker = Broker(folder / "broker", password=PASSWORD, certificates=self.certificates)
        inner_port = find_free_port()
        with open(self.broker.settings, "a") as settings:
            settings.write(f"cafile {self.certificates.ca}\nrequire_certificate true\n"
                           f"listener {inner_port} 127.0.0.1\n")
        self.broker.start()
        wait_for(lambda: is_listening(inner_port), what="mosquitto to listen on its second port")
        self.operator = Subscriber(types.SimpleNamespace(port=inner_port, certificates=None), password=PASSWORD)
        self.operator.start()

    def status(self):
        message = self.operator.last("status")
        return message and message.data["status"]

    def wait_for_status(self, status, timeout=30):
        wait_for(lambda: self.status() == status, timeout, f"the box to be {status}")

    def stop(self):
        self.operator.stop()
        self.broker.stop()


def debian_root(suite):
    """Where a fresh Debian stands; it is fetched once."""
    made = subprocess.run(["timeout", "420", SOURCE / "scripts/debian-root", suite, "boot"], stdout=subprocess.PIPE,
                          text=True)
    if made.returncode != 0:
        pytest.skip(f"THE DEPLOYMENT TEST DID NOT RUN: no Debian {suite} could be fetched (is there a mirror?)")
    return made.stdout.strip()


class Life:
    """A box with a package, and its city."""

    def __init__(self, folder, suite):
        self.suite = suite
        root = debian_root(suite)
        self.package = package(suite)
        self.before = with_lower_version(self.package, folder)
        self.city = City(folder / "city")
        (folder / "box").mkdir()
        self.box = Box(folder / "box", pathlib.Path(root), pathlib.Path(f"{root}.archives"))
        self.box.boot()

    def settings(self, lifts=2):
        return {
            "gateway": {"id": "B12-2", "prefix": "yancheng", "district": "tinghu", "compound": "wanhu-xincun",
                        "language": "en"},
            "broker": {"urls": [self.city.broker.url], "username": "b12-2", "ca_file": "city-ca.pem",
                       "cert_file": "box.pem"},
            "buses": [{"name": "shaft", "device": "/run/lift-bus", "baud": 115200, "lifts": [
                {"id": f"L-{unit}", "unit": unit, "profile": "generic-ba", "name": f"Lift {unit}",
                 "labels": ["-1", "1", "2", "3", "4", "5", "6"]} for unit in range(1, lifts + 1)]}],
        }

    def configure(self, settings):
        self.box.write(CONFIGURATION, "".join(f"{key} = {to_libconfig(value)};\n" for key, value in settings.items()),
                       mode="640", owner=None)

    def install(self, package):
        shutil.copy(package, self.box.shared / package.name)
        return self.box.run("apt-get", "install", "-y", "-q", "--no-install-recommends", f"{SHARED}/{package.name}")

    def version(self, package):
        return subprocess.run(["dpkg-deb", "-f", package, "Version"], check=True, stdout=subprocess.PIPE,
                              text=True).stdout.strip()

    def say(self, line):
        simulator = self.box.simulator()
        try:
            assert simulator.ask(line).startswith("ok ")
        finally:
            simulator.close()

    def see_a_fault(self, fault, unit=1):
        """A fault that comes and goes is told."""
        count = len(self.city.operator.select("fault/" + fault))
        self.say(f"unit {unit} fault {fault} on")
        self.city.operator.wait("fault/" + fault, count=count + 1, timeout=40)
        self.say(f"unit {unit} fault {fault} off")
        self.city.operator.wait("fault/" + fault, count=count + 2, timeout=40)

    def status(self):
        return json.loads(self.box.run("liftgwctl", "status", "--json", check=False))

    def no_gap(self):
        problems = self.city.operator.problems()
        assert not problems, "\n".join(problems[:20])
        assert not self.city.operator.select("event/gap")
        assert not self.city.operator.select("event/ledger_replaced", where=lambda data: data["seq"] > 1)

    def end(self):
        self.box.pull_the_plug()
        self.city.stop()


class Load(threading.Thread):
    """Faults that come and go until the block ends, or the box."""

    def __init__(self, life, units=(1, 2)):
        super().__init__(daemon=True)
        self.life, self.units = life, units
        self.enough = threading.Event()
        self.changes = 0

    def run(self):
        simulator = self.life.box.simulator()
        with contextlib.suppress(OSError, EOFError):  # the plug was pulled
            while not self.enough.is_set():
                for state in ("on", "off"):
                    self._turn(simulator, state)
                    self.enough.wait(1.0)
        simulator.close()

    def _turn(self, simulator, state):
        for unit in self.units:
            for fault in FAULTS:
                assert simulator.ask(f"unit {unit} fault {fault} {state}").startswith("ok ")
                self.changes += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.enough.set()
        self.join()


@pytest.fixture(scope="module", params=os.environ.get("LIFTGW_DEPLOY", "bookworm").split())
def life(request, tmp_path_factory):
    reason = why_not()
    if reason:
        pytest.skip(f"THE DEPLOYMENT TEST DID NOT RUN: {reason}")
    life = Life(tmp_path_factory.mktemp(request.param), request.param)
    yield life
    life.end()


@pytest.fixture
def box(life):
    return life.box


def test_package_says_how_to_configure_it_and_does_not_start(life, box):
    said = life.install(life.before)

    assert "Edit /etc/liftgw/liftgw.cfg" in said and "systemctl enable --now liftgwd" in said
    assert box.show()["ActiveState"] == "inactive" and box.show()["UnitFileState"] == "disabled"
    assert CONFIGURATION in box.run("dpkg-query", "-W", "-f", "${Conffiles}", "liftgw")
    assert box.run("stat", "-c", "%U:%G %a", "/etc/liftgw", CONFIGURATION).split("\n")[:2] == [
        "root:liftgw 2750", "root:liftgw 640"]


def test_a_box_that_is_not_configured_says_what_is_missing(box):
    said = box.run("sh", "-c", "runuser -u liftgw -- liftgwd -t; echo status $?")
    assert "status 78" in said
    for key in ("id", "prefix", "district", "compound", "urls", "buses"):
        assert key in said


def test_a_configuration_error_is_told_once(box):
    assert not box.succeeds("systemctl", "start", "liftgwd")
    time.sleep(3)
    unit = box.show()
    assert unit["ActiveState"] == "failed" and unit["ExecMainStatus"] == "78" and unit["NRestarts"] == "0"
    assert "liftgw.cfg:" in box.journal()
    box.run("systemctl", "reset-failed", "liftgwd")


def test_active_means_ready(life, box):
    """From the moment that systemd calls it active, it answers."""
    box.write("/etc/systemd/system/liftgw-sim.service", SIMULATOR)
    box.run("systemctl", "enable", "--now", "liftgw-sim")
    for name, file in (("city-ca.pem", "ca.pem"), ("box.pem", "B12-2.pem")):
        box.write(f"/etc/liftgw/{name}", (life.city.certificates.folder / file).read_text(), owner=None)
    box.write("/etc/credstore/mqtt-password", PASSWORD + "\n", mode="600")
    box.write("/etc/credstore/mqtt-key", (life.city.certificates.folder / "B12-2.key").read_text(), mode="600")
    life.configure(life.settings())
    assert "fine" in box.run("runuser", "-u", "liftgw", "--", "liftgwd", "-t")

    box.run("systemctl", "start", "--no-block", "liftgwd")
    wait_for(lambda: box.show()["ActiveState"] == "active", 20)
    answer = life.status()
    assert answer["ok"] and len(answer["lifts"]) == 2
    life.city.wait_for_status("online")
    box.run("systemctl", "enable", "liftgwd")
    life.see_a_fault("door_open_fault")


def test_it_runs_as_its_own_user_without_capabilities(life, box):
    user = box.run("id", "-u", "liftgw").strip()
    for pid in (box.main_pid(), life.status()["publisher"]["pid"]):
        status = dict(line.split(":", 1) for line in box.read(f"/proc/{pid}/status").splitlines())
        assert status["Uid"].split() == [user] * 4
        assert [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0] * 5
        assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"


def test_it_can_write_its_ledger_and_nothing_else(box):
    """As the daemon itself would: from inside its namespaces, as its user."""
    pid = box.main_pid()
    for path, writable in (("/var/lib/liftgw", True), ("/run/liftgw", True), ("/etc/liftgw", False), ("/usr", False),
                           ("/var/log", False), ("/proc/sys/kernel/hostname", False)):
        inside = f"nsenter -t {pid} -m setpriv --reuid liftgw --regid liftgw --clear-groups test -w {path}"
        assert box.succeeds(*inside.split()) == writable, path


def test_the_password_is_in_the_credential_and_nowhere_else(life, box):
    """Nor is the private key: not in the environment, the arguments, the journal, or any file that others write."""
    key = (life.city.certificates.folder / "B12-2.key").read_text().splitlines()[1]
    for secret in (PASSWORD, key):
        for pid in (box.main_pid(), life.status()["publisher"]["pid"]):
            assert secret not in box.run("cat", f"/proc/{pid}/environ", f"/proc/{pid}/cmdline")
        assert secret not in box.journal()
        holders = box.run("grep", "-rlsF", "--", secret, "/etc", "/var", "/run", "/tmp", check=False).split()
        assert {os.path.dirname(path) for path in holders} == {"/etc/credstore", "/run/credentials/liftgwd.service"}
    assert not box.succeeds("runuser", "-u", "nobody", "--", "ls", "/run/credentials/liftgwd.service")


def test_clock_is_told_as_synchronised_only_when_it_is(life, box):
    """A box has no battery clock. Nobody disciplines this one, until somebody says that he does."""
    box.run("rm", "-f", "/run/systemd/timesync/synchronized")
    life.see_a_fault("position_lost")
    assert life.city.operator.last("fault/position_lost").data["clock"] == "unsynced"
    box.run("sh", "-c", "mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized")
    life.see_a_fault("position_lost")
    assert life.city.operator.last("fault/position_lost").data["clock"] == "synced"
    box.run("touch", "-d", "10 hours ago", "/run/systemd/timesync/synchronized")
    life.see_a_fault("position_lost")
    assert life.city.operator.last("fault/position_lost").data["clock"] == "unsynced"


def test_reload_takes_a_good_configuration_and_refuses_a_bad_one(life, box):
    pid = box.main_pid()
    life.configure(life.settings(lifts=3))
    box.run("systemctl", "reload", "liftgwd")
    life.city.operator.wait("meta", lift="L-3")
    broken = life.settings(lifts=4)
    broken["gateway"]["timezone"] = "Asia/Atlantis"
    life.configure(broken)
    box.run("systemctl", "reload", "liftgwd")
    wait_for(lambda: "Atlantis" in box.journal(), 10, "the reason to be told")
    life.see_a_fault("brake_fault", unit=3)
    assert len(life.status()["lifts"]) == 3
    life.configure(life.settings())
    box.run("systemctl", "reload", "liftgwd")
    wait_for(lambda: len(life.status()["lifts"]) == 2)
    assert box.main_pid() == pid


def test_kill_loses_nothing(life, box):
    for _ in range(3):
        with Load(life):
            before = box.main_pid()
            time.sleep(1.5)
            box.kill("KILL", before)
            wait_for(lambda: box.main_pid() not in (0, before) and box.show()["ActiveState"] == "active", 30)
        life.city.wait_for_status("online")
    life.see_a_fault("door_open_fault")
    life.no_gap()


def test_watchdog_restarts_what_hangs(life, box):
    """With a shorter patience than the package's, which the test would have to wait for."""
    box.write("/run/systemd/system/liftgwd.service.d/patience.conf", "[Service]\nWatchdogSec=4\n")
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "restart", "liftgwd")
    pid = box.main_pid()
    time.sleep(6)
    assert box.main_pid() == pid, "it did not feed the watchdog"
    box.kill("STOP", pid)
    started = time.monotonic()
    wait_for(lambda: box.main_pid() not in (0, pid) and box.show()["ActiveState"] == "active", 30)
    assert time.monotonic() - started < 20
    assert "watchdog" in box.run("journalctl", "-u", "liftgwd", "--no-pager").lower()
    life.city.wait_for_status("online")
    box.run("rm", "/run/systemd/system/liftgwd.service.d/patience.conf")
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "restart", "liftgwd")
    life.see_a_fault("door_open_fault")
    life.no_gap()


def test_stop_says_offline(life, box):
    life.city.wait_for_status("online")
    started = time.monotonic()
    box.run("systemctl", "stop", "liftgwd")
    assert time.monotonic() - started < 8
    wait_for(lambda: life.city.status() == "offline", 5)
    assert box.show()["Result"] == "success"
    box.run("systemctl", "start", "liftgwd")
    life.city.wait_for_status("online")


def test_upgrade_under_load_loses_nothing(life, box):
    before = box.run("dpkg-query", "-W", "-f", "${Version}", "liftgw")
    series = life.status()["outbox"]["series"]
    with Load(life) as load:
        time.sleep(2)
        life.install(life.package)
        time.sleep(2)
    assert load.changes > 20
    assert box.run("dpkg-query", "-W", "-f", "${Version}", "liftgw") == life.version(life.package) != before
    assert box.show()["ActiveState"] == "active" and box.show()["UnitFileState"] == "enabled"
    assert "L-2" in box.read(CONFIGURATION)
    assert life.status()["outbox"]["series"] == series
    life.city.wait_for_status("online")
    life.see_a_fault("door_open_fault")
    life.no_gap()


def test_reboot(life, box):
    series = life.status()["outbox"]["series"]
    count = len(life.city.operator.select("event/restarted"))
    box.reboot()
    life.city.operator.wait("event/restarted", count=count + 1, timeout=60)
    life.city.wait_for_status("online")
    assert life.status()["outbox"]["series"] == series
    life.see_a_fault("door_open_fault")
    life.no_gap()


def test_power_cut_and_then_a_read_only_root(life, box):
    """Of a box that may write only to /var, the rest of the disk cannot be worn out or broken by a power cut."""
    series = life.status()["outbox"]["series"]
    box.run("sync")
    with Load(life):
        time.sleep(2)
        box.pull_the_plug()
    life.city.wait_for_status("offline", 90)
    box.boot("--read-only", "--overlay=+/var::/var")
    assert not box.succeeds("touch", "/usr/x") and not box.succeeds("touch", "/etc/x")
    life.city.wait_for_status("online")
    assert life.status()["outbox"]["series"] == series
    life.see_a_fault("door_open_fault")
    life.no_gap()
    box.power_off()
    life.city.wait_for_status("offline")
    box.boot()


def test_removal_keeps_the_ledger_and_purge_takes_it(life, box):
    life.city.wait_for_status("online")
    box.run("apt-get", "remove", "-y", "-q", "liftgw")
    life.city.wait_for_status("offline")
    assert box.succeeds("test", "-s", "/var/lib/liftgw/ledger.db") and "L-2" in box.read(CONFIGURATION)
    assert not box.succeeds("test", "-e", "/usr/sbin/liftgwd")

    box.run("apt-get", "purge", "-y", "-q", "liftgw")
    for path in ("/var/lib/liftgw", CONFIGURATION, "/usr/share/liftgw", "/run/liftgw"):
        assert not box.succeeds("test", "-e", path), path
    assert box.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "liftgwd*").strip() == ""
