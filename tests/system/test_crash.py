"""The crash test, shortly; for hours: cd tests/system; python3 -m crash --rounds 5000."""

import dataclasses
import json

from crash.run import endure
from crash.scene import Scene

SECONDS = 15


def numbered(scene):
    """Where the messages with a seq are among those received."""
    return [i for i, message in enumerate(scene.subscriber.messages) if message.is_stream]


def lose(scene):
    """The newest: older ones a broker that was killed may have lost."""
    seq = scene.subscriber.messages[numbered(scene)[-1]].data["seq"]
    scene.subscriber.messages[:] = [message for message in scene.subscriber.messages
                                    if not (message.is_stream and message.data["seq"] == seq)]


def exchange(scene):
    messages = scene.subscriber.messages
    one, other = [next(i for i in numbered(scene) if messages[i].data["seq"] == seq) for seq in (1, 2)]
    messages[one], messages[other] = messages[other], messages[one]


def change(**keys):
    """Every copy of one message as if the gateway had said something else."""
    def spoil(scene):
        raised = [message for message in scene.subscriber.messages
                  if message.is_stream and message.data["event"] == "raised" and not message.data["at_start"]]
        seq = raised[-1].data["seq"]
        for i in numbered(scene):
            message = scene.subscriber.messages[i]
            if message.data["seq"] == seq:
                payload = json.dumps({**message.data, **keys}).encode()
                scene.subscriber.messages[i] = dataclasses.replace(message, payload=payload)
    return spoil


SPOILERS = {"is missing": lose, "first arrived after": exchange, "says count": change(count=99),
            "and it was not so": change(time="2020-01-01T00:00:00.000Z"), "has n": change(n=99)}


def test_what_is_promised_holds_whatever_dies(tmp_path):
    with Scene(tmp_path, seed=1) as scene:
        assert endure(scene, rounds=1000, seconds=SECONDS), "see above: WRONG"
        received, status = list(scene.subscriber.messages), scene.gateway.status()
        for complaint, spoil in SPOILERS.items():  # a judge that cannot complain proves nothing
            spoil(scene)
            wrong = scene.judge.examine(status)
            assert [sentence for sentence in wrong if complaint in sentence], f"no word of {complaint!r}: {wrong}"
            scene.subscriber.messages[:] = received
