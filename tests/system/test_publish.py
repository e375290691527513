"""liftgw-publish, driven as liftgwd drives it: over a socketpair, with a real broker behind it."""

import fcntl
import getpass
import json
import os
import queue
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

PROGRAM = Path(os.environ["LIFTGW_BUILD"]) / "liftgw-publish"
PATIENCE = 20  # seconds for what should happen soon, on a slow machine

# gateway/mqtt/handover.c
HEADER = struct.Struct("=IIQiBBHII")
MAGIC = 0x6C677731
SETUP, PUBLISH, STOP, CONNECTED, DISCONNECTED, REFUSED_V5, ACK, ALIVE = range(1, 9)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def pack(kind, message_id=0, code=0, qos=0, retain=False, topic="", payload=b""):
    topic = topic.encode() + b"\0"
    return HEADER.pack(MAGIC, kind, message_id, code, qos, retain, len(topic), len(payload), 0) + topic + payload


class Message:
    def __init__(self, packet):
        magic, self.kind, self.id, self.code, _, _, topic_size, payload_size, _ = HEADER.unpack_from(packet)
        assert magic == MAGIC
        assert len(packet) == HEADER.size + topic_size + payload_size
        self.topic = packet[HEADER.size : HEADER.size + topic_size - 1].decode()
        self.payload = packet[HEADER.size + topic_size :].decode()

    def __repr__(self):
        return f"<{self.kind} id={self.id} code={self.code} {self.topic} {self.payload}>"


