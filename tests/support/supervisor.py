# SPDX-License-Identifier: MIT
"""What a service manager hears of the gateway, and one thread of it that stands still."""

import ctypes
import os
import socket
import threading
import time
from pathlib import Path

from waiting import wait_until

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WAIT_ALL = 0x40000000  # __WALL: threads too


class NotifySocket:
    """The manager's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.path = path
        self.environment = {"NOTIFY_SOCKET": str(path)}
        self._messages = []
        self._fed_at = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while message := self._socket.recv(65536):
            if message == b"WATCHDOG=1":
                self._fed_at = time.monotonic()
            self._messages.append(message.decode())

    def messages(self):
        """Each as a dict, without those that feed the watchdog."""
        return [dict(line.split("=", 1) for line in message.splitlines())
                for message in list(self._messages) if message != "WATCHDOG=1"]

    def wait(self, predicate, what):
        """The first message that it takes."""
        return wait_until(lambda: next(filter(predicate, self.messages()), None), what)

    def feeds(self):
        return self._messages.count("WATCHDOG=1")

    def wait_feeds(self, count):
        goal = self.feeds() + count
        wait_until(lambda: self.feeds() >= goal, f"the watchdog is fed {count} times")

    def wait_silence(self, seconds):
        wait_until(lambda: time.monotonic() - self._fed_at > seconds, "the watchdog is not fed", 60)

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class StoppedThread:
    """A thread of a process of ours, by its name. It stands still within the block; the others go on. The
    thread that stops it has to be the one that lets it go."""

    def __init__(self, process, name):
        self.process = process
        self.name = name

    def __enter__(self):
        tasks = Path(f"/proc/{self.process}/task").iterdir()
        self._thread = next(int(task.name) for task in tasks
                            if (task / "comm").read_text().strip() == self.name)
        self._ptrace(PTRACE_SEIZE)
        self._ptrace(PTRACE_INTERRUPT)
        os.waitpid(self._thread, WAIT_ALL)
        return self

    def __exit__(self, *_):
        self._ptrace(PTRACE_DETACH)

    def _ptrace(self, request):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        libc.ptrace.restype = ctypes.c_long
        if libc.ptrace(request, self._thread, None, None) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
