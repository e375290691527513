"""Somebody in the city who listens, remembers every message, and holds the gateway to its promises."""

import dataclasses
import json
import threading
import time

import paho.mqtt.client as mqtt

from . import schemas
from .process import PATIENCE_S, wait_for


@dataclasses.dataclass(frozen=True)
class Message:
    time: float  # CLOCK_MONOTONIC seconds of arrival
    topic: str
    payload: bytes
    retain: bool

    @property
    def data(self):
        return json.loads(self.payload) if self.payload else None

    @property
    def leaf(self):
        """What follows the lift's or gateway's id: "state", "fault/entrapment"."""
        return "/".join(self.topic.split("/")[5:])

    @property
    def is_stream(self):
        """One of the messages with seq and n."""
        return not self.retain and self.payload != b"" and self.leaf.split("/")[0] in ("fault", "event", "report")


class Subscriber:
    def __init__(self, broker, topic="#", name="operator", password=None, persistent=True):
        self.broker = broker
        self.topic = topic
        self.messages = []
        self.lock = threading.Lock()
        self.ready = threading.Event()
        if hasattr(mqtt, "CallbackAPIVersion"):  # paho 2
            self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, clean_session=not persistent)
        else:
            self.client = mqtt.Client(client_id=name, clean_session=not persistent)
        if password:
            self.client.username_pw_set("b12-2", password)
        if broker.certificates:
            self.client.tls_set(ca_certs=str(broker.certificates.ca), **getattr(broker, "operator_files", {}))
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self._on_message

    def _on_connect(self, client, _userdata, _flags, reason, _properties=None):
        if reason == 0:
            client.subscribe(self.topic, qos=1)

    def _on_message(self, _client, _userdata, message):
        with self.lock:
            self.messages.append(Message(time.monotonic(), message.topic, bytes(message.payload), bool(message.retain)))

    def start(self):
        host = "localhost" if self.broker.certificates else "127.0.0.1"
        self.client.connect(host, self.broker.port, keepalive=30)
        self.client.loop_start()
        assert self.ready.wait(PATIENCE_S), "no answer to SUBSCRIBE"
        return self

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()

    def select(self, leaf=None, where=None, lift=None, stream=False):
        """The messages so far whose leaf starts so, of that lift or gateway, for which where(data) holds."""
        with self.lock:
            messages = list(self.messages)
        return [message for message in messages
                if (leaf is None or message.leaf == leaf or message.leaf.startswith(leaf.rstrip("/") + "/"))
                and (lift is None or message.topic.split("/")[4] == lift)
                and (not stream or message.is_stream)
                and (where is None or (message.payload and where(message.data)))]

    def wait(self, leaf, where=None, count=1, timeout=PATIENCE_S, **select):
        """Waits for that many such messages; returns the last of them."""
        wait_for(lambda: len(self.select(leaf, where, **select)) >= count, timeout, f"{count} message(s) of {leaf}")
        return self.select(leaf, where, **select)[count - 1]

    def last(self, leaf, **select):
        messages = self.select(leaf, **select)
        return messages[-1] if messages else None

    def stream(self):
        """The first arrivals of messages with seq; a repetition must be the same, byte for byte."""
        first, highest = {}, {}
        for message in self.select(stream=True):
            data = message.data
            key = data["gateway"], data["series"], data["seq"]
            if key in first:
                assert first[key].payload == message.payload, f"seq {key} came again with another content"
                continue
            before = highest.get(key[:2], 0)
            assert data["seq"] > before, f"seq {data['seq']} first arrived after {before}"
            highest[key[:2]] = data["seq"]
            first[key] = message
        return list(first.values())

    def problems(self):
        """Everything that the messages so far have against the contract, as sentences."""
        with self.lock:
            messages = list(self.messages)
        found = [problem for message in messages
                 for problem in schemas.problems(message.topic, message.payload, message.retain)]
        return found + self._gaps()

    def _gaps(self):
        """seq without gap within (gateway, series), n without gap on each topic; only for who subscribed to all."""
        found, seqs, numbers = [], {}, {}
        for message in self.stream():
            data = message.data
            for kept, key, field in ((seqs, (data["gateway"], data["series"]), "seq"),
                                     (numbers, (message.topic, data["series"]), "n")):
                if self.topic != "#" and field == "seq":
                    continue
                if key in kept and data[field] != kept[key] + 1:
                    found.append(f"{message.topic}: {field} {data[field]} follows {kept[key]}")
                kept[key] = data[field]
        return found