class Publisher:
    """The program under test, and liftgwd's end of the socketpair."""

    def __init__(self, log_path, env=None, **setup):
        self.socket, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.log_path = log_path
        environment = {key: value for key, value in os.environ.items() if key != "CREDENTIALS_DIRECTORY"}
        environment.update(env or {})

        def give_socket():
            os.dup2(child.fileno(), 3)
            os.set_inheritable(3, True)

        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(PROGRAM)], preexec_fn=give_socket, pass_fds=(3,), stderr=log, env=environment
            )
        child.close()
        self.setup(**setup)

    def setup(self, **setup):
        whole = {
            "version": 5,
            "auto": True,
            "client_id": "liftgw-test",
            "keepalive_s": 30,
            "will_topic": "t/gateway/a/b/G/status",
            "will_payload": '{"status":"offline"}',
        }
        whole.update(setup)
        self.socket.send(pack(SETUP, payload=json.dumps(whole).encode()))

    def send(self, *args, **kwargs):
        self.socket.send(pack(*args, **kwargs))

    def publish(self, message_id, topic="t/lift/a/b/L/fault/x", payload=b"{}", qos=1, retain=False, code=0):
        self.send(PUBLISH, message_id, code=code, qos=qos, retain=retain, topic=topic, payload=payload)

    def wait_until_all_is_taken(self):
        """Everything sent so far was read from the socket."""
        deadline = time.monotonic() + PATIENCE
        while struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4)))[0]:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def receive(self, timeout=PATIENCE):
        """The next packet; None at the end of the socket."""
        self.socket.settimeout(timeout)
        packet = self.socket.recv(65536)
        return Message(packet) if packet else None

    def expect(self, kind, skip=(ALIVE,), timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while True:
            message = self.receive(max(0.01, deadline - time.monotonic()))
            assert message is not None, "the publisher ended: " + self.log()
            if message.kind == kind:
                return message
            assert message.kind in skip, f"{message} instead of {kind}; {self.log()}"

    def log(self):
        return Path(self.log_path).read_text(encoding="utf-8")

    def wait(self, timeout=PATIENCE):
        return self.process.wait(timeout)

    def end(self):
        self.socket.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()


class Broker:
    """A private mosquitto on a free port of the loopback."""

    def __init__(self, folder, name="broker", lines=()):
        self.port = free_port()
        self.folder = folder
        self.config = folder / f"{name}.conf"
        self.config.write_text(
            "\n".join([f"user {getpass.getuser()}", "persistence false", f"listener {self.port} 127.0.0.1", *lines])
            + "\n",
            encoding="utf-8",
        )
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        log = open(self.config.with_suffix(".log"), "ab")
        self.process = subprocess.Popen([shutil.which("mosquitto", path="/usr/sbin:/usr/bin"), "-c", str(self.config)],
                                        stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, self.config.with_suffix(".log").read_text(encoding="utf-8")
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Subscriber:
    """Everything that the broker passes on, in order."""

    def __init__(self, broker):
        self.messages = queue.Queue()
        self.client = mqtt.Client(client_id="subscriber", protocol=mqtt.MQTTv311)
        subscribed = threading.Event()
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert subscribed.wait(PATIENCE)

    def expect(self, topic, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while True:
            message = self.messages.get(timeout=max(0.01, deadline - time.monotonic()))
            if message.topic == topic:
                return message

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()


class Stub:
    """A broker of a few bytes: answers CONNECT as told, and nothing else. answer(connect_packet) gives the bytes, or
    None to end the connection."""

    def __init__(self, answer):
        self.answer = answer
        self.connects = []
        self.heard = []  # when, and what, after CONNECT
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.url = "mqtt://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                packet = connection.recv(4096)
                if not packet:
                    return  # gave up before it asked, on a slow machine
                self.connects.append(packet)
                answer = self.answer(packet)
                if answer is None:
                    return
                connection.sendall(answer)
                while packet := connection.recv(4096):
                    self.heard.append((time.monotonic(), packet))
            except OSError:
                pass

    def end(self):
        self.listener.close()


def version_of(connect):
    """The protocol level in a CONNECT; its remaining length takes one or two bytes."""
    return connect[connect.index(b"\x00\x04MQTT") + 6]


CONNACK_5 = b"\x20\x03\x00\x00\x00"
CONNACK_4 = b"\x20\x02\x00\x00"


@pytest.fixture
def make(tmp_path):
    """Makes publishers, brokers, subscribers and stubs, and ends them in reverse order."""
    made = []

    class Maker:
        folder = tmp_path

        @staticmethod
        def keep(thing, end):
            made.append(end)
            return thing

        def publisher(self, **setup):
            publisher = Publisher(tmp_path / "publisher.log", **setup)
            return self.keep(publisher, publisher.end)

        def broker(self, **options):
            broker = Broker(tmp_path, **options)
            return self.keep(broker, broker.stop)

        def subscriber(self, broker):
            subscriber = Subscriber(broker)
            return self.keep(subscriber, subscriber.end)

        def stub(self, answer):
            stub = Stub(answer)
            return self.keep(stub, stub.end)

    yield Maker()
    for end in reversed(made):
        end()


OPEN = ("allow_anonymous true",)


@pytest.mark.parametrize("version", [5, 4])
def test_publishes_and_acknowledges(make, version):
    broker = make.broker(lines=OPEN)
    subscriber = make.subscriber(broker)
    publisher = make.publisher(urls=[broker.url], version=version)
    connected = publisher.expect(CONNECTED)
    assert (connected.id, connected.code, connected.topic) == (1, version, broker.url)
    for number in range(1, 51):
        publisher.publish(number, payload=b'{"seq":%d}' % number, code=1)
    assert [publisher.expect(ACK).id for _ in range(50)] == list(range(1, 51))
    for number in range(1, 51):
        assert json.loads(subscriber.expect("t/lift/a/b/L/fault/x").payload) == {"seq": number}


def test_a_message_does_not_wait_for_the_one_before(make):
    """Nagle's wait would hold it back until the broker's TCP has acknowledged that one, which takes 40 ms or more."""
    gaps = []
    for _ in range(5):
        stub = make.stub(lambda connect: CONNACK_5)
        publisher = make.publisher(urls=[stub.url])
        publisher.expect(CONNECTED)
        for payload in (b"first", b"second"):
            publisher.publish(0, topic="t/health", payload=payload, qos=0)
        came = {}
        deadline = time.monotonic() + PATIENCE
        while len(came) < 2:
            came = {payload: when for when, packet in stub.heard for payload in (b"first", b"second")
                    if payload in packet}
            assert time.monotonic() < deadline
            time.sleep(0.005)
        gaps.append(came[b"second"] - came[b"first"])
    assert min(gaps) < 0.03, f"it comes later by {gaps}"


def test_a_topic_without_subscribers_is_acknowledged_as_well(make):
    broker = make.broker(lines=OPEN)  # answers 0x10
    publisher = make.publisher(urls=[broker.url])
    publisher.expect(CONNECTED)
    publisher.publish(7)
    acknowledged = publisher.expect(ACK)
    assert (acknowledged.id, acknowledged.code) == (7, 0)


def test_qos_0_and_retained_and_cleared(make):
    broker = make.broker(lines=OPEN)
    publisher = make.publisher(urls=[broker.url])
    publisher.expect(CONNECTED)
    publisher.publish(1, topic="t/kept", payload=b"{1}", retain=True)
    publisher.publish(2, topic="t/gone", payload=b"{2}", retain=True)
    publisher.publish(3, topic="t/gone", payload=b"", retain=True)
    assert [publisher.expect(ACK).id for _ in range(3)] == [1, 2, 3]
    subscriber = make.subscriber(broker)
    publisher.publish(4, topic="t/health", payload=b"{4}", qos=0)
    got = []
    while "t/health" not in got:
        got.append(subscriber.messages.get(timeout=PATIENCE).topic)
    assert got == ["t/kept", "t/health"]


@pytest.mark.parametrize("version", [5, 4])
def test_will_when_killed(make, version):
    broker = make.broker(lines=OPEN)
    subscriber = make.subscriber(broker)
    publisher = make.publisher(urls=[broker.url], version=version)
    publisher.expect(CONNECTED)
    publisher.process.kill()
    assert subscriber.expect("t/gateway/a/b/G/status").payload == b'{"status":"offline"}'
    late = make.subscriber(broker)
    assert late.expect("t/gateway/a/b/G/status").retain


def test_will_when_liftgwd_is_gone(make):
    broker = make.broker(lines=OPEN)
    subscriber = make.subscriber(broker)
    publisher = make.publisher(urls=[broker.url])
    publisher.expect(CONNECTED)
    publisher.socket.close()
    assert publisher.wait() == 0
    assert subscriber.expect("t/gateway/a/b/G/status").payload == b'{"status":"offline"}'


@pytest.mark.parametrize("version", [5, 4])
def test_stop_publishes_the_last_status_and_no_will(make, version):
    broker = make.broker(lines=OPEN)
    subscriber = make.subscriber(broker)
    publisher = make.publisher(urls=[broker.url], version=version)
    publisher.expect(CONNECTED)
    publisher.send(STOP, topic="t/gateway/a/b/G/status", payload=b'{"status":"offline","last":true}')
    assert publisher.wait() == 0
    assert subscriber.expect("t/gateway/a/b/G/status").payload == b'{"status":"offline","last":true}'
    with pytest.raises(queue.Empty):
        subscriber.expect("t/gateway/a/b/G/status", timeout=1)


def test_stop_before_it_is_connected(make):
    publisher = make.publisher(urls=[f"mqtt://127.0.0.1:{free_port()}"])
    publisher.expect(DISCONNECTED)
    publisher.send(STOP)
    assert publisher.wait() == 0


def test_signals_of_the_service_manager_are_ignored(make):
    broker = make.broker(lines=OPEN)
    publisher = make.publisher(urls=[broker.url])
    publisher.expect(CONNECTED)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        publisher.process.send_signal(number)
    publisher.publish(1)
    assert publisher.expect(ACK).id == 1


def test_acl_denial_is_passed_up_in_mqtt_5(make):
    acl = make.folder / "acl"
    acl.write_text("topic write t/allowed\n", encoding="utf-8")
    acl.chmod(0o644)
    broker = make.broker(lines=(*OPEN, f"acl_file {acl}"))
    publisher = make.publisher(urls=[broker.url])
    publisher.expect(CONNECTED)
    publisher.publish(1, topic="t/denied")
    publisher.publish(2, topic="t/allowed")
    codes = {message.id: message.code for message in (publisher.expect(ACK), publisher.expect(ACK))}
    assert codes == {1: 0x87, 2: 0}


def password_broker(make):
    path = make.folder / "passwords"
    path.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(path), "b12", "secret word"], check=True)
    path.chmod(0o644)
    return make.broker(lines=("allow_anonymous false", f"password_file {path}"))


@pytest.mark.parametrize("version", [5, 4])
def test_wrong_password(make, version):
    broker = password_broker(make)
    publisher = make.publisher(urls=[broker.url], version=version, username="b12", password="guessed")
    refused = publisher.expect(DISCONNECTED)
    assert "not authorised: wrong user name or password" in refused.payload
    assert refused.code == (0x87 if version == 5 else 5)
    publisher.expect(DISCONNECTED)
    assert publisher.log().count("cannot connect") == 1  # the second is held back
    assert "guessed" not in publisher.log()


def test_password_file_is_read_again_at_each_connect(make):
    broker = password_broker(make)
    path = make.folder / "mqtt.password"
    publisher = make.publisher(urls=[broker.url], username="b12", password_file=str(path))
    assert f"cannot read the password from {path}" in publisher.expect(DISCONNECTED).payload
    path.write_text("secret word\n", encoding="utf-8")
    publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED))


