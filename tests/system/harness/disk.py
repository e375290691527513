"""The ledger's disk under a test's hand: disk_shim.c, preloaded into the gateways that are started meanwhile."""

import contextlib
import mmap
import os
import struct

from .paths import BUILD

FIELDS = ("failure", "hang", "waiting", "bytes", "writes", "syncs")


class Disk:
    def __init__(self, path):
        path.write_bytes(bytes(8 * len(FIELDS)))
        self.path = path
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def __getitem__(self, field):
        return struct.unpack_from("Q", self.map, 8 * FIELDS.index(field))[0]

    def __setitem__(self, field, value):
        struct.pack_into("Q", self.map, 8 * FIELDS.index(field), value)

    @contextlib.contextmanager
    def under(self):
        """What is started inside has this disk."""
        ours = {"LD_PRELOAD": str(BUILD / "tests" / "disk-shim.so"), "LIFTGW_DISK": str(self.path),
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        before = {key: os.environ.get(key) for key in ours}
        os.environ.update(ours)
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value
