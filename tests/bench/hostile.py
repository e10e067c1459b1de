# SPDX-License-Identifier: MIT
"""A minute of each attack beside a healthy sender and a healthy target: how long their events take, and the memory
that the attack holds. The attacker works on the same cores as the gateway, and sends at most a few thousand pieces a
second: what is measured is what an attack takes from others, not how fast an attacker is."""

import socket
import threading
import time

from programs import PATH, PATH_OF_FEW, post

RATE = 1000  # events a second, of the healthy sender
SECONDS = 60
STOOD_STILL_US = 120_000_000  # what is reported when events do not arrive at all
CONNECTIONS = 64  # of an attack
PIECE = b"x" * 16384


class Attack:
    """Threads that go on until the with statement is left."""

    def __init__(self, *works):
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._repeat, args=(work,), daemon=True) for work in works]

    def _repeat(self, work):
        while not self.done.is_set():
            try:
                work(self.done)
            except OSError:
                pass  # cut off: that is what is wanted, and the attack begins anew
            self.done.wait(0.01)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=2)


def request(head, body=b""):
    return f"{head}\r\nHost: t\r\n".encode() + body


def never_reads(port):
    """Pipelines requests and never takes an answer."""
    pieces = request("GET /healthz HTTP/1.1", b"\r\n") * 500

    def work(done):
        with connect(port) as connection:
            while not done.is_set():
                connection.sendall(pieces)

    return [work] * CONNECTIONS


def too_large(port):
    """Announces what is refused at once, and leaves the connection to linger."""
    head = request(f"POST {PATH} HTTP/1.1", b"Content-Length: 99999999999\r\n\r\n")

    def work(done):
        connections = []
        while not done.is_set() and len(connections) < 16:
            connections.append(connect(port))
            connections[-1].sendall(head)
        done.wait(0.05)
        for connection in connections:
            connection.close()

    return [work] * 4


def many_values(port):
    """An authenticated source posts bodies of nothing but small values."""
    body = b'{"a":[' + b",".join([b"{}"] * 40_000) + b"]}"
    head = request(f"POST {PATH_OF_FEW} HTTP/1.1",
                   b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))

    def work(done):
        with connect(port) as connection:
            while not done.is_set():
                connection.sendall(head + body)
                if not connection.recv(65536):
                    return
                done.wait(0.005)

    return [work] * 2


def chunk_extensions(port):
    """A chunk whose head does not end."""
    head = request(f"POST {PATH} HTTP/1.1", b"Transfer-Encoding: chunked\r\n\r\n1;a=")

    def work(done):
        with connect(port) as connection:
            connection.sendall(head)
            while not done.is_set():
                connection.sendall(PIECE)
                done.wait(0.01)

    return [work] * CONNECTIONS


def forwarded_for(port):
    """As many addresses as a head can hold."""
    line = b"X-Forwarded-For: " + b"203.0.113.1, " * 300 + b"203.0.113.1\r\n"
    head = request("GET /nowhere HTTP/1.1", line * 90 + b"\r\n")

    def work(done):
        with connect(port) as connection:
            while not done.is_set():
                connection.sendall(head)
                if not connection.recv(65536):
                    return
                done.wait(0.01)

    return [work] * 4


class HostileReceiver:
    """Answers each request with a beginning, and then with pieces without an end."""

    def __init__(self, begin, piece):
        self.begin, self.piece = begin, piece
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(self.begin)
                while True:
                    connection.sendall(self.piece)
            except OSError:
                pass

    def close(self):
        self.listener.close()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
RECEIVERS = {
    "a receiver's trailers without an end": (CHUNKED + b"0\r\n", b"a: " + PIECE[:1000] + b"\r\n"),
    "a receiver's chunk extension without an end": (CHUNKED + b"1;", PIECE),
    "a receiver's interim answers without an end": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 50),
}
PROXIES = {
    "a proxy's refusal without an end": (b"HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + PIECE + b"\r\n"),
}
CLIENTS = {"a client that never reads": never_reads, "bodies far too large": too_large,
           "bodies of many values": many_values, "chunk extensions without an end": chunk_extensions,
           "addresses without an end": forwarded_for}


class PeakMemory:
    """The most that the gateway held meanwhile, looked at ten times a second."""

    def __init__(self, gateway):
        self.gateway, self.peak_mib, self.done = gateway, gateway.resident_mib(), threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self.done.wait(0.1):
            self.peak_mib = max(self.peak_mib, self.gateway.resident_mib())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def measure(run, name, works=None, receiver=None, more=""):
    """works: makes an attack of the gateway's port. receiver: what the second target's events meet."""
    url = f"http://127.0.0.1:{receiver.port}/hostile" if receiver else run.receiver.url("/slow-0")
    if "proxy" in more:
        url = "https://hostile.example/"
    targets = [("app", run.receiver.url(), 'sources = [ "bizmail" ];'),
               ("other", url, f'sources = [ "few" ]; retry = [ "1s" ]; breaker: {{ failures = 0; }}; {more}')]
    gateway = run.gateway(targets)
    seconds = run.count(SECONDS, 2)
    prefix = f"h{int(time.monotonic() * 1000):x}"
    few = threading.Thread(target=post, daemon=True,
                           args=(run.build, gateway.port, 20 * seconds, 4, 20, prefix, PATH_OF_FEW))
    try:
        idle_mib = gateway.resident_mib()
        few.start()
        with PeakMemory(gateway) as memory, Attack(*(works(gateway.port) if works else [])):
            try:
                result = run.through(gateway, RATE * seconds, 64, RATE)
            except AssertionError:  # it waited for two minutes
                result = {name: {"p99_us": STOOD_STILL_US} for name in ("sent", "received")}
        few.join(10)
    finally:
        gateway.stop()
    return {"attack": name, "ack_p99_ms": result["sent"]["p99_us"] / 1000,
            "event_p99_ms": result["received"]["p99_us"] / 1000, "held_mib": memory.peak_mib - idle_mib}


def hostile(run):
    """A minute of each attack beside a healthy sender (1,000 a second) and a healthy target."""
    rows = [measure(run, "none")]
    for name, works in CLIENTS.items():
        rows.append(measure(run, name, works))
    for name, answer in {**RECEIVERS, **PROXIES}.items():
        receiver = HostileReceiver(*answer)
        more = f'proxy = "http://127.0.0.1:{receiver.port}";' if name in PROXIES else ""
        try:
            rows.append(measure(run, name, receiver=receiver, more=more))
        finally:
            receiver.close()
    for row in rows:
        row["ratio_of_ack_p99"] = row["ack_p99_ms"] / rows[0]["ack_p99_ms"]
        row["ratio_of_event_p99"] = row["event_p99_ms"] / rows[0]["event_p99_ms"]
    return rows
