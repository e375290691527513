"""scripts/demo does what the README promises, and leaves nothing behind."""

import os
import re
import subprocess

from harness.paths import BUILD, SOURCE


def test_faults_come_and_go_before_the_eyes(tmp_path):
    environment = {**os.environ, "LIFTGW_BUILD": str(BUILD), "TMPDIR": str(tmp_path)}
    result = subprocess.run([SOURCE / "scripts" / "demo", "--for", "12"], capture_output=True, text=True, timeout=60,
                            env=environment, stdin=subprocess.DEVNULL)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "mosquitto_sub" in result.stdout
    lines = re.findall(r"^\d\d:\d\d:\d\d\.\d{3}  L-0\d +(raised|cleared) +[a-z_]+ +(minor|major|critical)",
                       result.stdout, re.MULTILINE)
    assert len(lines) >= 2, result.stdout
    assert "\x1b" not in result.stdout
    assert not list(tmp_path.iterdir()), "something was left behind"
