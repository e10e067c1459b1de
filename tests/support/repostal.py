# SPDX-License-Identifier: MIT
"""The real binary, run against a configuration of its own and watched from outside only."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import settings as config
from metrics import Metrics
from waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("REPOSTAL_BIN", ROOT / "build" / "dev" / "repostal"))
SANITIZER_REPORTS = ("Sanitizer:", "runtime error:")


def run(*arguments, data=None, env=None, cwd=None, timeout=PATIENCE_S):
    """One command to its end; returns subprocess.CompletedProcess with text output."""
    result = subprocess.run([BINARY, *map(str, arguments)], input=data, env=os.environ | (env or {}),
                            cwd=cwd, capture_output=True, timeout=timeout)
    result.stdout = result.stdout.decode()
    result.stderr = result.stderr.decode()
    assert not any(report in result.stderr for report in SANITIZER_REPORTS), result.stderr
    return result


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def result(self):
        """What became of the event: accepted, duplicate, quarantined; the code when it was refused."""
        return self.json["status"] if self.status == 200 else self.status


class LocalConnection(http.client.HTTPConnection):
    """Over a Unix socket, however long its path is."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = Path(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sock.connect(f"/proc/self/fd/{folder}/{self.path.name}")
        finally:
            os.close(folder)


class Client:
    """One connection to the public listener, kept open."""

    def __init__(self, port, tls=None):
        if tls is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        else:
            self.connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE_S, context=tls)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def request(self, method, path, body=None, headers=None, chunked=False):
        self.connection.request(method, path, body=body, headers=headers or {}, encode_chunked=chunked)
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def post(self, event, path=config.PATH, headers=None, chunked=False):
        """Posts a dict as JSON, bytes as they are; the token goes into Authorization unless the headers
        say otherwise. A header that is None is left out."""
        body = json.dumps(event).encode() if isinstance(event, dict) else event
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {config.TOKEN}"}
        sent = {name: value for name, value in (sent | (headers or {})).items() if value is not None}
        return self.request("POST", path, body, sent, chunked)


