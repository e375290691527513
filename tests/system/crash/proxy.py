"""A TCP proxy between gateway and broker that spoils the line in named ways and remembers what passed."""

import contextlib
import dataclasses
import enum
import json
import socket
import struct
import threading
import time

from . import packets

BUFFER = 65536


class Mode(enum.Enum):
    PASS = "passes all"
    SILENT = "takes connections and never answers"
    GARBAGE = "answers garbage"
    SWALLOW_PUBLISHES = "the broker never gets a message"
    SWALLOW_ACKNOWLEDGEMENTS = "the broker's acknowledgements get lost"
    REFUSE = "the broker refuses for now"
    STALL_UP = "stalls in the middle of a message"
    STALL_DOWN = "stalls in the middle of an acknowledgement"


REFUSALS = (0x80, 0x83, 0x87, 0x97)  # design.md 3, promise 5: the message stays first


@dataclasses.dataclass(frozen=True)
class Sent:
    """One PUBLISH as the gateway sent it."""
    time: float
    connection: int
    topic: str
    payload: bytes

    @property
    def data(self):
        return json.loads(self.payload) if self.payload else None

    @property
    def leaf(self):
        return "/".join(self.topic.split("/")[5:])

    @property
    def lift(self):
        return self.topic.split("/")[4]


@dataclasses.dataclass(frozen=True)
class Acknowledged:
    """One PUBACK without an error that the broker sent and the gateway was given."""
    time: float
    sent: Sent


class Proxy:
    """Where a Gateway expects a Broker: it has its url."""
    certificates = None

    def __init__(self, port, rng):
        self.broker_port = port
        self.rng = rng
        self.mode = Mode.PASS
        self.lock = threading.Lock()
        self.connections = []
        self.count = 0
        self.connects = []  # the time of each CONNECT that passed, by connection
        self.refused = set()  # connections on which the broker refused a message
        self.sent = []
        self.acknowledged = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"

    def set_mode(self, mode):
        with self.lock:
            self.mode = mode
            connections = list(self.connections)
        for connection in connections:
            connection.released.set()
            if mode == Mode.GARBAGE:
                connection.answer_garbage()

    def reset(self):
        """Ends every connection with a TCP reset."""
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.close(reset=True)

    def stop(self):
        self.listener.close()
        self.reset()

    def _accept(self):
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.count += 1
                connection = Connection(self, client, self.count)
                self.connections.append(connection)
            threading.Thread(target=connection.run, daemon=True).start()


class Connection:
    def __init__(self, proxy, client, number):
        self.proxy, self.client, self.number = proxy, client, number
        self.broker = None
        self.version = 4
        self.in_flight = {}
        self.released = threading.Event()

    def run(self):
        try:
            if self.proxy.mode in (Mode.SILENT, Mode.GARBAGE):
                self._pretend()
            else:
                self._carry()
        except OSError:
            pass
        self.close()
        with self.proxy.lock:
            self.proxy.connections.remove(self)

    def close(self, reset=False):
        self.released.set()
        for end in (self.client, self.broker):
            if end is None:
                continue
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def answer_garbage(self):
        rng = self.proxy.rng
        garbage = rng.choice([
            bytes(rng.randrange(256) for _ in range(rng.randrange(1, 2000))),
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
            b"\x20\xff\xff\xff\xff\x7f",                                # a length of five bytes
            b"\x20\x03\x00\x00\x00" + b"\x40\x02\xff\xfe",              # welcome; acknowledges what was never sent
            b"\x30\xff\xff\xff\x7f" + b"x" * 1000,                      # a message of 256 MB begins
            b"\x32\x05\x00\x09abc", b"\xf0\x00", b"\x00", b"\x62\x00",  # lengths that lie, types that are none
        ])
        with contextlib.suppress(OSError):
            self.client.sendall(garbage)

    def _pretend(self):
        while self.client.recv(BUFFER):
            if self.proxy.mode == Mode.GARBAGE:
                self.answer_garbage()

    def _carry(self):
        self.broker = socket.create_connection(("127.0.0.1", self.proxy.broker_port), timeout=5)
        self.broker.settimeout(None)
        threading.Thread(target=self._pump, args=(self.broker, self._downwards), daemon=True).start()
        self._pump(self.client, self._upwards)

    def _pump(self, source, handle):
        data = bytearray()
        try:
            while received := source.recv(BUFFER):
                data += received
                for packet in packets.split(data):
                    handle(packet)
        except OSError:
            pass
        self.close()

    def _upwards(self, packet):
        proxy, mode = self.proxy, self.proxy.mode
        if packet.kind == packets.CONNECT:
            self.version = packet.connect_version()
            with proxy.lock:
                proxy.connects.append((self.number, time.monotonic()))
        if packet.kind == packets.PUBLISH:
            topic, identifier, payload = packet.publish(self.version)
            sent = Sent(time.monotonic(), self.number, topic, payload)
            with proxy.lock:
                proxy.sent.append(sent)
            if identifier is not None:
                self.in_flight[identifier] = sent
            if mode == Mode.SWALLOW_PUBLISHES:
                return
            if mode == Mode.STALL_UP:
                self._stall(self.broker, packet.raw)
                return
        self.broker.sendall(packet.raw)

    def _downwards(self, packet):
        mode = self.proxy.mode
        if packet.kind != packets.PUBACK:
            self.client.sendall(packet.raw)
            return
        identifier, reason = packet.puback()
        raw = packet.raw
        if mode == Mode.SWALLOW_ACKNOWLEDGEMENTS:
            return
        if mode == Mode.REFUSE and self.version == 5:
            reason = self.proxy.rng.choice(REFUSALS)
            raw = packets.make_puback(identifier, reason)
            self.proxy.refused.add(self.number)
        sent = self.in_flight.pop(identifier, None)
        if sent and reason < 0x80:
            with self.proxy.lock:
                self.proxy.acknowledged.append(Acknowledged(time.monotonic(), sent))
        if mode == Mode.STALL_DOWN:
            self._stall(self.client, raw)
        else:
            self.client.sendall(raw)

    def _stall(self, sink, raw):
        """Half of it now, the rest when the mode changes; nothing else passes in between."""
        half = max(1, len(raw) // 2)
        self.released.clear()
        sink.sendall(raw[:half])
        if self.proxy.mode in (Mode.STALL_UP, Mode.STALL_DOWN):
            self.released.wait()
        sink.sendall(raw[half:])
