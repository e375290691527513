"""A program under test, and waiting for what it does."""

import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time

PATIENCE_S = 30.0  # for what happens at once on a machine that has time: how slow another one is proves nothing
SLIPS = 3  # errors on a good line that a machine which is slow for a moment may make
TRIES = 3  # for what such a machine can spoil, but not again and again
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """Runs in the child: when the test run is killed, its programs go with it. Ctrl-C ends them also where the test run
    itself is in the background, and ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_for(predicate, timeout=PATIENCE_S, what=None):
    """Returns what predicate() returns as soon as it is true; fails after timeout seconds."""
    deadline = time.monotonic() + timeout
    while True:
        result = predicate()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s for {what or predicate.__doc__ or 'something'}")
        time.sleep(0.01)


def find_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A program that was started, with its output in a file."""

    def __init__(self, name, arguments, log: pathlib.Path, environment=None):
        self.name = name
        self.log_path = log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **(environment or {})}, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def is_running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=PATIENCE_S):
        """Waits for the end and returns the exit status."""
        return self.process.wait(timeout)

    def stop(self, timeout=PATIENCE_S):
        """SIGTERM, and SIGKILL to what does not heed it. Returns the exit status."""
        if self.is_running():
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not stop within {timeout} s of SIGTERM")
        return self.process.returncode

    def kill(self):
        if self.is_running():
            self.process.kill()
        self.process.wait()
