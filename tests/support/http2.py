# SPDX-License-Identifier: MIT
"""A client of HTTP/2 that sends any frame it is told to, and tells what came back. Heads are sent without
compression; of the heads that come only the status is read (RFC 7541 has both in a few lines)."""

import json
import socket
import ssl
import struct
from dataclasses import dataclass, field

from waiting import PATIENCE_S

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS = 4
INITIAL_WINDOW_SIZE = 4

NO_ERROR, PROTOCOL_ERROR = 0, 1
STREAM_CLOSED, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 5, 7, 8, 11

STATIC_STATUS = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
SHORT_DIGITS, LONG_DIGITS = {0: "0", 1: "1", 2: "2"}, {25 + i: str(3 + i) for i in range(7)}


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", {"window": INITIAL_WINDOW_SIZE}[name], value)
                                            for name, value in values.items()))


def text(value):
    """A string literal without Huffman's code."""
    data = value.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    size, rest = [127], len(data) - 127
    while rest >= 128:
        size.append(rest % 128 + 128)
        rest //= 128
    return bytes([*size, rest]) + data


def block(headers):
    """Each as a literal that nobody remembers."""
    return b"".join(b"\0" + text(name) + text(value) for name, value in headers)


def request(method="GET", path="/healthz", headers=()):
    return block([(":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost"), *headers])


def digits_of(data):
    bits = "".join(f"{byte:08b}" for byte in data)
    found = ""
    while len(found) < 3:
        if int(bits[:5], 2) in SHORT_DIGITS:
            found, bits = found + SHORT_DIGITS[int(bits[:5], 2)], bits[5:]
        else:
            found, bits = found + LONG_DIGITS[int(bits[:6], 2)], bits[6:]
    return found


def status_of(head):
    """It is the first of the fields: one of the table, or a value for a name of the table."""
    while head[0] & 0xe0 == 0x20:  # the table's size changes
        head = head[1:]
    if head[0] & 0x80:
        return STATIC_STATUS[head[0] & 0x7f]
    size, is_huffman = head[1] & 0x7f, head[1] & 0x80
    value = head[2:2 + size]
    return int(digits_of(value) if is_huffman else value)


@dataclass
class Stream:
    status: int = None
    interim: list = field(default_factory=list)
    body: bytes = b""
    is_whole: bool = False
    reset: int = None  # the code

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def result(self):
        return self.json.get("status")


class Connection:
    def __init__(self, port, window=None, receive_size=None):
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        plain = socket.socket()
        if receive_size is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_size)
        plain.settimeout(PATIENCE_S)
        plain.connect(("127.0.0.1", port))
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.streams = {}
        self.next_stream = 1
        self.goaway = None  # (last stream, code)
        self.pongs = 0
        self.is_over = False
        self.unread = b""
        self.send(PREFACE + (settings() if window is None else settings(window=window)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def try_send(self, data):
        """False once the other side has hung up."""
        try:
            self.send(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            return False
        return True

    def new(self):
        number = self.next_stream
        self.next_stream += 2
        self.streams[number] = Stream()
        return number

    def open(self, method="GET", path="/healthz", headers=(), end=True):
        stream = self.new()
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, request(method, path, headers)))
        return stream

    def data(self, stream, data, end=False):
        self.send(frame(DATA, END_STREAM if end else 0, stream, data))

    def reset(self, stream, code=CANCEL):
        self.send(frame(RST_STREAM, stream=stream, payload=struct.pack(">I", code)))

    def read_frame(self):
        """(kind, flags, stream, payload), or None at the end."""
        while len(self.unread) < 9 or len(self.unread) < 9 + int.from_bytes(self.unread[:3], "big"):
            try:
                piece = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError):
                piece = b""
            if not piece:
                self.is_over = True
                return None
            self.unread += piece
        size = int.from_bytes(self.unread[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self.unread[3:9])
        payload, self.unread = self.unread[9:9 + size], self.unread[9 + size:]
        return kind, flags, stream, payload

    def take_frame(self):
        """Notes what it says, and does what a client owes; returns it."""
        got = self.read_frame()
        if got is None:
            return None
        kind, flags, number, payload = got
        stream = self.streams.get(number, Stream())
        if kind == HEADERS:
            status = status_of(payload)
            if status < 200:
                stream.interim.append(status)
            else:
                stream.status = status
        elif kind == DATA:
            stream.body += payload
        elif kind == RST_STREAM and stream.reset is None:
            stream.reset = struct.unpack(">I", payload)[0]
        elif kind == GOAWAY:
            self.goaway = struct.unpack(">II", payload[:8])
        elif kind == PING and flags & ACK:
            self.pongs += 1
        elif kind == SETTINGS and not flags & ACK:
            self.try_send(frame(SETTINGS, ACK))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            stream.is_whole = True
        return got

    def wait(self, *numbers):
        """Until each of the streams is answered, or ended in another way; returns them."""
        while not self.is_over and not all(
                self.streams[number].is_whole or self.streams[number].reset is not None for number in numbers):
            self.take_frame()
        found = [self.streams[number] for number in numbers]
        return found[0] if len(found) == 1 else found

    def wait_reset(self, number):
        """Until the stream is ended by the other side; returns it."""
        while not self.is_over and self.streams[number].reset is None:
            self.take_frame()
        return self.streams[number]

    def wait_end(self):
        """Until the other side hangs up; a last word is in goaway."""
        while not self.is_over:
            self.take_frame()

    def ping(self):
        """Returns when the other side has taken everything up to here, and has done what follows from it."""
        for _ in range(2):
            before = self.pongs
            if self.try_send(frame(PING, payload=b"12345678")):
                while not self.is_over and self.pongs == before:
                    self.take_frame()

    def get(self, path="/healthz", method="GET", headers=()):
        return self.wait(self.open(method, path, headers))

    def post(self, event, path, headers):
        """In one go: head and body in one write."""
        body = json.dumps(event).encode() if isinstance(event, dict) else event
        stream = self.new()
        pieces = [body[at:at + 16384] for at in range(0, len(body), 16384)] or [b""]
        frames = [frame(DATA, 0, stream, piece) for piece in pieces[:-1]]
        self.send(b"".join([frame(HEADERS, END_HEADERS, stream, request("POST", path, headers)), *frames,
                            frame(DATA, END_STREAM, stream, pieces[-1])]))
        return self.wait(stream)
