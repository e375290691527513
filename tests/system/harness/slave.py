"""A Modbus slave that does to one reply what a test says: what liftgw-sim's verbs cannot say, to the byte."""

import os
import pty
import select
import struct
import threading
import time
import tty


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def sealed(frame):
    return frame + crc16(frame)


class Question:
    def __init__(self, frame):
        self.frame = frame
        self.unit, self.function, self.address, self.count = struct.unpack(">BBHH", frame[:6])


class Slave:
    """Answers every holding register with word(unit, address), on a pty.

    trick: called as trick(slave, question) for each question; what it returns is sent instead of the good reply, as
    bytes or a list of (seconds to wait, bytes); None: the good reply. Who talks hears nothing."""

    def __init__(self, folder, word, dialect="rtu", character_s=10 / 38400, turnaround_s=0.004):
        self.link = folder / "line"
        self.word = word
        self.dialect = dialect
        self.character_s, self.turnaround_s = character_s, turnaround_s
        self.trick = None
        self.questions = 0
        self.master = self.keeper = -1
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.plug()
        self.thread.start()
        return self

    def plug(self):
        master, self.keeper = pty.openpty()
        tty.setraw(self.keeper)
        name = os.ttyname(self.keeper)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(name)
        self.master = master

    def unplug(self):
        master, self.master = self.master, -1
        self.link.unlink()
        time.sleep(0.05)  # for the thread to let go of it
        os.close(self.keeper)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, master)  # closes the line, but leaves its number to no other file: the thread may be slow
        os.close(nothing)

    def stop(self):
        self.stopping = True
        self.thread.join()

    def good(self, question):
        data = b"".join(struct.pack(">H", self.word(question.unit, question.address + i) & 0xFFFF)
                        for i in range(question.count))
        return sealed(self.header(question.unit, question.function, len(data)) + data)

    def header(self, unit, function, size):
        return struct.pack(">BBH" if self.dialect == "monarch" else ">BBB", unit, function, size)

    def exception(self, question, code):
        if self.dialect == "monarch":
            return sealed(bytes([question.unit, 0x80, 0x01, 0x00, code]))
        return sealed(bytes([question.unit, question.function | 0x80, code]))

    def send(self, data):
        time.sleep(self.character_s * len(data))
        master = self.master
        if master >= 0:
            os.write(master, data)

    def _run(self):
        received, last = b"", 0.0
        while not self.stopping:
            master = self.master
            try:
                ready = master >= 0 and select.select([master], [], [], 0.02)[0]
                data = os.read(master, 256) if ready else b""
            except (OSError, ValueError):
                data = b""
            if not data:
                time.sleep(0 if master >= 0 else 0.02)
                continue
            received = data if time.monotonic() - last > 0.05 else received + data
            last = time.monotonic()
            while len(received) >= 8:
                frame, received = received[:8], received[8:]
                if frame[6:] == crc16(frame[:6]):
                    self._answer(Question(frame))

    def _answer(self, question):
        self.questions += 1
        time.sleep(self.character_s * 8 + self.turnaround_s)
        answer = self.trick(self, question) if self.trick else None
        if answer is None:
            answer = self.good(question)
        for wait, data in [(0, answer)] if isinstance(answer, bytes) else answer:
            time.sleep(wait)
            self.send(data)
        master = self.master
        while master >= 0 and master == self.master and select.select([master], [], [], 0)[0]:
            os.read(master, 256)