def test_password_from_a_systemd_credential(make):
    broker = password_broker(make)
    (make.folder / "mqtt-password").write_text("secret word", encoding="utf-8")
    publisher = make.publisher(
        urls=[broker.url], username="b12", env={"CREDENTIALS_DIRECTORY": str(make.folder)}
    )
    publisher.expect(CONNECTED)


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("city", "other"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.pem", "-days", "30", "-subj", f"/CN={name}")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n", encoding="utf-8")
    for name in ("server", "client"):
        openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "city.pem", "-CAkey", "city.key",
                "-CAcreateserial", "-days", "30", "-extfile", "names", "-out", f"{name}.pem")
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


def tls_lines(certificates, *more):
    return (*OPEN, f"cafile {certificates}/city.pem", f"certfile {certificates}/server.pem",
            f"keyfile {certificates}/server.key", *more)


def test_tls(make, certificates):
    broker = make.broker(lines=tls_lines(certificates))
    publisher = make.publisher(urls=[f"mqtts://localhost:{broker.port}"], ca_file=str(certificates / "city.pem"))
    publisher.expect(CONNECTED)
    publisher.publish(1)
    assert publisher.expect(ACK).id == 1


@pytest.mark.parametrize(
    "host, setup, words",
    [
        ("localhost", {"ca_file": "other.pem"}, 'signed by "city", which is not trusted here'),
        ("localhost", {}, "not trusted here"),  # the system's trust store does not know it
        ("127.0.0.1", {"ca_file": "city.pem"}, "certificate is for another host name"),
        ("localhost", {"ca_file": "missing.pem"}, "missing.pem: No such file"),
    ],
)
def test_tls_refused(make, certificates, host, setup, words):
    broker = make.broker(lines=tls_lines(certificates))
    files = {key: str(certificates / name) for key, name in setup.items()}
    publisher = make.publisher(urls=[f"mqtts://{host}:{broker.port}"], **files)
    for _ in range(2):  # every attempt, not only the first
        assert words in publisher.expect(DISCONNECTED).payload
    assert words in publisher.log()


