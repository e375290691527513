"""liftgwctl init: from a bus that nobody knows to a gateway whose messages are right."""

import random

import pytest

from harness.installer import liftgwctl

# What stands alone on a bus in a stairwell, and a seed that draws from it.
PROFILES = ["generic-ba", "techno-lift", "dio-8"]


def unknown_bus(world, seed):
    """Three controllers; settings, units and profiles are drawn, not chosen."""
    draw = random.Random(seed)
    baud = draw.choice([9600, 19200, 38400, 115200])
    parity, stop_bits = draw.choice([("none", 1), ("none", 2), ("odd", 1)])
    units = dict(zip(draw.sample(range(1, 20), 3), draw.sample(PROFILES, 3)))
    simulator = world.simulator(units=[f"{unit}={profile}" for unit, profile in units.items()], baud=baud,
                                arguments=("--parity", parity, "--stop-bits", stop_bits, "--seed", seed))
    return simulator, units, f"baud = {baud}; parity = \"{parity}\"; stop_bits = {stop_bits};"


@pytest.mark.parametrize("seed", [20261123])
def test_from_an_unknown_bus_to_right_messages(world, tmp_path, seed):
    simulator, units, line = unknown_bus(world, seed)
    path = tmp_path / "liftgw.cfg"
    result = liftgwctl("init", simulator.device, "-o", path, "--units", "1-20")
    assert result.status == 0, result.all
    text = path.read_text()
    assert line in text
    for unit, profile in units.items():
        assert f'unit = {unit}; profile = "{profile}";' in text
    checked = liftgwctl("check", path)
    assert checked.status == 0, checked.all
    assert liftgwctl("init", simulator.device, "-o", path).status == 73, "never overwritten"
    assert path.read_text() == text

    broker = world.broker()
    gateway = world.gateway(broker, simulator, start=False)
    folders = f'state_dir = "{gateway.folder}/state"; control = "{gateway.control_path}";'
    text = text.replace("gateway: {", f"gateway: {{ {folders}").replace('prefix = "city"', 'prefix = "yancheng"')
    text = text.replace("mqtts://broker.city.example:8883", broker.url)
    gateway.write = lambda: gateway.path.write_text(text)
    operator = world.subscriber(broker)
    gateway.start()
    for unit in units:
        operator.wait("link", lambda data: data["link"] == "online", lift=f"L-{unit}")
    [unit] = [unit for unit, profile in units.items() if profile == "generic-ba"]
    simulator.fault(unit, "brake_fault")
    assert operator.wait("fault/brake_fault", lift=f"L-{unit}").data["raw"]["profile"] == "generic-ba"


def test_to_standard_output(world):
    simulator = world.simulator(units=["1=generic-ba"], baud=9600)
    result = liftgwctl("init", simulator.device, "--units", "1-2", "--baud", "9600")
    assert result.status == 0 and result.out.startswith("# A first configuration of liftgw")
    assert 'profile = "generic-ba"' in result.out


def test_nothing_to_write(world, tmp_path):
    simulator = world.simulator(units=["200=generic-ba"], baud=9600)
    path = tmp_path / "liftgw.cfg"
    result = liftgwctl("init", simulator.device, "-o", path, "--units", "1-2", "--baud", "9600", "--parity", "none")
    assert result.status == 69 and "nothing to write" in result.err and not path.exists()
    assert liftgwctl("init", "-o", tmp_path / "nothing" / "x.cfg", simulator.device, "--units", "200", "--baud", "9600",
                     "--parity", "none").status == 73
