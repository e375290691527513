"""cmake --install puts every file where the papers say."""

import os
import subprocess

from harness.paths import BUILD, CONFIG, SOURCE


def test_every_file_has_its_place(tmp_path):
    subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr"], check=True, capture_output=True,
                   env={**os.environ, "DESTDIR": str(tmp_path)})
    installed = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}

    for program in ("usr/sbin/liftgwd", "usr/bin/liftgwctl", "usr/bin/liftgw-sim", "usr/libexec/liftgw/liftgw-publish"):
        assert program in installed
        assert os.access(tmp_path / program, os.X_OK)
    for folder in ("profiles", "codes", "schema"):
        ours = {f"usr/share/liftgw/{folder}/{path.name}" for path in (CONFIG / folder).iterdir()}
        assert ours and ours <= installed
    for paper in ("README.md", "README.zh-CN.md", "CHANGELOG.md", "liftgw.cfg.example", "installer.md",
                  "installer.zh-CN.md"):
        assert f"usr/share/doc/liftgw/{paper}" in installed
    for page in (SOURCE / "gateway" / "man").iterdir():
        assert f"usr/share/man/man{page.suffix[1]}/{page.name}" in installed
    assert "usr/share/bash-completion/completions/liftgwctl" in installed
    strangers = [path for path in installed if not path.startswith(("usr/", "etc/liftgw/"))]
    assert not strangers