def test_tls_client_certificate(make, certificates):
    broker = make.broker(lines=tls_lines(certificates, "require_certificate true"))
    url = f"mqtts://localhost:{broker.port}"
    without = make.publisher(urls=[url], ca_file=str(certificates / "city.pem"))
    for _ in range(3):  # its alert and our CONNECT cross, one way or the other
        assert "client certificate" in without.expect(DISCONNECTED).payload
    publisher = make.publisher(urls=[url], ca_file=str(certificates / "city.pem"),
                               cert_file=str(certificates / "client.pem"), key_file=str(certificates / "client.key"))
    publisher.expect(CONNECTED)


def test_tls_1_1_is_not_spoken(make, certificates):
    seen = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            try:
                seen.append(context.wrap_socket(connection, server_side=True).version())
            except OSError:
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        publisher = make.publisher(urls=["mqtts://localhost:%d" % listener.getsockname()[1]],
                                   ca_file=str(certificates / "city.pem"))
        assert "TLS" in publisher.expect(DISCONNECTED).payload
    assert not seen


@pytest.mark.parametrize(
    "url, words",
    [
        ("mqtt://no-such-host.invalid:1883", "the name cannot be resolved"),
        ("mqtt://127.0.0.1:1", "connection refused"),
        ("http://127.0.0.1:1", "not a broker's URL"),
    ],
)
def test_not_reached(make, url, words):
    publisher = make.publisher(urls=[url])
    told = publisher.expect(DISCONNECTED, timeout=40)
    assert words in told.payload and url in told.payload
    assert words in publisher.log() and url in publisher.log()


