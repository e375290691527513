"""An edge box without hardware: a Debian root in which a real systemd runs, under systemd-nspawn. The root is shared
and never written to: what a box changes goes to an overlay in the test's folder. Its network is the machine's own, so
that what listens on the loopback interface here is the city."""

import os
import pathlib
import shutil
import signal
import subprocess

from harness import wait_for
from harness.lines import LineSocket
from harness.process import Process

ASKS_FOR_REBOOT = 133  # systemd-nspawn's exit status, with --keep-unit
SHARED = "/srv/test"  # the box's name for the folder that it shares with the test

# Runs in a mount and a PID namespace of its own: when it ends, everything in the box ends and every mount is gone.
# systemd wants one tree of cgroups, mounted where this machine may have the older kind.
BOOT = """
set -e
folder=$1 root=$2 name=$3
shift 3
mount --make-rprivate /
mount -t proc proc /proc
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
    umount -R /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mkdir /sys/fs/cgroup/$name
echo $$ >/sys/fs/cgroup/$name/cgroup.procs
mount -t overlay overlay -o lowerdir=$root,upperdir=$folder/upper,workdir=$folder/work $folder/root
exec systemd-nspawn --quiet --directory=$folder/root --machine=$name --register=no --keep-unit --boot \\
    --link-journal=no --console=pipe "$@"
"""


def why_not():
    """Why no box can run here; None if it can."""
    if os.geteuid() != 0:
        return "only root can run containers"
    missing = [tool for tool in ("systemd-nspawn", "debootstrap", "nsenter", "unshare") if not shutil.which(tool)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "sh", "-ec",
                            "mount --make-rprivate /; mount -t tmpfs tmpfs /mnt; mkdir /mnt/a /mnt/b /mnt/c /mnt/d;"
                            "mount -t overlay overlay -o lowerdir=/mnt/a,upperdir=/mnt/b,workdir=/mnt/c /mnt/d;"
                            "mount -t cgroup2 cgroup2 /mnt/a; mkdir /mnt/a/liftgw-probe; rmdir /mnt/a/liftgw-probe"],
                           capture_output=True, text=True)
    return None if probe.returncode == 0 else f"this machine allows no containers: {probe.stderr.strip()}"


class Box:
    def __init__(self, folder, root, archives):
        self.folder = folder
        self.root = root
        self.name = f"liftgw-{os.getpid()}"
        self.shared = folder / "shared"
        self.archives = archives  # packages that were downloaded before
        self.process = self.leader = None
        for name in ("upper", "work", "root", "shared", "var"):
            (folder / name).mkdir()
        archives.mkdir(parents=True, exist_ok=True)

    def boot(self, *options):
        self.process = Process("box", [
            "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", BOOT, "boot", self.folder, self.root,
            self.name, f"--bind={self.shared}:{SHARED}", f"--bind={self.archives}:/var/cache/apt/archives", *options],
            self.folder / "console.log")
        def is_up():
            assert self.process.is_running(), f"the box ended: {self.process.log[-4000:]}"
            self.leader = self._find_leader()
            return self.leader and self.run("systemctl", "is-system-running", check=False).strip() in ("running",
                                                                                                       "degraded")
        wait_for(is_up, 60, "the box to boot")

    def _find_leader(self):
        """The process here that is process 1 in the box."""
        def children(pid):
            try:
                return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            except OSError:
                return []
        for nspawn in children(self.process.pid):
            for pid in children(nspawn):
                try:
                    if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                        return pid
                except OSError:
                    pass
        return None

    def run(self, *command, check=True, timeout=120):
        """Runs a command in the box, as root, and returns what it printed."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-p", "-r", "-w", "--", "env", "-i", "LC_ALL=C.UTF-8",
             "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
             *map(str, command)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        said = done.stdout.decode(errors="replace")
        assert done.returncode == 0 or not check, f"{' '.join(map(str, command))}: {done.returncode}: {said}"
        return said

    def succeeds(self, *command):
        return self.run("sh", "-c", '"$@" >/dev/null 2>&1 && echo yes || echo no', "sh", *command).strip() == "yes"

    def write(self, path, text, mode="644", owner="root:root"):
        """Writes a file of the box; owner None: as an editor does, so that its folder may decide on the group."""
        (self.shared / "file").write_text(text)
        self.run("sh", "-c", f"mkdir -p $(dirname {path}) && cat {SHARED}/file >{path} && chmod {mode} {path}" +
                 (f" && chown {owner} {path}" if owner else ""))

    def read(self, path):
        return self.run("cat", path)

    def show(self, unit="liftgwd"):
        """What systemd knows of a unit."""
        lines = self.run("systemctl", "show", unit).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def main_pid(self):
        return int(self.show()["MainPID"])

    def kill(self, signal, pid):
        self.run("sh", "-c", f"kill -{signal} {pid}")

    def journal(self, unit="liftgwd"):
        return self.run("journalctl", "-u", unit, "-o", "cat", "--no-pager", check=False)

    def reboot(self):
        self.run("systemctl", "reboot", check=False)
        assert self.process.wait(60) == ASKS_FOR_REBOOT
        self._remove_cgroups()
        self.boot()

    def power_off(self):
        """An orderly one; pull_the_plug() is the other."""
        os.kill(int(self.leader), signal.SIGRTMIN + 4)
        self.process.wait(60)
        self._remove_cgroups()

    def pull_the_plug(self):
        self.process.kill()
        self._remove_cgroups()

    def _remove_cgroups(self):
        """Nobody is in them any more, but they stay until somebody takes them away."""
        for mount in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
            top = pathlib.Path(mount) / self.name
            if top.is_dir():
                wait_for(lambda: "populated 0" in (top / "cgroup.events").read_text(), 10, "the box to be empty")
                for folder in sorted((path for path in [top, *top.rglob("*")] if path.is_dir()), reverse=True):
                    folder.rmdir()

    def simulator(self):
        """The control socket of the simulated bus in the box."""
        return LineSocket(wait_for(lambda: (self.shared / "sim.sock").exists() and self.shared / "sim.sock"))
