"""What TLS refuses, each with its own reason where an operator looks for it; and that nothing is lost meanwhile."""

import pytest

from harness import wait_for
from harness.city import City
from harness.network import Network

LONG_AGO = "20200101000000Z", "20210101000000Z"
FAR_OFF = "21000101000000Z", "21010101000000Z"


@pytest.fixture
def city(world):
    """Makes a city with its broker, which is stopped at the end."""

    def make(start=True, **options):
        made = City(world.new_folder("city"), **options)
        world.brokers.append(made)
        return made.start() if start else made

    return make


def make_gateway(world, city, simulator=None, **broker):
    gateway = world.gateway(city, simulator, start=False, device=None if simulator else "/dev/null-bus")
    gateway.settings["broker"].update(broker)
    return gateway.start()


def reason_of(gateway, words, timeout=60):
    """Waits until the reason that the box gives has these words; it tries at longer and longer intervals."""
    seen = set()

    def has_words():
        broker = gateway.status()["broker"]
        seen.add(broker["reason"])
        return broker["reason"] if words in (broker["reason"] or "") and not broker["connected"] else None

    try:
        return wait_for(has_words, timeout)
    except AssertionError:
        raise AssertionError(f"no reason with \"{words}\" but {seen}") from None


def other_authority(world):
    return City(world.new_folder("city")).ca / "ca.pem"


def revoked(world, city):
    kept = {key: open(path).read() for key, path in city.files("B12-2").items()}
    city.ask("revoke", "B12-2")
    for key, path in city.files("B12-2").items():
        with open(path, "w") as file:
            file.write(kept[key])
    city.reload()
    return {}


def foreign(world, city):
    return City(world.new_folder("city")).box()


def not_its_key(world, city):
    return {"key_file": city.operator("other", "#")["key_file"]}


# Who is wrong, how, and what must be said of it. before: the broker's side; settings: the box's.
REFUSALS = {
    "wrong host": (dict(host="127.0.0.1", names=("localhost",)), None, None,
                   "the broker's certificate is for another host name than the URL's"),
    "wrong authority": ({}, None, lambda world, city: {"ca_file": str(other_authority(world))},
                        'certificate is signed by "Yancheng lifts", which is not trusted here (broker.ca_file)'),
    "expired": ({}, ("broker", "broker", *LONG_AGO), None,
                "the broker's certificate expired 2021-01-01 00:00Z, and it is"),
    "not yet valid": ({}, ("broker", "broker", *FAR_OFF), None,
                      "the broker's certificate is not valid before 2100-01-01 00:00Z, and it is"),
    "no client certificate": ({}, None, lambda world, city: {"cert_file": "", "key_file": ""}, "client certificate"),
    "client certificate expired": ({}, ("B12-2", "client", *LONG_AGO), None,
                                   "the broker says that our certificate has expired: renew it (broker.cert_file)"),
    "client certificate revoked": ({}, None, revoked, "the broker says that our certificate was revoked"),
    "client certificate of another authority": ({}, None, foreign, "does not trust who signed our certificate"),
    "another one's key": ({}, None, not_its_key, "cert_file and key_file cannot be used: key values mismatch"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_with_its_reason(world, city, case):
    options, renewal, settings, words = REFUSALS[case]
    place = city(start=False, **options)
    box = place.box()
    if renewal:
        place.sign(*renewal)
    place.start()
    if settings:
        box.update(settings(world, place))
    network = Network(place.port)
    world.processes.append(network)
    place.url = place.url.replace(str(place.port), str(network.port))
    gateway = make_gateway(world, place, **box)
    reason = reason_of(gateway, words)
    assert place.url in reason
    assert words in gateway.log
    assert gateway.status()["broker"]["reconnects"] == 0


def test_what_happened_while_the_time_was_wrong_is_sent_when_it_is_right(world, city):
    """A box without a battery clock wakes up in another year; here the broker's certificate does."""
    place = city(start=False)
    box = place.box()
    place.sign("broker", "broker", *FAR_OFF)
    place.start()
    simulator = world.simulator()
    gateway = make_gateway(world, place, simulator, **box)
    reason_of(gateway, "set this box's clock")
    simulator.fault(1, "door_open_fault")
    wait_for(lambda: "door_open_fault" in str(gateway.status()["lifts"][0]["faults"]), what="the fault")
    place.ask("broker", "localhost")
    place.reload()
    operator = world.subscriber(place)
    raised = operator.wait("fault/door_open_fault", lambda data: data["event"] == "raised", timeout=90, stream=True)
    assert not raised.retain
    assert gateway.status()["publisher"]["restarts"] == 0


def test_renewed_while_running(world, city):
    """The broker's certificate, the authority itself and the box's certificate: no restart of anything."""
    place = city()
    other = City(world.new_folder("city"))
    other.box()
    gateway = make_gateway(world, place, **place.box())
    pid = wait_for(lambda: gateway.status()["broker"]["connected"] and gateway.publisher_pid(), what="the connection")
    place.stop()
    for name in ("ca.pem", "crl.pem", "broker.pem", "broker.key", "B12-2.pem", "B12-2.key"):
        (place.ca / name).write_bytes((other.ca / name).read_bytes())
    place.start()
    wait_for(lambda: gateway.status()["broker"]["reconnects"] == 1, 60, "the reconnection")
    assert gateway.publisher_pid() == pid