def test_urls_are_tried_in_turn_and_the_first_again(make):
    first = make.broker(name="first", lines=OPEN)
    second = make.broker(name="second", lines=OPEN)
    publisher = make.publisher(urls=[first.url, second.url])
    assert publisher.expect(CONNECTED).topic == first.url
    first.stop()
    assert publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED)).topic == second.url
    first.start()
    second.stop()
    again = publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED))
    assert (again.topic, again.id) == (first.url, 3)
    publisher.publish(1, code=3)
    assert publisher.expect(ACK).id == 1


@pytest.mark.parametrize("version", [5, 4])
def test_reconnects_when_the_broker_comes_back(make, version):
    broker = make.broker(lines=OPEN)
    publisher = make.publisher(urls=[broker.url], version=version)
    for connection in (1, 2, 3):
        assert publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED)).id == connection
        publisher.publish(connection, code=connection)
        assert publisher.expect(ACK).id == connection
        broker.stop()
        assert "lost" in publisher.expect(DISCONNECTED).payload or version == 5
        broker.start()


@pytest.mark.parametrize("version", [5, 4])
def test_what_was_in_flight_is_forgotten_with_the_connection(make, version):
    """A message of the old connection must not overtake those that are handed over again."""
    broker = make.broker(lines=OPEN)
    subscriber = make.subscriber(broker)
    publisher = make.publisher(urls=[broker.url], version=version)
    publisher.expect(CONNECTED)
    broker.process.send_signal(signal.SIGSTOP)
    for number in range(1, 11):
        publisher.publish(number, payload=b"%d" % number, code=1)
    time.sleep(0.5)
    broker.process.kill()
    broker.process.wait()
    publisher.expect(DISCONNECTED)
    publisher.publish(11, payload=b"11", code=1)
    broker.start()
    assert publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED)).id == 2
    publisher.publish(12, payload=b"12", code=1)  # crossed the disconnect on its way
    for number in range(1, 4):
        publisher.publish(number, payload=b"%d" % number, code=2)
    assert [publisher.expect(ACK).id for _ in range(3)] == [1, 2, 3]
    got = [subscriber.expect("t/lift/a/b/L/fault/x").payload for _ in range(3)]
    assert got == [b"1", b"2", b"3"]
    assert subscriber.messages.empty()


@pytest.mark.parametrize("version", [5, 4])
def test_ends_when_paho_would_send_old_messages_first(make, version):
    """More than the network's buffers hold stays in paho, and would be the first thing on the next connection."""
    broker = make.broker(lines=OPEN)
    publisher = make.publisher(urls=[broker.url], version=version)
    publisher.expect(CONNECTED)
    broker.process.send_signal(signal.SIGSTOP)
    for number in range(990):
        publisher.publish(number, payload=bytes(8000), qos=0)
    publisher.wait_until_all_is_taken()
    time.sleep(0.5)
    publisher.process.send_signal(signal.SIGSTOP)
    broker.process.kill()
    broker.process.wait()
    broker.start()
    subscriber = make.subscriber(broker)
    publisher.process.send_signal(signal.SIGCONT)
    assert publisher.wait() == 75
    assert subscriber.messages.empty()


@pytest.mark.parametrize("version", [5, 4])
def test_a_broker_that_never_acknowledges_is_given_up(make, version):
    stub = make.stub(lambda _: CONNACK_5 if version == 5 else CONNACK_4)
    publisher = make.publisher(urls=[stub.url], version=version, ack_timeout_s=1)
    publisher.expect(CONNECTED)
    publisher.publish(1)
    assert "has not acknowledged a message for 1 s" in publisher.expect(DISCONNECTED).payload
    assert publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED)).id == 2


def test_same_client_id_elsewhere_is_named(make):
    stub = make.stub(lambda _: CONNACK_5 + b"\xe0\x01\x8e")
    publisher = make.publisher(urls=[stub.url])
    publisher.expect(CONNECTED)
    told = publisher.expect(DISCONNECTED)
    assert told.code == 0x8E and "same client id" in told.payload


