"""liftgwd -t: a good configuration is good, and a bad one is told everything at once."""

import os
import re
import subprocess

import pytest

from harness import Gateway
from harness.paths import BUILD, CONFIG, SOURCE


class NoBroker:
    url, certificates = "mqtt://127.0.0.1:1883", None


def check(path, *options):
    return subprocess.run([BUILD / "liftgwd", "-t", "-c", path, *options], capture_output=True, text=True, timeout=30)


@pytest.fixture
def gateway(tmp_path):
    return Gateway(tmp_path, NoBroker, device="/dev/ttyS9", lifts=2)


def test_a_good_configuration(gateway):
    gateway.write()
    result = check(gateway.path)
    assert result.returncode == 0, result.stderr
    assert "error" not in result.stderr


def test_the_example_is_good(tmp_path):
    example = (CONFIG / "liftgw.cfg.example").read_text()
    folders = f'  profile_dirs = ("{CONFIG}/profiles"); codes_dirs = ("{CONFIG}/codes");\n'
    path = tmp_path / "liftgw.cfg"
    path.write_text(example.replace("gateway: {\n", "gateway: {\n" + folders, 1).replace("/etc/liftgw", str(tmp_path)))
    for name in set(re.findall(r"/etc/liftgw/([\w.-]+\.(?:pem|key|password))", example)):
        (tmp_path / name).write_text("something\n")
        (tmp_path / name).chmod(0o600)
    path.chmod(0o600)
    result = check(path)
    assert result.returncode == 0, result.stderr


TEN_MISTAKES = """\
gateway: {
  id = "B12/2";
  prefix = "yancheng"; district = "tinghu"; compound = "wanhu-xincun";
  langauge = "zh"; district = "jianhu";
  state_interval_s = 3000000000;
};
broker: { urls = ("http://broker.city.example"); };
buses: (
  { name = "shaft"; device = "/dev/ttyS9"; baud = 12345; parity = "maybe";
    lifts: (
      { id = "L-1"; unit = 300; profile = "generic-ba"; },
      { id = "L-1"; unit = 2; profile = "generic-ab"; },
      { id = "L-3"; unit = 2; profile = "generic-ba"; offline = 3; }
    );
  }
);
"""


def test_every_mistake_is_named_with_its_line(tmp_path):
    path = tmp_path / "liftgw.cfg"
    folders = f'  profile_dirs = ("{CONFIG}/profiles"); codes_dirs = ("{CONFIG}/codes"); '
    path.write_text(TEN_MISTAKES.replace('  prefix', folders + 'prefix', 1))
    result = check(path)
    assert result.returncode == 78
    lines = result.stderr.splitlines()
    for number, what in ((2, "B12/2"), (4, "language"), (4, "'district' stands in line 3 already"), (5, "state_interval_s"), (7, "http://broker.city.example"),
                         (9, "12345"), (9, "maybe"), (11, "300"), (12, "L-1"), (12, "generic-ab"), (13, "offline"),
                         (13, "unit")):
        assert any(line.startswith(f"{path}:{number}: error: ") and what in line for line in lines), \
            f"nothing about {what} in line {number}:\n{result.stderr}"


@pytest.mark.parametrize("text", ["", "gateway: {", "\ufeffgateway: {};", "gateway = 3;", "buses: ();"])
def test_what_is_no_configuration_at_all(tmp_path, text):
    path = tmp_path / "liftgw.cfg"
    path.write_text(text)
    result = check(path)
    assert result.returncode == 78
    assert f"{path}" in result.stderr and "error: " in result.stderr


def test_a_file_that_is_not_there(tmp_path):
    result = check(tmp_path / "nothing.cfg")
    assert result.returncode == 78
    assert "nothing.cfg" in result.stderr


def test_a_file_that_may_not_be_read(gateway):
    """Another cause than a mistake in it, and another cure: 77, as for everything that permission is missing for."""
    gateway.write()
    gateway.path.chmod(0)
    # root may read everything, unless it gives that up
    less = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    for options in (["-t"], []):
        result = subprocess.run([*less, BUILD / "liftgwd", *options, "-c", gateway.path], capture_output=True, text=True,
                                timeout=30)
        assert result.returncode == 77, result.stderr
        assert f"{gateway.path}: error: cannot be read: Permission denied" in result.stderr


def test_a_password_that_everybody_can_read(gateway):
    gateway.settings["broker"].update(username="b12-2", password="secret")
    gateway.write()
    assert check(gateway.path).returncode == 0
    gateway.path.chmod(0o644)
    result = check(gateway.path)
    assert result.returncode == 78
    assert "password" in result.stderr and "secret" not in result.stderr


@pytest.mark.parametrize("arguments", [["-x"], ["one-too-many"], ["-c"]])
def test_wrong_usage(arguments):
    result = subprocess.run([BUILD / "liftgwd", *arguments], capture_output=True, text=True, timeout=30)
    assert result.returncode == 64
    assert "liftgwd" in result.stderr


def test_version():
    result = subprocess.run([BUILD / "liftgwd", "-V"], capture_output=True, text=True, timeout=30)
    assert result.returncode == 0
    version = re.search(r"project\(liftgw VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text()).group(1)
    assert version in result.stdout
