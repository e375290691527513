"""What is done to the parts, one trouble a round. Each leaves everything to come back, soon or at once."""

import dataclasses
import time
from collections.abc import Callable

from .proxy import Mode


def away(scene):
    """How long something is down: mostly no longer than a supervisor takes."""
    time.sleep(scene.rng.choice((0, 0.05, 0.2, 0.2, 0.5, 1.5)))


def kill_gateway(scene):
    scene.kill_gateway()
    away(scene)
    scene.start_gateway(wait=scene.rng.random() < 0.6)  # else the next trouble may come while it starts


def kill_gateway_twice(scene):
    """Again as it starts: among others while it makes its ledger's first entries."""
    scene.kill_gateway()
    scene.start_gateway(wait=False)
    time.sleep(scene.rng.uniform(0, 0.3))
    scene.kill_gateway()
    scene.start_gateway()


def kill_publisher(scene):
    scene.kill_publisher()


def kill_broker(scene):
    scene.kill_broker()
    away(scene)
    scene.start_broker()


def lose_broker(scene):
    """For so long that messages pile up; liftgwd dies meanwhile."""
    scene.kill_broker()
    time.sleep(scene.rng.uniform(1, 4))
    scene.kill_gateway()
    scene.start_gateway()
    time.sleep(scene.rng.uniform(1, 4))
    scene.start_broker()


def kill_all(scene):
    for kill in scene.rng.sample((scene.kill_gateway, scene.kill_publisher, scene.kill_broker), 3):
        kill()
    away(scene)
    for start in scene.rng.sample((scene.start_gateway, scene.start_broker), 2):
        start()


def stop_gateway(scene):
    scene.stop_gateway()
    away(scene)
    scene.start_gateway()


def hang_publisher(scene):
    scene.stop_publisher_for(scene.rng.uniform(0.2, 3))


def reset(scene):
    scene.proxy.reset()


def spoil(mode):
    """For a while; then the line is as it was, or is reset: what the publisher waits for may never come."""
    def trouble(scene):
        scene.proxy.set_mode(mode)
        if mode in (Mode.SILENT, Mode.GARBAGE):
            scene.proxy.reset()
        time.sleep(scene.rng.uniform(0.2, 2.5))
        scene.proxy.set_mode(Mode.PASS)
        if scene.rng.random() < 0.8:
            scene.proxy.reset()
    return trouble


@dataclasses.dataclass(frozen=True)
class Trouble:
    name: str
    weight: int
    bring: Callable
    kills: int = 0
    restarts: bool = False  # liftgwd, and so mends what it may have got wrong


TROUBLES = (
    Trouble("kill liftgwd", 30, kill_gateway, 1, True),
    Trouble("kill liftgwd, and again as it starts", 10, kill_gateway_twice, 2, True),
    Trouble("kill liftgw-publish", 18, kill_publisher, 1),
    Trouble("kill the broker", 10, kill_broker, 1),
    Trouble("kill the broker for long, and liftgwd meanwhile", 4, lose_broker, 2, True),
    Trouble("kill all three", 10, kill_all, 3, True),
    Trouble("stop liftgwd with SIGTERM", 4, stop_gateway, restarts=True),
    Trouble("liftgw-publish hangs", 4, hang_publisher),
    Trouble("TCP reset", 6, reset),
    *(Trouble(mode.value, 3, spoil(mode)) for mode in Mode if mode != Mode.PASS),
)
