# SPDX-License-Identifier: MIT
"""A receiver of Postal webhooks that keeps everything it got and misbehaves on demand."""

import json
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field

from waiting import PATIENCE_S

TLS_HANDSHAKE = b"\x16"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
EXCESS = b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Reply:
    """What a request is answered with. manner says how:

    answer  as HTTP wants it
    hang    never; the connection stays open
    reset   with a TCP reset instead of an answer
    close   with the end of the connection instead
    drip    a head, then one byte of the body at a time, without an end
    short   fewer bytes than Content-Length promises, then the end of the connection
    excess  more bytes than Content-Length promises, as if another answer followed
    cut     half of the body, then a TCP reset
    endless a body without an end, as fast as it is taken
    open    without a length: the end of the connection is the end of the body
    chunked the body in chunks of one byte, each on its own
    trickle such chunks without an end
    interim after a 100 and a 103
    waiting 100s without an end
    garbage something that is not HTTP
    raw     the body alone, as it is, then the end of the connection
    """

    status: int = 200
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    manner: str = "answer"
    delay: float = 0.0
    gate: threading.Event = None  # the answer waits until it is set


@dataclass
class Request:
    method: str
    path: str  # with the query, as sent
    headers: list  # (name, value) in the order and spelling of the wire
    body: bytes
    at: float  # time.monotonic()
    connection: int

    def header(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} was sent {len(values)} times"
        return values[0] if values else None

    @property
    def envelope(self):
        return json.loads(self.body)


