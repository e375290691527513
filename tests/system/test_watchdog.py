"""Whatever hangs is seen and started again, and nothing more than that; this test is the service manager."""

import os
import pathlib
import signal
import socket
import subprocess
import termios
import time

import pytest

from harness import wait_for
from harness.slave import Slave

WATCHDOG_S = 5
HANG_S = 10  # how long a bus thread or the publisher may be silent


def online(data):
    return data["link"] == "online"


class ServiceManager:
    """What systemd does with WatchdogSec=5, WatchdogSignal=SIGKILL, Restart=always."""

    def __init__(self, gateway, monkeypatch):
        self.gateway = gateway
        monkeypatch.setenv("WATCHDOG_USEC", str(WATCHDOG_S * 1000000))
        gateway.start()
        self.fed = time.monotonic()
        self.said = []

    def listen(self):
        """False when the daemon is to be killed."""
        try:
            message = self.gateway.notify.recv(4096).decode()
        except (TimeoutError, socket.timeout):
            message = ""
        if message:
            self.said.append(message)
        if "WATCHDOG=1" in message.splitlines():
            self.fed = time.monotonic()
        return "WATCHDOG=trigger" not in message and time.monotonic() - self.fed < WATCHDOG_S

    def watch(self, seconds):
        """Returns after how long the daemon had to be killed, None if it was well all the time."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            if not self.listen():
                return time.monotonic() - begin
        return None

    def restart(self):
        self.gateway.kill()
        self.gateway.start()
        self.fed = time.monotonic()


# write(2) on a terminal never returns while the file $LIFTGW_HANG names exists: a driver that hangs.
HANGING_DRIVER = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
ssize_t write(int fd, const void *bytes, size_t size) {
    while (isatty(fd) && access(getenv("LIFTGW_HANG"), F_OK) == 0)
        usleep(20000);
    return syscall(SYS_write, fd, bytes, size);
}
"""


@pytest.fixture
def hang(world, monkeypatch):
    """The file that makes serial devices hang for a daemon that is started now."""
    folder = world.new_folder("driver")
    (folder / "driver.c").write_text(HANGING_DRIVER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "driver.so", folder / "driver.c"], check=True)
    monkeypatch.setenv("LIFTGW_HANG", str(folder / "hang"))
    monkeypatch.setenv("LD_PRELOAD", str(folder / "driver.so"))
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
    return folder / "hang"


def test_a_bus_thread_that_hangs_is_cured_by_a_new_daemon(world, monkeypatch, hang):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    manager = ServiceManager(gateway, monkeypatch)
    operator.wait("link", online)
    assert manager.watch(4) is None, "it is well"
    hang.touch()
    seen_s = manager.watch(HANG_S + 5)
    print(f"a hung bus thread was seen after {seen_s} s")
    assert seen_s and HANG_S - 1 < seen_s
    complaints = [line for line in gateway.log.splitlines() if "hangs in the serial driver" in line]
    assert len(complaints) == 1 and "bus shaft" in complaints[0], gateway.log
    hang.unlink()
    known = len(operator.select("link", online))
    manager.restart()
    operator.wait("link", online, known + 1)
    assert operator.wait("event/restarted", lambda data: data["cause"] == "crash")


def test_a_daemon_that_hangs_is_started_again(world, monkeypatch):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    manager = ServiceManager(gateway, monkeypatch)
    operator.wait("link", online)
    publisher = gateway.publisher_pid()
    gateway.process.signal(signal.SIGSTOP)
    seen_s = manager.watch(WATCHDOG_S + 5)
    assert seen_s and seen_s < WATCHDOG_S + 4
    known = len(operator.select("link", online))
    manager.restart()
    # Not /proc/PID itself: in a container it may stay as a zombie.
    wait_for(lambda: not pathlib.Path(f"/proc/{publisher}/exe").exists(), what="the old publisher to go with it")
    operator.wait("link", online, known + 1)
    assert manager.watch(WATCHDOG_S + 1) is None


def test_a_publisher_that_hangs_is_cured_by_a_new_publisher(world, monkeypatch):
    broker, simulator = world.broker(), world.simulator()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["buses"][0]["offline_after"] = 20  # a busy machine makes no unit silent
    manager = ServiceManager(gateway, monkeypatch)
    operator.wait("state", online)
    pid = gateway.publisher_pid()
    os.kill(pid, signal.SIGSTOP)
    simulator.fault(1, "brake_fault")
    stopped = time.monotonic()
    while gateway.publisher_pid() == pid:
        assert time.monotonic() - stopped < HANG_S + 10
        assert manager.watch(0.2) is None, "the daemon itself is well"
    print(f"a hung publisher was seen after {time.monotonic() - stopped:.1f} s")
    operator.wait("fault/brake_fault")
    assert f"liftgw-publish has said nothing for {HANG_S} s, killing it" in gateway.log
    assert gateway.status()["publisher"]["restarts"] == 1
    assert not operator.select("link", lambda data: data["link"] == "offline"), "the bus does not notice"


def test_a_service_manager_that_does_not_read_holds_nothing_up(world, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "40000")  # told four times as often
    told_most = int(pathlib.Path("/proc/sys/net/unix/max_dgram_qlen").read_text()) + 1
    simulator = world.simulator()
    broker = world.broker()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, simulator)
    operator.wait("link", online)
    wait_for(lambda: "cannot tell the service manager WATCHDOG=1" in gateway.log, 30 + told_most / 50,
             "the socket to be full")
    simulator.fault(1, "brake_fault")
    operator.wait("fault/brake_fault")
    assert gateway.status()["ok"]
    gateway.stop()


def test_a_line_that_takes_nothing_is_no_hang(world, monkeypatch):
    """Flow control, or a stuck USB adapter: the unit is silent, everything else goes on, and it comes back."""
    slave = Slave(world.new_folder("slave"), lambda unit, address: {0x40: 0x41, 0x43: 1}.get(address, 0)).start()
    broker = world.broker()
    operator = world.subscriber(broker)
    gateway = world.gateway(broker, start=False, device=slave.link, baud=38400)
    manager = ServiceManager(gateway, monkeypatch)
    operator.wait("link", online)
    termios.tcflow(slave.keeper, termios.TCOOFF)
    operator.wait("link", lambda data: data["link"] == "offline" and data["reason"] == "timeout")
    assert manager.watch(HANG_S + 2) is None
    known = len(operator.select("link", online))
    termios.tcflow(slave.keeper, termios.TCOON)
    operator.wait("link", online, known + 1)
    gateway.stop()
    slave.stop()
