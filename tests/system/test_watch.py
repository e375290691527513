"""liftgwctl watch: the live view on a real pseudo-terminal, whose screen is kept by pyte."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading

import pyte
import pytest

from harness import wait_for
from harness.paths import BUILD
from harness.process import die_with_parent


class Terminal:
    """A terminal of so many columns and lines, and what runs on it."""

    def __init__(self, arguments, columns=80, lines=24, **environment):
        self.controller, self.terminal = pty.openpty()
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.lock = threading.Lock()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.terminal)
        self.process = subprocess.Popen(
            [str(argument) for argument in arguments], stdin=self.terminal, stdout=self.terminal, stderr=self.terminal,
            env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", **environment}, preexec_fn=self._begin)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _begin(self):
        die_with_parent()
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def _read(self):
        while True:
            try:
                data = os.read(self.controller, 65536)
            except OSError:
                return
            with self.lock:
                self.raw += data
                self.stream.feed(data)

    def resize(self, columns, lines):
        with self.lock:
            fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            self.screen.resize(lines, columns)

    def type(self, keys):
        os.write(self.controller, keys)

    @property
    def text(self):
        with self.lock:
            return "\n".join(line.rstrip() for line in self.screen.display)

    def shows(self, *texts, timeout=15):
        try:
            wait_for(lambda: all(text in self.text for text in texts), timeout)
        except AssertionError:
            raise AssertionError(f"{texts} is not on the screen:\n{self.text}") from None

    def ended(self, timeout=10):
        """Waits for the end of the program and of its output; returns the exit status."""
        status = self.process.wait(timeout)
        wait_for(lambda: self.raw.endswith(b"\x1b[?1049l"), what="the screen to be given back")
        assert self.raw.count(b"\x1b[?1049h") == self.raw.count(b"\x1b[?1049l")
        assert self.raw.rindex(b"\x1b[?25h") > self.raw.rindex(b"\x1b[?25l"), "the cursor is hidden"
        assert self.raw.rindex(b"\x1b[?7h") > self.raw.rindex(b"\x1b[?7l"), "lines are not wrapped any more"
        assert termios.tcgetattr(self.terminal) == self.before, "the terminal is not as it was"
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.terminal)
        os.close(self.controller)


@pytest.fixture
def running(world):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    gateway = world.gateway(broker, simulator, start=False, lifts=2)
    gateway.lifts[1]["id"] = "L-万户"
    gateway.start()
    wait_for(lambda: all(lift["link"] == "online" for lift in gateway.status()["lifts"]), what="both lifts online")
    return gateway, simulator


@pytest.fixture
def terminal(running):
    gateway, _simulator = running
    opened = []

    def open_one(*arguments, **options):
        opened.append(Terminal([BUILD / "liftgwctl", "-s", gateway.control_path, "watch", *arguments], **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def test_it_lives_and_survives_resizing_and_a_restart_of_the_daemon(running, terminal):
    gateway, simulator = running
    screen = terminal("--every", "200ms")
    screen.shows("gateway  B12-2", "shaft", "L-1", "L-万", "online", "q ends")
    simulator.fault(1, "door_open_fault")
    screen.shows("door_open_fault")
    assert b"\x1b[33m" in screen.raw or b"\x1b[1;31m" in screen.raw  # in colour, and in words

    screen.resize(40, 12)
    screen.process.send_signal(signal.SIGWINCH)
    wait_for(lambda: "q ends" in screen.text.splitlines()[-1], what="a smaller screen")
    assert all(len(line) <= 40 for line in screen.text.splitlines())
    screen.resize(100, 30)
    screen.process.send_signal(signal.SIGWINCH)
    wait_for(lambda: len(screen.text.splitlines()) == 30 and "q ends" in screen.text.splitlines()[-1],
             what="a larger screen")
    screen.shows("L-1", "door_open_fault")

    gateway.stop()
    screen.shows("liftgwd is NOT RUNNING since", "trying again")
    assert "online" not in screen.text  # nothing old that looks new
    gateway.start()
    screen.shows("gateway  B12-2", "L-1", "online")
    screen.type(b"q")
    assert screen.ended() == 0


@pytest.mark.parametrize("end", [b"q", b"\x03", signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_however_it_ends_the_terminal_is_given_back(end, terminal):
    screen = terminal()
    screen.shows("q ends")
    if isinstance(end, bytes):
        screen.type(end)
    else:
        screen.process.send_signal(end)
    assert screen.ended() == 0


def test_ctrl_z_gives_the_screen_back_for_a_while(terminal):
    screen = terminal()
    screen.shows("q ends")
    screen.type(b"\x1a")
    wait_for(lambda: screen.raw.endswith(b"\x1b[?1049l"), what="the screen to be given back")
    wait_for(lambda: open(f"/proc/{screen.process.pid}/stat").read().split(") ")[1][0] == "T", what="it to stop")
    screen.process.send_signal(signal.SIGCONT)
    wait_for(lambda: screen.raw.count(b"\x1b[?1049h") == 2, what="it to go on")
    screen.type(b"q")
    assert screen.ended() == 0


def test_without_colour(terminal):
    screen = terminal(NO_COLOR="1")
    screen.shows("online", "q ends")
    screen.type(b"q")
    assert screen.ended() == 0
    assert b"\x1b[3" not in screen.raw and b"\x1b[1" not in screen.raw.replace(b"\x1b[?1049", b"")


def test_where_there_is_no_terminal_it_prints_block_after_block(running):
    gateway, _simulator = running
    tool = subprocess.Popen([BUILD / "liftgwctl", "-s", gateway.control_path, "watch", "--every", "100ms"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    text = b""
    while text.count(b"gateway  B12-2") < 3:
        text += tool.stdout.readline()
    tool.stdout.close()  # as `head` does
    assert tool.wait(10) == -signal.SIGPIPE
    assert b"\x1b" not in text and tool.stderr.read() == b""
    tool.stderr.close()


def test_where_no_daemon_runs_it_says_so_and_ends(tmp_path):
    result = subprocess.run([BUILD / "liftgwctl", "-s", tmp_path / "control.sock", "watch"], capture_output=True,
                            text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert result.returncode == 69 and "liftgwd does not answer" in result.stderr and not result.stdout, result


def test_a_wrong_period_is_told(running):
    gateway, _simulator = running
    for arguments in (["--every", "1"], ["--every", "50ms"], ["--every", "2h"], ["--often"], ["now"]):
        result = subprocess.run([BUILD / "liftgwctl", "-s", gateway.control_path, "watch", *arguments],
                                capture_output=True, text=True, timeout=20)
        assert result.returncode == 64 and result.stderr, result
