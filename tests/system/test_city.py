"""The city's broker as config/mosquitto/ and scripts/city-ca set it up: what a box may, what a stolen one may not."""

import socket
import ssl
import subprocess

import paho.mqtt.client as mqtt
import pytest

from harness import wait_for
from harness.city import City
from harness.paths import SOURCE

OWN = "yancheng/lift/tinghu/wanhu-xincun/L-1/state"
NEIGHBOUR = "yancheng/lift/tinghu/wanhu-xincun/L-7/state"


@pytest.fixture
def city(world):
    made = City(world.new_folder("city"))
    made.box("B12-2", ["L-1"])
    made.box("B07-1", ["L-7"])
    world.brokers.append(made)
    return made.start()


class Client:
    """Somebody who knows MQTT and has a certificate, or has not."""

    def __init__(self, city, files, client_id="intruder", will=None):
        if hasattr(mqtt, "CallbackAPIVersion"):  # paho 2
            self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, client_id=client_id, protocol=mqtt.MQTTv5)
        else:
            self.client = mqtt.Client(client_id=client_id, protocol=mqtt.MQTTv5)
        self.client.tls_set(ca_certs=str(city.certificates.ca), certfile=files.get("cert_file"),
                            keyfile=files.get("key_file"))
        if will:
            self.client.will_set(will, "forged", qos=1, retain=True)
        self.client.reconnect_delay_set(60, 60)
        self.messages, self.granted, self.published, self.reasons = [], [], set(), []
        self.client.on_connect = lambda _c, _u, _f, reason, _p=None: self.reasons.append(int(reason.value))
        self.client.on_message = lambda _c, _u, message: self.messages.append((message.topic, message.payload))
        self.client.on_subscribe = lambda _c, _u, mid, _r, _p=None: self.granted.append(mid)
        self.client.on_publish = lambda _c, _u, mid: self.published.add(mid)
        self.city = city

    def connect(self):
        self.client.connect("localhost", self.city.port, keepalive=30)
        self.client.loop_start()
        wait_for(lambda: self.reasons, what="CONNACK")
        assert self.reasons == [0]
        return self

    def publish(self, topic, payload="forged", retain=True):
        mid = self.client.publish(topic, payload, qos=1, retain=retain).mid
        wait_for(lambda: mid in self.published, what="PUBACK")

    def subscribe(self, topic):
        _, mid = self.client.subscribe(topic, qos=1)
        wait_for(lambda: mid in self.granted, what="SUBACK")

    def vanish(self):
        """Without DISCONNECT, so that the will is published."""
        self.client._sock_close() if hasattr(self.client, "_sock_close") else self.client.socket().close()
        self.client.loop_stop()

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def client(city):
    made = []

    def make(name, **options):
        one = Client(city, city.files(name), **options)
        made.append(one)
        return one.connect()

    yield make
    for one in made:
        one.end()


def test_a_box_is_at_home(world, city, client):
    """The real gateway with its certificate: everything that it publishes is allowed and arrives."""
    operator = client("city")
    operator.subscribe("yancheng/#")
    simulator = world.simulator()
    gateway = world.gateway(city, simulator, start=False)
    gateway.settings["broker"].update(city.files("B12-2"))
    gateway.start()
    simulator.fault(1, "door_open_fault")
    leaves = {"status", "health", "meta", "link", "state", "counters", "fault/door_open_fault"}
    wait_for(lambda: leaves <= {topic.split("/", 5)[5] for topic, _ in operator.messages}, 40, "all of its topics")
    answer = gateway.status()
    assert answer["broker"]["refusals"] == 0 and answer["broker"]["reason"] is None


def test_a_stolen_box_reaches_its_own_topics_only(city, client):
    operator = client("city")
    operator.subscribe("yancheng/#")
    stolen = client("B12-2")
    for topic in (NEIGHBOUR, "yancheng/gateway/tinghu/wanhu-xincun/B07-1/status",
                  "yancheng/gateway/dafeng/wanhu-xincun/B12-2/status", "yancheng/lift/dafeng/wanhu-xincun/L-1/state",
                  "yancheng/lift/tinghu/wanhu-xincun/L-10/state", "yancheng/lift/tinghu/wanhu-xincun", "yancheng",
                  "other",
                  "$SYS/broker/uptime", "$share/x/" + NEIGHBOUR):
        stolen.publish(topic)
    stolen.publish(OWN, "its own")
    wait_for(lambda: operator.messages, what="what is allowed")
    assert operator.messages == [(OWN, b"its own")]


def test_a_stolen_box_hears_nothing(city, client):
    client("B07-1").publish(NEIGHBOUR, "kept")
    stolen = client("B12-2")
    for topic in ("#", "yancheng/#", NEIGHBOUR, "$SYS/#", "$share/x/yancheng/#"):
        stolen.subscribe(topic)
    operator = client("city")
    operator.subscribe("yancheng/#")
    client("B07-1").publish(NEIGHBOUR, "news")
    wait_for(lambda: (NEIGHBOUR, b"news") in operator.messages)
    assert stolen.messages == []


