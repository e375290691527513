"""What the README shows is true: its configuration, its lines to copy, the files that it names."""

import re
import subprocess

import pytest

from harness import wait_for
from harness.installer import liftgwctl
from harness.paths import BUILD, CONFIG, SOURCE

READMES = ["README.md", "README.zh-CN.md"]


def first_configuration(readme):
    return re.search(r"```libconfig\n(.*?)```", (SOURCE / readme).read_text(), re.DOTALL).group(1)


def code_of(readme):
    """Its lines of code without comments."""
    blocks = re.findall(r"^```\w+\n(.*?)^```", (SOURCE / readme).read_text(), re.DOTALL | re.MULTILINE)
    return [re.sub(r"\s+# .*", "", line) for block in blocks for line in block.splitlines()]


def test_both_languages_show_the_same_code():
    assert code_of("README.md") == code_of("README.zh-CN.md")


@pytest.mark.parametrize("readme", READMES)
def test_the_first_configuration_is_good(tmp_path, readme):
    for name in ("mqtt.password", "city-ca.pem"):
        (tmp_path / name).write_text("something\n")
        (tmp_path / name).chmod(0o600)
    folders = f'  profile_dirs = ("{CONFIG}/profiles"); codes_dirs = ("{CONFIG}/codes");\n'
    text = first_configuration(readme).replace("gateway: {\n", "gateway: {\n" + folders, 1)
    path = tmp_path / "liftgw.cfg"
    path.write_text(text.replace("/etc/liftgw/", f"{tmp_path}/"))
    result = subprocess.run([BUILD / "liftgwd", "-t", "-c", path], capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("readme", READMES)
def test_every_mosquitto_sub_line_shows_something(world, readme):
    broker, simulator = world.broker(), world.simulator()
    gateway = world.gateway(broker, simulator, start=False)
    gateway.lifts[0]["id"] = "L-012345"
    gateway.start()
    operator = world.subscriber(broker)
    operator.wait("state", lambda data: data["link"] == "online")
    simulator.fault(1, "brake_fault")
    operator.wait("fault/brake_fault")

    lines = re.findall(r"^mosquitto_sub -h (\S+) -v -t '([^']+)'", (SOURCE / readme).read_text(), re.MULTILINE)
    assert lines
    for _host, topic in lines:
        result = subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-v", "-t", topic, "-C",
                                 "1", "-W", "10"], capture_output=True, text=True, timeout=20)
        assert result.stdout.startswith("yancheng/"), f"nothing on {topic}"


def test_every_line_of_the_tool_works(world):
    broker, simulator = world.broker(), world.simulator()
    gateway = world.gateway(broker, simulator, start=False)
    gateway.lifts[0]["id"] = "L-012345"
    gateway.start()
    wait_for(lambda: gateway.status()["lifts"][0]["link"] == "online" and gateway.status()["broker"]["connected"],
             what="the lift and the broker")
    lines = [line for line in code_of("README.md") if line.startswith("liftgwctl ")]
    assert len(lines) >= 4
    for line in lines:
        result = liftgwctl("-c", gateway.path, *line.split()[1:])
        assert result.status == 0 and result.out, f"{line}: {result.all}"


def test_the_simulator_line_gives_a_bus(tmp_path):
    line = re.search(r"`(liftgw-sim --link \S+ --unit \S+)`", (SOURCE / "README.md").read_text()).group(1)
    bus = tmp_path / "bus"
    options = line.replace("/tmp/bus", str(bus)).split()[1:]
    process = subprocess.Popen([BUILD / "liftgw-sim", *options, "--profile-dir", CONFIG / "profiles"],
                               stdin=subprocess.DEVNULL)
    try:
        wait_for(bus.exists, what="the bus")
    finally:
        process.terminate()
        process.wait(5)


@pytest.mark.parametrize("readme", READMES)
def test_every_file_that_is_named_is_there(readme):
    text = (SOURCE / readme).read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text) + re.findall(r"^(scripts/\w+)", text, re.MULTILINE) + \
            re.findall(r"`(tests/[\w/.]+)`", text):
        assert (SOURCE / target).exists(), target
