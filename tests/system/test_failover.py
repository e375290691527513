"""Several brokers, and the network's bad days: the box goes where it is heard, and the bus does not notice."""

import json
import os
import pathlib
import subprocess
import time

import pytest
from test_publish import ACK, ALIVE, CONNECTED, DISCONNECTED, OPEN, make  # noqa: F401: make is a fixture

from harness import find_free_port, wait_for
from harness.city import City

STATUS = "yancheng/gateway/tinghu/wanhu-xincun/B12-2/status"


def connected_to(gateway, url, timeout=30):
    def there():
        broker = gateway.status()["broker"]
        return broker["connected"] and broker["url"] == url
    wait_for(there, timeout, f"a connection with {url}")


def last_status(subscriber):
    message = subscriber.last("status")
    return message.data["status"] if message and message.payload else None


def test_from_one_broker_to_the_other(world):
    """What happens between the two is lost at neither: each gets everything that is new when it is there."""
    first, second = world.broker(), world.broker()
    simulator = world.simulator()
    gateway = world.gateway(first, simulator, start=False)
    gateway.settings["broker"]["urls"] = [first.url, second.url]
    gateway.start()
    here = world.subscriber(first)
    there = world.subscriber(second)
    here.wait("status", lambda data: data["status"] == "online")
    first.stop()
    simulator.fault(1, "door_open_fault")
    connected_to(gateway, second.url)
    there.wait("fault/door_open_fault", lambda data: data["event"] == "raised", stream=True)
    assert last_status(there) == "online"


def test_back_to_the_first_after_a_while(make):  # noqa: F811
    """And the one that is left does not take the box for online."""
    first, second = make.broker(name="first", lines=OPEN), make.broker(name="second", lines=OPEN)
    first.stop()
    subscriber = make.subscriber(second)
    publisher = make.publisher(urls=[first.url, second.url], return_s=1)
    assert publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED)).topic == second.url
    again = publisher.expect(DISCONNECTED)  # looks after the first one, which is still away,
    assert again.payload == "trying the first broker again"
    assert publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED)).topic == second.url  # and comes back at once
    assert subscriber.expect("t/gateway/a/b/G/status").payload == b'{"status":"offline"}'
    first.start()
    connected = publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED))
    if connected.topic == second.url:  # it had looked just before
        connected = publisher.expect(CONNECTED, skip=(ALIVE, DISCONNECTED))
    assert connected.topic == first.url
    publisher.publish(1, code=connected.id)
    assert publisher.expect(ACK).id == 1
    with pytest.raises(TimeoutError):
        publisher.expect(DISCONNECTED, timeout=2.5)  # and stays


def test_a_late_will_does_not_leave_a_living_box_offline(world):
    """The old broker, or its bridge, publishes the will long after the box went elsewhere and came back."""
    broker = world.broker()
    gateway = world.gateway(broker, start=False, device="/dev/null-bus")
    gateway.settings["gateway"]["health_interval_s"] = 1
    gateway.start()
    subscriber = world.subscriber(broker)
    online = json.loads(subscriber.wait("status", lambda data: data["status"] == "online").payload)
    late = dict(online, status="offline")
    subscriber.client.publish(STATUS, json.dumps(late), qos=1, retain=True)
    subscriber.wait("status", lambda data: data["status"] == "offline")
    wait_for(lambda: last_status(subscriber) == "online", what="online again")


def test_another_box_with_the_same_id(world):
    """Nobody knows which is the right one. This one says so: on the box, and in health as soon as it is let in."""
    broker = world.broker()
    gateway = world.gateway(broker, device="/dev/null-bus")
    words = "gateway.id must be unique in the city"  # a guess, or what the broker said
    for reconnects in range(3):
        wait_for(lambda: gateway.status()["broker"]["reconnects"] >= reconnects, what="the connection")
        wait_for(lambda: gateway.status()["broker"]["connected"], what="the connection")
        time.sleep(1)  # with messages in flight the publisher would begin anew, and forget
        twin = world.subscriber(broker, name="liftgw-B12-2", topic="nothing")
        twin.stop()
    wait_for(lambda: words in (gateway.status()["broker"]["reason"] or ""), what="the reason in status")
    assert words in gateway.log
    operator = world.subscriber(broker)
    operator.wait("health", lambda data: data["broker"]["connected"] and words in (data["broker"]["reason"] or ""),
                  timeout=30)


SLOW_RESOLVER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    if (node && strstr(node, ".example"))
        sleep(60);
    return ((resolver *)dlsym(RTLD_NEXT, "getaddrinfo"))(node, service, hints, result);
}
"""


def polls(gateway):
    return gateway.status()["buses"][0]["polls"]


def pace(gateway, seconds=2):
    before, start = polls(gateway), time.monotonic()
    time.sleep(seconds)
    return (polls(gateway) - before) / (time.monotonic() - start)


def test_the_bus_does_not_notice_a_dead_resolver(world, monkeypatch):
    source = world.folder / "slow.c"
    source.write_text(SLOW_RESOLVER)
    library = world.folder / "slow.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    broker = world.broker()
    simulator = world.simulator()
    gateway = world.gateway(broker, simulator)
    connected_to(gateway, broker.url)
    usual = pace(gateway)
    gateway.stop()
    gateway.settings["broker"]["urls"] = ["mqtt://broker.example:1883"]
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
    gateway.start()
    monkeypatch.undo()
    wait_for(lambda: pace(gateway) > 0.8 * usual, what=f"the usual pace, {usual:.1f} polls a second")
    simulator.fault(1, "door_open_fault")
    wait_for(lambda: "door_open_fault" in str(gateway.status()["lifts"][0]["faults"]), what="the fault in status")
    answer = gateway.status()
    assert not answer["broker"]["connected"] and answer["outbox"]["events"] > 0
    assert answer["publisher"]["restarts"] == 0


def test_a_broker_with_ipv6_only(world):
    """Its address in the URL; and a name, with TLS, where the machine has one that means ::1 alone."""
    broker = world.broker(start=False)
    port = find_free_port()
    with open(broker.settings, "a") as settings:
        settings.write(f"listener {port} ::1\n")
    broker.start()
    gateway = world.gateway(broker, start=False, device="/dev/null-bus")
    gateway.settings["broker"]["urls"] = [f"mqtt://[::1]:{port}"]
    gateway.start()
    connected_to(gateway, f"mqtt://[::1]:{port}")

    if "ip6-localhost" not in pathlib.Path("/etc/hosts").read_text():
        return
    city = City(world.new_folder("city"), host="ip6-localhost", names=("ip6-localhost",), address="::1")
    box = city.box()
    world.brokers.append(city.start())
    gateway = world.gateway(city, start=False, device="/dev/null-bus")
    gateway.settings["broker"].update(box)
    gateway.start()
    connected_to(gateway, city.url)
