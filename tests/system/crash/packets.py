"""As much of MQTT 3.1.1 and 5 as a proxy must read to know what passes."""

import dataclasses

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4


def split(data: bytearray):
    """Takes every whole packet off the front of data."""
    while len(data) >= 2:
        size, shift, at = 0, 0, 1
        while at < len(data) and at < 5:
            size |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 0x80:
                break
        else:
            return
        if len(data) < at + size:
            return
        packet = bytes(data[:at + size])
        del data[:at + size]
        yield Packet(packet[0] >> 4, packet[0] & 0x0F, packet[at:], packet)


@dataclasses.dataclass(frozen=True)
class Packet:
    kind: int
    flags: int
    body: bytes
    raw: bytes

    def connect_version(self):
        name = int.from_bytes(self.body[:2], "big")
        return self.body[2 + name]

    def publish(self, version):
        """topic, packet id (None for QoS 0), payload."""
        size = int.from_bytes(self.body[:2], "big")
        topic, at = self.body[2:2 + size].decode(), 2 + size
        identifier = None
        if self.flags & 0x06:
            identifier, at = int.from_bytes(self.body[at:at + 2], "big"), at + 2
        if version == 5:
            assert self.body[at] < 0x80, "properties longer than a publisher of ours sends"
            at += 1 + self.body[at]
        return topic, identifier, self.body[at:]

    def puback(self):
        """Packet id and reason code."""
        return int.from_bytes(self.body[:2], "big"), self.body[2] if len(self.body) > 2 else 0


def make_puback(identifier, reason):
    """An MQTT 5 PUBACK."""
    return bytes((PUBACK << 4, 3)) + identifier.to_bytes(2, "big") + bytes((reason,))
