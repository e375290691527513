"""A private mosquitto on a free port of the loopback interface."""

import os
import shutil
import socket
import subprocess

from .process import Process, find_free_port, wait_for

MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


class Certificates:
    """A certificate authority and what it signed, made once for a test run."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._make_authority("ca")
        self._make_authority("other-ca")
        self._sign("localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self._sign("wrong.example", "subjectAltName=DNS:wrong.example")

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], cwd=self.folder, check=True, capture_output=True)

    def _make_authority(self, name):
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2,
                      "-subj", f"/CN=liftgw test {name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")

    def _sign(self, name, extension):
        (self.folder / f"{name}.ext").write_text(extension + "\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                      "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", 2, "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Broker:
    """Without arguments anybody may come in. password: user "b12-2" with that password. acl: lines of an ACL file.
    certificates: TLS for the host named by server."""

    def __init__(self, folder, password=None, acl=None, certificates=None, server="localhost"):
        self.folder = folder
        self.port = find_free_port()
        self.certificates = certificates
        self.process = None
        settings = [
            f"listener {self.port} 127.0.0.1",
            "persistence true", f"persistence_location {folder}/", "persistence_file broker.db",
            "autosave_interval 1", "autosave_on_changes true",
            "max_queued_messages 0", "log_dest stderr", "log_type error", "log_type warning", "log_type notice"]
        if os.geteuid() == 0:
            settings.append("user root")  # else it could not write into the test's folder
        if password:
            passwords = folder / "broker.passwords"
            passwords.touch(0o600)
            subprocess.run(["mosquitto_passwd", "-b", passwords, "b12-2", password], check=True, capture_output=True)
            settings.append(f"password_file {passwords}")
        settings.append(f"allow_anonymous {'false' if password else 'true'}")
        if acl:
            acl_file = folder / "broker.acl"
            acl_file.touch(0o600)
            acl_file.write_text("\n".join(acl) + "\n")
            settings.append(f"acl_file {acl_file}")
        if certificates:
            settings += [f"certfile {certificates.folder / server}.pem", f"keyfile {certificates.folder / server}.key"]
        self.settings = folder / "mosquitto.conf"
        self.settings.write_text("\n".join(settings) + "\n")

    @property
    def url(self):
        return f"mqtts://localhost:{self.port}" if self.certificates else f"mqtt://127.0.0.1:{self.port}"

    def start(self):
        self.process = Process("mosquitto", [MOSQUITTO, "-c", self.settings], self.folder / "mosquitto.log")
        wait_for(self._is_listening, what="mosquitto to listen")
        return self

    def _is_listening(self):
        assert self.process.is_running(), f"mosquitto ended: {self.process.log}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        """An orderly end: what it holds for its clients and retained messages are kept for the next start."""
        if self.process:
            self.process.stop()

    def kill(self):
        self.process.kill()
