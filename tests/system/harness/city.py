"""The city's side as it is delivered: scripts/city-ca, and a mosquitto with config/mosquitto/liftgw.conf."""

import os
import signal
import socket
import subprocess
import types

from .broker import MOSQUITTO
from .paths import CONFIG, SOURCE
from .process import Process, find_free_port, wait_for


class City:
    """What Gateway wants of a broker (url, certificates), with TLS and client certificates. host: in the gateway's URL,
    names: in the broker's certificate."""

    def __init__(self, folder, host="localhost", names=("localhost", "127.0.0.1", "::1"), address="127.0.0.1"):
        self.folder = folder
        self.port = find_free_port()
        self.address = address
        self.url = f"mqtts://{host}:{self.port}"
        self.ca = folder / "ca"
        self.certificates = types.SimpleNamespace(ca=self.ca / "ca.pem", folder=self.ca)
        self.process = None
        self.ask("init", "Yancheng")
        self.ask("broker", *names)
        city = self.operator("city", "yancheng/#")
        self.operator_files = {"certfile": city["cert_file"], "keyfile": city["key_file"]}  # whom Subscriber comes as
        self.settings = folder / "mosquitto.conf"
        self.settings.write_text(self._settings())

    def _settings(self):
        text = (CONFIG / "mosquitto" / "liftgw.conf").read_text()
        for there, here in (("/etc/mosquitto/ca_certificates/city-ca.pem", self.ca / "ca.pem"),
                            ("/etc/mosquitto/certs/", f"{self.ca}/"),
                            ("/etc/mosquitto/liftgw.acl", self.ca / "acl"),
                            ("listener 8883\n", f"listener {self.port} {self.address}\n")):
            assert there in text
            text = text.replace(there, str(here))
        text += f"persistence_location {self.folder}/\nlog_dest stderr\n"
        return text + ("user root\n" if os.geteuid() == 0 else "")  # else it could not read the certificates

    def ask(self, *arguments):
        """city-ca with these arguments; what it prints."""
        return subprocess.run([SOURCE / "scripts" / "city-ca", "-d", self.ca, *map(str, arguments)], check=True,
                              stdout=subprocess.PIPE, universal_newlines=True).stdout

    def box(self, name="B12-2", lifts=("L-1",)):
        """A box's certificate; what goes into the section broker."""
        self.ask("box", name, "yancheng", "tinghu", "wanhu-xincun", *lifts)
        return self.files(name)

    def operator(self, name, *topics):
        self.ask("operator", name, *topics)
        return self.files(name)

    def files(self, name):
        return {"cert_file": str(self.ca / f"{name}.pem"), "key_file": str(self.ca / f"{name}.key")}

    def sign(self, name, kind, start, end):
        """Renews what was issued to name, valid between two times (YYYYMMDDHHMMSSZ)."""
        def run(*arguments):
            subprocess.run(["openssl", *arguments], cwd=self.ca, check=True, capture_output=True)
        run("req", "-new", "-config", "openssl.cnf", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", "csr")
        run("ca", "-batch", "-notext", "-config", "openssl.cnf", "-extensions", kind, "-startdate", start,
            "-enddate", end, "-in", "csr", "-out", f"{name}.pem")

    def start(self):
        self.process = Process("mosquitto", [MOSQUITTO, "-c", self.settings], self.folder / "mosquitto.log")
        wait_for(self._is_listening, what="mosquitto to listen")
        return self

    def _is_listening(self):
        assert self.process.is_running(), f"mosquitto ended: {self.process.log}"
        with socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET) as probe:
            return probe.connect_ex((self.address, self.port)) == 0

    def reload(self):
        """Certificates, revocations and the access list are read again."""
        before = self.process.log.count("Reloading config")
        self.process.signal(signal.SIGHUP)
        wait_for(lambda: self.process.log.count("Reloading config") > before, what="the reload")

    def stop(self):
        if self.process:
            self.process.stop()
