"""metrics_file: what a Prometheus node exporter reads from the box."""

import shutil
import stat
import subprocess

import pytest

from harness import wait_for

STRANGE = 'L "quoted" \\ 7'


def samples(path):
    """{'name{labels}': value}, of a file that keeps the rules of the text format."""
    found, kinds, helped = {}, {}, set()
    for line in path.read_text().splitlines():
        if line.startswith("# HELP "):
            name = line.split()[2]
            assert name not in helped, f"{name} is explained twice"
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            kinds[name] = kind
        else:
            key, value = line.rsplit(" ", 1)
            name = key.split("{")[0]
            assert name in helped and name in kinds, f"{name} is not explained"
            assert kinds[name] != "counter" or name.endswith("_total")
            assert key not in found, f"{key} stands there twice"
            found[key] = float(value)
    return found


@pytest.fixture
def running(world, tmp_path):
    broker, simulator = world.broker(), world.simulator(lifts=2)
    gateway = world.gateway(broker, simulator, lifts=2, start=False)
    path = tmp_path / "liftgw.prom"
    gateway.settings["gateway"] |= {"metrics_file": str(path), "health_interval_s": 1}
    gateway.lifts[1]["id"] = STRANGE
    gateway.start()
    wait_for(lambda: path.exists() and samples(path).get("liftgw_broker_connected") == 1, what="the figures")
    return gateway, simulator, broker, path


def test_the_figures_follow_what_happens(running):
    _gateway, simulator, broker, path = running
    online = 'liftgw_lift_online{lift="L-1"}'
    wait_for(lambda: samples(path).get(online) == 1, what="L-1 online")
    quoted = STRANGE.replace("\\", "\\\\").replace('"', '\\"')
    assert f'liftgw_lift_online{{lift="{quoted}"}}' in samples(path)
    assert samples(path)['liftgw_bus_open{bus="shaft"}'] == 1
    assert samples(path)['liftgw_bus_polls_total{bus="shaft"}'] > 0
    simulator.fault(1, "door_open_fault")
    counted = 'liftgw_lift_faults_total{lift="L-1",fault="door_open_fault"}'
    wait_for(lambda: samples(path).get(counted) == 1, what="the fault to be counted")
    simulator.say("unit 1 silent")
    wait_for(lambda: samples(path)[online] == 0, what="L-1 offline")
    assert samples(path)['liftgw_bus_errors_total{bus="shaft",error="timeout"}'] > 0
    broker.stop()
    wait_for(lambda: samples(path)["liftgw_broker_connected"] == 0, what="the broker gone")
    wait_for(lambda: samples(path)["liftgw_outbox_messages"] >= 0, what="the outbox")


def test_it_is_readable_and_never_half_written(running):
    _gateway, _simulator, _broker, path = running
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    last = 'liftgw_unit_errors_total{lift="L-1",bus="shaft",unit="1",error="noise"}'
    for _ in range(300):
        assert last in samples(path)


def test_a_file_that_cannot_be_written_is_told_and_stops_nothing(world, tmp_path):
    broker, simulator = world.broker(), world.simulator()
    gateway = world.gateway(broker, simulator, start=False)
    gateway.settings["gateway"] |= {"metrics_file": str(tmp_path / "nowhere" / "liftgw.prom"), "health_interval_s": 1}
    gateway.start()
    wait_for(lambda: "cannot write metrics_file" in gateway.log, what="the warning")
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online", what="L-1 online")
    assert gateway.log.count("cannot write metrics_file") == 1


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian package prometheus)")
def test_promtool_accepts_it(running):
    *_, path = running
    with path.open() as text:
        checked = subprocess.run(["promtool", "check", "metrics"], stdin=text, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
