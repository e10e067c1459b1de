# SPDX-License-Identifier: MIT
"""Other people's proxies, each in a process of its own: what stands between a gateway and its receivers."""

import shutil
import socket
import subprocess

from waiting import wait_until

PORT_TRIES = 5  # somebody else may take a port between our look and the proxy's start


class Proxy:
    """A program that listens on a port of this machine and says nothing about which."""

    def __init__(self, directory, program):
        path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
        assert path, f"{program} is not installed"
        for _ in range(PORT_TRIES):
            self.port = unused_port()
            with open(directory / f"{program}.log", "ab") as log:
                self._process = subprocess.Popen([path, *self.arguments(directory)], stdin=subprocess.DEVNULL,
                                                 stdout=log, stderr=log)
            if wait_until(lambda: self._state(), f"{program} listens or ends") == "listens":
                return
        raise AssertionError((directory / f"{program}.log").read_text(errors="replace"))

    def _state(self):
        if self._process.poll() is not None:
            return "ended"
        with socket.socket() as probe:
            return "listens" if probe.connect_ex(("127.0.0.1", self.port)) == 0 else None

    def close(self):
        self._process.terminate()
        self._process.wait()


class Tinyproxy(Proxy):
    """Forwards http, tunnels https; requests that it forwards carry a Via header."""

    def __init__(self, directory, user=None, password=None):
        self._credentials = f"BasicAuth {user} {password}\n" if user else ""
        super().__init__(directory, "tinyproxy")

    def arguments(self, directory):
        configuration = directory / "tinyproxy.conf"
        configuration.write_text(f"Port {self.port}\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\n"
                                 f"LogLevel Connect\n{self._credentials}")
        return ["-d", "-c", configuration]

    def url(self, userinfo=""):
        return f"http://{userinfo + '@' if userinfo else ''}127.0.0.1:{self.port}"


class Nghttpx(Proxy):
    """Speaks HTTP/2 over TLS in front of a receiver; its Via header names the version it was spoken to."""

    def __init__(self, directory, receiver, certificate, key):
        self._rest = [f"--backend=127.0.0.1,{receiver.port}", str(key), str(certificate)]
        super().__init__(directory, "nghttpx")

    def arguments(self, _):
        return ["--conf=/dev/null", "--workers=1", f"--frontend=127.0.0.1,{self.port}", *self._rest]

    def url(self, path="/postal", host="127.0.0.1"):
        return f"https://{host}:{self.port}{path}"


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
