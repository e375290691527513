"""The way between a box and a broker that is not on the same machine."""

import socket
import threading
import time

THERE_S = 0.1


class Network:
    """Passes on what comes to its port, and back what the broker at the other port says, some time later.

    On the loopback a broker that refuses a client's certificate may have closed the connection before the client has
    sent its CONNECT, and then nobody reads why. Across a network the client is always the first."""

    def __init__(self, broker_port):
        self.broker_port = broker_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                box, _ = self.listener.accept()
                broker = socket.create_connection(("127.0.0.1", self.broker_port))
            except OSError:
                return
            for source, target, delay_s in ((box, broker, 0), (broker, box, THERE_S)):
                threading.Thread(target=self._pass_on, args=(source, target, delay_s), daemon=True).start()

    def _pass_on(self, source, target, delay_s):
        try:
            while True:
                data = source.recv(65536)
                time.sleep(delay_s)
                if not data:
                    break
                target.sendall(data)
        except OSError:
            pass  # the other direction may still have something to say
        finally:
            self._end(target)

    @staticmethod
    def _end(target):
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has ended itself

    def stop(self):
        self.listener.close()

    kill = stop
