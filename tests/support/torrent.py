# SPDX-License-Identifier: MIT
"""A peer that answers each request with bytes that do not end, as fast as they are taken."""

import contextlib
import socket
import threading

BUFFER_SIZE = 64 * 1024


class Torrent:
    """Sends begin once and piece until the other side has enough, or nothing more when piece is empty.
    sent: bytes of each connection."""

    def __init__(self, begin, piece):
        self._begin, self._piece = begin, piece and piece * (BUFFER_SIZE // len(piece))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._changed = threading.Condition()
        self._connections = set()
        self._is_closed = False
        self.sent = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self):
        with self._changed:
            self._is_closed = True
            open_now = list(self._connections)
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in open_now:
            with contextlib.suppress(OSError):  # it may have ended by itself
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self._connections.add(connection)
            threading.Thread(target=self._pour, args=(connection,), daemon=True).start()

    def _pour(self, connection):
        sent = 0
        # What we have sent is what the other side has taken, but for this.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_SIZE)
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                received = connection.recv(4096)
                if not received:
                    return
                head += received
            sent = connection.send(self._begin)
            while self._piece and not self._is_closed:
                sent += connection.send(self._piece)
            connection.recv(1)  # its end
        except OSError:
            pass
        finally:
            with self._changed:
                self._connections.discard(connection)
                if sent > 0:
                    self.sent.append(sent)
            connection.close()