class Gateway:
    def __init__(self, directory, settings, env=None, popen=None):
        """env: added to the environment; popen: further arguments of subprocess.Popen."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.config_path = directory / "repostal.conf"
        self.log_path = directory / "stderr.log"
        self.env = env or {}
        self.popen = popen or {}
        self.tls = None  # an ssl.SSLContext for clients, when the listener speaks TLS
        self.process = None
        self.port = self.admin_port = self.admin_socket = None
        self.configure(settings)

    def configure(self, settings):
        """Takes effect with the next start."""
        if settings.get("store", {}).get("backend") == "postgresql":  # no file that it could lie beside
            settings = settings | {"admin": {"socket": str(self.directory / "admin.sock")}
                                   | settings.get("admin", {})}
        self.settings = settings
        self.config_path.write_text(config.render(settings))

    # -- life ---------------------------------------------------------------------------------------

    def launch(self):
        assert self.process is None
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([BINARY, "serve", "-c", self.config_path],
                                            env=os.environ | self.env,
                                            **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
                                            | self.popen)

    def start(self, event="gateway.ready"):
        """event: "gateway.waiting" for one whose database is not there."""
        seen = len(self.log(event))
        self.launch()
        ready = wait_until(lambda: self._ready(event, seen), event)
        self.know(ready)
        return self

    def know(self, ready):
        """Takes the addresses from the line that says that it is ready."""
        self.port, self.admin_port = ready["port"], ready["admin_port"]
        self.admin_socket = ready["admin_socket"]

    def _ready(self, event, seen):
        lines = self.log(event)
        if len(lines) > seen:
            return lines[-1]
        code = self.process.poll()
        assert code is None, f"exit code {code} at the start:\n{self.log_text()}"
        return None

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, timeout=PATIENCE_S):
        """The exit code; negative for a signal."""
        code = self.process.wait(timeout)
        self.process = None
        return code

    def stop(self, timeout=PATIENCE_S):
        self.signal(signal.SIGTERM)
        return self.wait_exit(timeout)

    def kill9(self):
        self.signal(signal.SIGKILL)
        self.wait_exit()

    def restart(self):
        code = self.stop()
        assert code == 0, f"a graceful stop ended with {code}:\n{self.log_text()}"
        return self.start()

    def close(self):
        """The end of a test: a gateway that still runs must stop gracefully, and none may have complained."""
        try:
            if self.process is not None:
                code = self.stop()
                assert code == 0, f"a graceful stop ended with {code}"
        finally:
            if self.process is not None:
                self.kill9()
            text = self.log_text()
            print(text[-10_000:])  # shown by pytest when the test fails
        reports = [line for line in text.splitlines() if any(r in line for r in SANITIZER_REPORTS)]
        assert not reports, "\n".join(reports)

    # -- requests -----------------------------------------------------------------------------------

    def client(self):
        return Client(self.port, self.tls)

    def request(self, method, path, body=None, headers=None):
        with self.client() as client:
            return client.request(method, path, body, headers)

    def post(self, event, path=config.PATH, headers=None, chunked=False):
        with self.client() as client:
            return client.post(event, path, headers, chunked)

    def post_all(self, events, connections=4):
        """Posts over several connections at once; returns the answers in the order of the events."""
        answers = [None] * len(events)
        failures = []

        def work(first):
            try:
                with self.client() as client:
                    for index in range(first, len(events), connections):
                        answers[index] = client.post(events[index])
            except Exception as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return answers

    def raw(self, data, answers=1):
        """Sends bytes as they are; returns as many answers, in order, from the same connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            connection.sendall(data)
            reader = connection.makefile("rb")
            return [read_answer(reader) for _ in range(answers)]

    def admin_connection(self, method="GET", headers=None):
        """What looks goes over TCP, and what has a token or comes from a page; other changes over the socket."""
        if method in ("GET", "HEAD") or {"Authorization", "Origin", "Sec-Fetch-Site", "Host"} & set(headers or {}):
            return http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE_S)
        return LocalConnection(self.admin_socket)

    def admin(self, path, headers=None, method="GET", address=None):
        connection = self.admin_connection(method, headers)
        if address is not None:
            connection.host = address
        with Client(self.admin_port) as client:
            client.connection = connection
            return client.request(method, path, headers=headers)

    # -- what can be seen ---------------------------------------------------------------------------

    def metrics(self):
        answer = self.admin("/metrics")
        assert answer.status == 200, answer
        return Metrics(answer.body.decode())

    def metric(self, name, **labels):
        return self.metrics().sum(name, **labels)

    def wait_metric(self, name, value, timeout=PATIENCE_S, **labels):
        wait_until(lambda: self.metric(name, **labels) == value, f"{name}{labels} is {value}", timeout)

    def refused_attempts(self, target="app"):
        """Those that did not go well, whatever their deliveries came to."""
        metrics = self.metrics()
        return metrics.sum("attempts_total", target=target) - metrics.sum("attempts_total", target=target,
                                                                           result="2xx")

    def queued(self, target="app"):
        """Deliveries that are neither done nor dead."""
        depth = self.metrics().series("queue_depth", target=target)
        return sum(value for labels, value in depth.items() if ("state", "dead") not in labels)

    def wait_idle(self, target="app"):
        wait_until(lambda: self.queued(target) == 0, f"nothing waits for {target}")

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log(self, event=None, **fields):
        lines = [json.loads(line) for line in self.log_text().splitlines(keepends=True)
                 if line.startswith("{") and line.endswith("\n")]
        return [line for line in lines if (event is None or line["event"] == event)
                and all(line.get(name) == value for name, value in fields.items())]


def read_answer(reader):
    """http.client's parser, on a file that several answers share."""
    response = http.client.HTTPResponse(SharedFile(reader))
    response.begin()
    return Answer(response.status, response.headers, response.read())


class SharedFile:
    """Poses as a socket and as its file: HTTPResponse closes the file after each answer, but the next
    answer needs it."""

    def __init__(self, reader):
        self._reader = reader

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def makefile(self, *_):
        return self

    def close(self):
        pass


def client_tls(authority):
    return ssl.create_default_context(cafile=authority.certificate)
