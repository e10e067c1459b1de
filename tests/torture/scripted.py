# SPDX-License-Identifier: MIT
"""A server that reads a request and then says exactly what it was told to, byte for byte."""

import socket
import ssl
import threading

from receiver import read_request, reset

CLOSE, RESET, HANG = "close", "reset", "hang"


class Scripted:
    """say(connection, pause) is called for each request; pause(seconds) is false when the server ends.
    It returns CLOSE, RESET, HANG, or None: the next request of the connection is read."""

    def __init__(self, say, first=False):
        """first: it does not wait for a request before it speaks."""
        self.say = say
        self._first = first
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.requests = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}/"

    def close(self):
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.settimeout(10)
            with connection, connection.makefile("rb") as reader:
                while self._first or read_request(reader, 0) is not None:
                    self.requests += 1
                    end = self.say(connection, lambda seconds: not self._closing.wait(seconds))
                    if end == HANG:
                        connection.recv(1)
                    if end == RESET:
                        reset(connection)
                    if end is not None:
                        return
        except (OSError, ValueError, ssl.SSLError):
            pass  # the gateway has had enough, or speaks TLS