class Receiver:
    def __init__(self, tls=None, listening=True):
        """tls: an ssl.SSLContext for servers. listening: without it, connections are refused until
        listen() is called, and the port is ours all the same."""
        self._tls = tls
        self._changed = threading.Condition()
        self._requests = []
        self._replies = {}
        self._in_flight = {}
        self._in_flight_max = {}
        self._connections = {}
        self._connection_count = 0
        self._closing = threading.Event()
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._listening = False
        if listening:
            self.listen()

    def listen_only(self, backlog=socket.SOMAXCONN):
        """Connections are taken by the system, but nobody ever reads from them."""
        self._listener.listen(backlog)
        self._listening = True

    def listen(self):
        self.listen_only()
        threading.Thread(target=self._accept, daemon=True).start()

    def use_certificate(self, certificate, key):
        """For the connections that come."""
        self._tls.load_cert_chain(certificate, key)

    def url(self, path="/postal", userinfo="", host="127.0.0.1"):
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{userinfo + '@' if userinfo else ''}{host}:{self.port}{path}"

    def answer(self, path, *replies):
        """The next requests for path get these, in turn; the last one stays.

        A reply may be a function of the request that returns one. Anything else gets 200.
        """
        with self._changed:
            self._replies[path] = list(replies)

    def requests(self, path=None):
        with self._changed:
            return [r for r in self._requests if path is None or r.path == path]

    def envelopes(self, path=None):
        return [request.envelope for request in self.requests(path)]

    def message_ids(self, path=None):
        """Of the messages that the envelopes are about, in the order of their arrival."""
        return [envelope["payload"]["message"]["message_id"] for envelope in self.envelopes(path)]

    def connections(self):
        with self._changed:
            return self._connection_count

    def in_flight(self, path):
        with self._changed:
            return self._in_flight.get(path, 0)

    def in_flight_max(self, path):
        with self._changed:
            return self._in_flight_max.get(path, 0)

    def wait_count(self, count, path=None, timeout=PATIENCE_S):
        """Waits until at least count requests have arrived; returns them."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = [r for r in self._requests if path is None or r.path == path]
                if len(found) >= count:
                    return found
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"{len(found)} of {count} requests for {path or 'any path'} "
                                         f"within {timeout:g} s")

    def wait_one(self, path=None, timeout=PATIENCE_S):
        return self.wait_count(1, path, timeout)[0]

    def close(self):
        if self._closing.is_set():
            return
        self._closing.set()
        if self._listening:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
        self._listener.close()
        self.hang_up()

    def hang_up(self):
        """Ends all connections, without a word of warning."""
        with self._changed:
            open_now = list(self._connections.values())
        for connection in open_now:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself

    def _accept(self):
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self._connection_count += 1
                number = self._connection_count
                self._connections[number] = connection
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._shake_hands(connection)
                with self._changed:
                    self._connections[number] = connection
            elif connection.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
                connection.sendall(b"HTTP/1.1 400 Not Here\r\nConnection: close\r\n\r\n")
                connection.close()
                return
            with connection, connection.makefile("rb") as reader:
                while (request := read_request(reader, number)) is not None:
                    if not self._handle(connection, request):
                        return
        except (OSError, ssl.SSLError):
            pass  # the other side has gone, or never wanted our certificate
        finally:
            with self._changed:
                del self._connections[number]

    def _shake_hands(self, connection):
        connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        try:
            connection.do_handshake()
        except ssl.SSLError:
            # A close with unread bytes would be a reset, and that may overtake the alert that says why.
            socket.socket.shutdown(connection, socket.SHUT_WR)
            while socket.socket.recv(connection, 4096):
                pass
            connection.close()
            raise
        return connection

    def _handle(self, connection, request):
        reply = self._arrived(request)
        try:
            if callable(reply):
                reply = reply(request)
            if reply.gate is not None:
                reply.gate.wait()
            if reply.delay:
                self._closing.wait(reply.delay)
            if reply.manner == "hang":
                connection.recv(1)
        finally:
            with self._changed:
                self._in_flight[request.path] -= 1
        return self._send(connection, reply)

    def _arrived(self, request):
        with self._changed:
            self._requests.append(request)
            now = self._in_flight.get(request.path, 0) + 1
            self._in_flight[request.path] = now
            self._in_flight_max[request.path] = max(now, self._in_flight_max.get(request.path, 0))
            replies = self._replies.get(request.path, [Reply()])
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            self._changed.notify_all()
            return reply

    def _send(self, connection, reply):
        """Returns whether the connection goes on."""
        match reply.manner:
            case "answer":
                connection.sendall(head(reply, len(reply.body)) + reply.body)
                return True
            case "interim":
                connection.sendall(INTERIM)
                connection.sendall(head(reply, len(reply.body)) + reply.body)
                return True
            case "chunked":
                connection.sendall(head(reply))
                for byte in reply.body:
                    connection.sendall(chunk(byte))
                connection.sendall(b"0\r\n\r\n")
                return True
            case "excess":
                connection.sendall(head(reply, len(reply.body)) + reply.body + EXCESS)
                return True
            case "short":
                connection.sendall(head(reply, len(reply.body) + 10) + reply.body)
            case "open":
                connection.sendall(head(reply, None) + reply.body)
            case "garbage":
                connection.sendall(b"\x16\x03 not HTTP at all\r\n\r\n")
            case "raw":
                connection.sendall(reply.body)
            case "close":
                pass
            case "reset":
                reset(connection)
            case "cut":
                connection.sendall(head(reply, 2 * len(reply.body)) + reply.body)
                reset(connection)
            case "drip":
                self._without_end(connection, head(reply, 1_000_000), b".", 0.05)
            case "trickle":
                self._without_end(connection, head(reply), chunk(ord(".")), 0.05)
            case "waiting":
                self._without_end(connection, b"", INTERIM, 0.05)
            case "endless":
                self._without_end(connection, head(reply, None), bytes(65536), 0)
        return False

    def _without_end(self, connection, begin, piece, pause):
        connection.sendall(begin)
        while not self._closing.wait(pause):
            connection.sendall(piece)


def server_tls(certificate, key, clients_of=None):
    """An ssl.SSLContext; clients_of: the authority without whose certificate no client is served."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients_of:
        context.load_verify_locations(clients_of.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def reset(connection):
    """What the end of the connection will be."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def chunk(byte):
    return b"1\r\n%c\r\n" % byte


CHUNKED = -1


def head(reply, size=CHUNKED):
    """size: of the body; CHUNKED, or None when nothing is said of it."""
    lines = [f"HTTP/1.1 {reply.status} Test"]
    if size is not None:
        lines.append("Transfer-Encoding: chunked" if size == CHUNKED else f"Content-Length: {size}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_request(reader, number):
    """None at the end of the connection."""
    line = reader.readline()
    if not line:
        return None
    method, path, _ = line.decode("latin-1").split()
    headers = []
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").rstrip("\r\n").partition(":")
        headers.append((name, value.strip()))
    size = int(dict((name.lower(), value) for name, value in headers).get("content-length", 0))
    body = reader.read(size)
    return Request(method, path, headers, body, time.monotonic(), number) if len(body) == size else None