def test_same_client_id_elsewhere_is_guessed(make):
    """mosquitto 2.0 ends the older connection without a word."""
    broker = make.broker(lines=OPEN)
    publisher = make.publisher(urls=[broker.url], version=4)
    for _ in range(3):
        publisher.expect(CONNECTED)
        other = mqtt.Client(client_id="liftgw-test", protocol=mqtt.MQTTv311)
        other.connect("127.0.0.1", broker.port)
        other.loop_start()
        told = publisher.expect(DISCONNECTED)
        other.loop_stop()
        other.disconnect()
    assert "another client with the id liftgw-test" in told.payload


@pytest.mark.parametrize(
    "answer",
    [
        lambda connect: b"\x20\x03\x00\x84\x00" if version_of(connect) == 5 else CONNACK_4,
        lambda connect: b"\x20\x02\x00\x01" if version_of(connect) == 5 else CONNACK_4,
        lambda connect: None if version_of(connect) == 5 else CONNACK_4,  # RabbitMQ 3.10
        lambda connect: None if version_of(connect) == 5 else b"\x20\x02\x00\x05",
    ],
    ids=["0x84", "rc1", "dropped", "dropped and denied"],
)
def test_a_broker_without_mqtt_5(make, answer):
    stub = make.stub(answer)
    publisher = make.publisher(urls=[stub.url])
    publisher.expect(REFUSED_V5, skip=(ALIVE, DISCONNECTED))
    assert publisher.wait() == 0


def test_mqtt_5_as_configured_is_not_given_up(make):
    stub = make.stub(lambda connect: b"\x20\x03\x00\x84\x00")
    publisher = make.publisher(urls=[stub.url], auto=False)
    told = publisher.expect(DISCONNECTED)
    assert told.code == 0x84 and "does not speak this version" in told.payload


def test_a_dead_broker_is_not_taken_for_an_old_one(make):
    """A proxy accepts, and its broker is down: whatever version is asked for, the connection ends."""
    stub = make.stub(lambda _: None)
    publisher = make.publisher(urls=[stub.url])
    deadline = time.monotonic() + PATIENCE
    while {version_of(connect) for connect in stub.connects} != {4, 5}:
        assert time.monotonic() < deadline
        publisher.expect(DISCONNECTED)
    looks = len(stub.connects)
    stub.answer = lambda connect: CONNACK_5 if version_of(connect) == 5 else None
    assert publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED)).code == 5
    assert len(stub.connects) > looks


def test_is_alive_all_the_time(make):
    publisher = make.publisher(urls=["mqtt://127.0.0.1:1"])
    for _ in range(3):
        publisher.expect(ALIVE, skip=(DISCONNECTED,), timeout=5)


def test_garbage_is_refused(make):
    broker = make.broker(lines=OPEN)
    publisher = make.publisher(urls=[broker.url])
    publisher.expect(CONNECTED)
    good = pack(PUBLISH, 9, qos=1, topic="t/x", payload=b"{}")
    for garbage in (b"x", good[:-1], good + b"x", b"\0" * len(good), good[:20], bytes(9000),
                    pack(ACK, 1), HEADER.pack(MAGIC, PUBLISH, 9, 0, 1, 0, 65535, 2, 0) + good[HEADER.size :],
                    HEADER.pack(MAGIC, PUBLISH, 9, 0, 1, 0, 4, 0xFFFFFFFF, 0) + good[HEADER.size :]):
        publisher.socket.send(garbage)
    publisher.publish(1)
    assert publisher.expect(ACK).id == 1
    assert "none of ours" in publisher.log()


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"{}", b'{"urls":[],"version":5}', b"\xff"])
def test_a_setup_that_is_none(make, payload):
    ours, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, child:
        ours.send(pack(SETUP, payload=payload))
        process = subprocess.run([str(PROGRAM)], preexec_fn=lambda: os.dup2(child.fileno(), 3), pass_fds=(3,),
                                 stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
    assert process.returncode == 70
    assert b"the setup from liftgwd" in process.stderr


def test_started_by_hand(make):
    process = subprocess.run([str(PROGRAM)], stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
    assert process.returncode == 64
    assert b"liftgwd starts this program" in process.stderr
