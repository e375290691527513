"""The parts of a run: simulator, broker, proxy, subscriber and gateway, and how each dies and comes back."""

import contextlib
import os
import pathlib
import random
import re
import signal
import time

from harness import Broker, Gateway, Simulator, Subscriber, wait_for

from .judge import Judge
from .lives import Lives
from .proxy import Mode, Proxy
from .truth import Truth

LIFTS = 3
SETTINGS = {
    "flapping_per_h": 0,  # the faults of this test come too often for a lift
    "entrapment_outside_s": 3600, "entrapment_closed_s": 3600, "entrapment_emergency_power_s": 3600,
    "state_interval_s": 5, "counters_interval_s": 1, "health_interval_s": 5,
}
DRAIN_S = 120  # the longest pause between two connects, and the longest wait for an acknowledgement


def patiently(predicate):
    """Waits; what has not come then is the judge's."""
    with contextlib.suppress(AssertionError):
        wait_for(predicate, DRAIN_S)


class Scene:
    def __init__(self, folder: pathlib.Path, seed, bound=100000):
        self.rng = random.Random(seed)
        for name in ("broker", "sim", "gateway"):
            (folder / name).mkdir()
        self.broker = Broker(folder / "broker").start()
        self.proxy = Proxy(self.broker.port, random.Random(seed + 1))
        self.simulator = Simulator(folder / "sim", lifts=LIFTS).start()
        self.truth = Truth(self.simulator, LIFTS, random.Random(seed + 2))
        self.subscriber = Subscriber(self.broker, name="crash-test").start()
        self.gateway = Gateway(folder / "gateway", self.proxy, self.simulator, lifts=LIFTS)
        self.gateway.settings["gateway"].update(SETTINGS, outbox_max_events=bound)
        self.gateway_lives, self.broker_lives = Lives(), Lives()
        self.broker_lives.begin()
        self.gateway.settings["broker"]["protocol"] = self.rng.choice(("auto", "auto", "3.1.1"))
        self.judge = Judge(self)
        self.truth.resume()
        time.sleep(1.5)  # the broker writes the subscriber's session down; some faults stand before the first poll ever
        self._bear()

    def _bear(self):
        """The first start, with deaths while the ledger is made."""
        for _ in range(self.rng.randint(0, 3)):
            self.start_gateway(wait=False)
            time.sleep(self.rng.uniform(0, 0.2))
            self.kill_gateway()
        self.start_gateway()
        wait_for(self._has_all_counters, DRAIN_S, "the first counters")
        self.truth.may_reset = True

    def _has_all_counters(self):
        return len({sent.lift for sent in list(self.proxy.sent) if sent.leaf == "counters"}) == LIFTS

    def start_gateway(self, wait=True):
        self.gateway_lives.begin(self.truth.requests())
        self.gateway.start(wait=wait)

    def kill_gateway(self):
        self._end_gateway(self.gateway.kill, killed=True)

    def stop_gateway(self):
        wait_for(self.gateway_answers, what="liftgwd to answer: a SIGTERM before that just ends it")
        self._end_gateway(self.gateway.stop, killed=False)

    def _end_gateway(self, end, killed):
        began, requests = time.monotonic(), self.truth.requests()
        assert self.gateway.process.is_running(), \
            f"liftgwd ended by itself with {self.gateway.process.process.returncode}: {self.gateway.log[-2000:]}"
        end()
        self.gateway_lives.end(began, requests, killed)

    def publisher_pid(self):
        """Without a question to liftgwd, which may be just starting; None: it has none."""
        pid = self.gateway.process.pid
        try:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return None
        return int(children[0]) if children else None

    def kill_publisher(self):
        """Whichever there is just now."""
        self._signal_publisher(signal.SIGKILL)

    def stop_publisher_for(self, seconds):
        """As if it hung; liftgwd may have killed it when it would go on."""
        self._signal_publisher(signal.SIGSTOP)
        time.sleep(seconds)
        self._signal_publisher(signal.SIGCONT)

    def _signal_publisher(self, number):
        pid = self.publisher_pid()
        if pid:
            os.kill(pid, number)

    def kill_broker(self):
        began = time.monotonic()
        self.broker.kill()
        self.broker_lives.end(began)

    def start_broker(self):
        self.broker_lives.begin()
        self.broker.start()

    def settle(self, restart):
        """Waits until all is well and quiet, and what waited has arrived or was lost by a broker that acknowledged it;
        restart: without the long pauses of a publisher that failed often. Returns what is wrong, as sentences."""
        self.truth.pause()
        self.proxy.set_mode(Mode.PASS)
        if restart:
            self.stop_gateway()
            self.start_gateway()
        wait_for(self.gateway_answers, what="liftgwd to answer")
        patiently(self._is_drained)
        patiently(lambda: self.judge.has_arrived(self.gateway.status()["outbox"]["next_seq"] - 1))
        time.sleep(2.5)  # the last counters and states, and what must not come
        return self.judge.examine(self.gateway.status())

    def gateway_answers(self):
        try:
            return self.gateway.status()
        except OSError:
            return False

    def _is_drained(self):
        status = self.gateway.status()
        return status["outbox"]["events"] == 0 and all(lift["link"] == "online" for lift in status["lifts"])

    def self_made_ends(self):
        """How liftgw-publish ended without having been killed by us, and what sanitizers said. 75: it wants to be
        started again, because messages are stuck in paho."""
        log = self.gateway.log
        ends = re.findall(r"liftgw-publish ended \((?!killed by signal 9 |exit status 75)(.*?)\)", log)
        return ends + re.findall(r"(?:AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error): .*", log)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        """Leaves nothing running."""
        self.subscriber.stop()
        self.proxy.stop()
        for process in (self.gateway.process, self.broker.process, self.simulator.process):
            if process:
                process.kill()