def test_a_stolen_box_leaves_no_forged_will(city, client):
    operator = client("city")
    operator.subscribe("yancheng/#")
    client("B12-2", will="yancheng/gateway/tinghu/wanhu-xincun/B07-1/status").vanish()
    client("B12-2", will=OWN).vanish()
    wait_for(lambda: operator.messages, what="the will that is allowed")
    assert operator.messages == [(OWN, b"forged")]


def test_a_stolen_box_throws_nobody_out(city, client):
    """Its client id is its name, whatever it says."""
    neighbour = client("B07-1", client_id="liftgw-B07-1")
    client("B12-2", client_id="liftgw-B07-1")
    client("B12-2", client_id="B07-1")
    neighbour.publish(NEIGHBOUR, "still here")
    assert neighbour.client.is_connected() and neighbour.reasons == [0]


def test_an_operator_only_reads(city, client):
    city.operator("tinghu", "yancheng/+/tinghu/#")
    city.box("B99-1", ["L-99"])
    city.reload()
    operator, office = client("city"), client("tinghu")
    operator.subscribe("yancheng/#")
    office.subscribe("yancheng/#")  # more than it may
    for topic in (OWN, "yancheng/gateway/tinghu/wanhu-xincun/B12-2/status", "yancheng/command"):
        operator.publish(topic)
        office.publish(topic)
    client("B99-1").publish("yancheng/lift/tinghu/wanhu-xincun/L-99/state", "of a box that is new")
    wait_for(lambda: operator.messages and office.messages)
    assert len(operator.messages) == len(office.messages) == 1


def refused(city, files):
    """True if the broker ends the connection before MQTT."""
    context = ssl.create_default_context(cafile=str(city.certificates.ca))
    if files:
        context.load_cert_chain(files["cert_file"], files["key_file"])
    try:
        with socket.create_connection(("localhost", city.port), 10) as plain, \
                context.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01x")  # CONNECT
            return connection.recv(4) != b"\x20\x02\x00\x00"
    except OSError:
        return True


def test_who_does_not_get_in(world, city, client):
    good = city.files("B12-2")
    assert not refused(city, good)
    assert refused(city, {})
    stranger = City(world.new_folder("city"))
    assert refused(city, stranger.box("B12-2"))
    city.sign("B07-1", "client", "20200101000000Z", "20210101000000Z")
    assert refused(city, city.files("B07-1"))
    stolen = {key: path + ".stolen" for key, path in good.items()}
    for key, path in stolen.items():
        with open(good[key]) as source, open(path, "w") as copy:
            copy.write(source.read())
    city.ask("revoke", "B12-2")
    city.reload()
    assert refused(city, stolen)
    assert not refused(city, city.files("city"))
    city.box("B12-2")  # the box that takes its place
    city.reload()
    assert not refused(city, city.files("B12-2")) and refused(city, stolen)
    assert city.ask("list").count("R B12-2") == 1


@pytest.mark.parametrize("arguments, status", [
    ([], 64), (["box", "B1"], 64), (["sign"], 64), (["operator", "x"], 64), (["-h"], 0),
    (["box", "B/1", "p", "d", "c", "L"], 1), (["box", "+", "p", "d", "c", "L"], 1),
    (["box", "B1", "p/#", "d", "c", "L"], 1), (["box", "B1", "p", "d", "c", "L 1"], 1), (["box", "B1", "p", "d", "c", "L\ntopic write #"], 1),
    (["operator", "x", "#\nuser y"], 1), (["revoke", "nobody"], 1), (["revoke", "../ca"], 1), (["init"], 1),
])
def test_city_ca_is_asked_for_nonsense(tmp_path, arguments, status):
    tool = [SOURCE / "scripts" / "city-ca", "-d", tmp_path / "ca"]
    subprocess.run([*tool, "init"], check=True)
    before = (tmp_path / "ca" / "acl").read_text()
    done = subprocess.run([*tool, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == status, done.stderr
    assert done.stderr or status == 0
    assert (tmp_path / "ca" / "acl").read_text() == before


def test_city_ca_knows_names_in_chinese(tmp_path):
    tool = [SOURCE / "scripts" / "city-ca", "-d", tmp_path / "ca"]
    for arguments in (["init", "盐城"], ["box", "甲-1", "盐城", "亭湖", "万户新村", "一号"], ["revoke", "甲-1"]):
        subprocess.run([*tool, *arguments], check=True)
    assert (tmp_path / "ca" / "index.txt").read_text().startswith("R")


def test_the_sample_of_the_access_list_is_what_city_ca_writes(tmp_path):
    tool = [SOURCE / "scripts" / "city-ca", "-d", tmp_path / "ca"]
    for arguments in (["init"], ["box", "B12-2", "yancheng", "tinghu", "wanhu-xincun", "L-012345", "L-012346"],
                      ["box", "B07-1", "yancheng", "tinghu", "xinhe", "L-000017"], ["operator", "city", "yancheng/#"],
                      ["operator", "tinghu", "yancheng/+/tinghu/#"]):
        subprocess.run([*tool, *arguments], check=True)

    def rules(path):
        sections = ("\n" + path.read_text()).split("\nuser ")[1:]
        return {section.split("\n")[0]: [line for line in section.split("\n")[1:] if line.startswith("topic")]
                for section in sections}
    assert rules(tmp_path / "ca" / "acl") == rules(SOURCE / "config" / "mosquitto" / "liftgw.acl")
