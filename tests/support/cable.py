# SPDX-License-Identifier: MIT
"""The cable between a gateway and its database: it can be cut, or carry nothing although it is whole."""

import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

PIECE_SIZE = 65536


class Cable:
    """A unix socket in a folder of its own that leads to a PostgresServer's."""

    def __init__(self, server):
        self.server = server
        self.folder = Path(tempfile.mkdtemp(prefix="repostal-cable-"))  # short: it holds a socket
        self._name = f".s.PGSQL.{server.port}"
        self._lock = threading.Lock()
        self._ends = set()
        self._is_cut = False
        self.attempts = 0  # to reach the database
        self._flows = threading.Event()
        self._flows.set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / self._name))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def dsn(self, database):
        return f"host={self.folder} dbname={database} user={self.server.user}"

    def cut(self):
        """Connections end, and new ones end at once."""
        with self._lock:
            self._is_cut = True
            ends = list(self._ends)
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def hang(self):
        """Connections stay, and new ones are taken, but nothing comes through."""
        self._flows.clear()

    def mend(self):
        """What was held back comes through now."""
        self._is_cut = False
        self._flows.set()

    def close(self):
        self.cut()
        self._flows.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        shutil.rmtree(self.folder)

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.attempts += 1
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near):
        far = socket.socket(socket.AF_UNIX)
        self._flows.wait()
        with self._lock:
            is_cut = self._is_cut
            if not is_cut:
                self._ends |= {near, far}
        try:
            if is_cut:
                raise ConnectionResetError
            far.connect(str(self.server.folder / self._name))
        except OSError:
            self._end(near, far)
            return
        back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
        back.start()
        self._carry(near, far)
        back.join()
        self._end(near, far)

    def _carry(self, source, sink):
        with suppress(OSError):
            while piece := source.recv(PIECE_SIZE):
                self._flows.wait()
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _end(self, *ends):
        with self._lock:
            self._ends -= set(ends)
        for end in ends:
            end.close()
