"""A stream socket on which one line is asked and one answered."""

import socket

from .process import PATIENCE_S


class LineSocket:
    def __init__(self, path, timeout=PATIENCE_S):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.socket.settimeout(timeout)
        self.reader = self.socket.makefile("r", encoding="utf-8", newline="\n")

    def send(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def receive(self):
        line = self.reader.readline()
        if not line:
            raise EOFError("the other side closed the connection")
        return line.rstrip("\n")

    def ask(self, line):
        self.send(line)
        return self.receive()

    def close(self):
        self.reader.close()
        self.socket.close()
