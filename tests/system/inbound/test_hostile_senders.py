# SPDX-License-Identifier: MIT
"""Senders that mean it: they never read, drip, send bodies nobody asked for, or frame them in ways of their
own. What they hold is counted in connections, descriptors and bytes, never in time."""

import contextlib
import errno
import json
import os
import select
import shutil
import signal
import socket
import ssl

import events
import pytest
from keys import Authority
from repostal import read_answer
from settings import PATH, TOKEN, source
from waiting import wait_until

ADMIN_TOKEN = "admin-token"
ADMIN_CONNECTIONS_MAX = 64
PIPELINED_SIZE = 400_000
HEAD_SIZE = 390_000  # libh2o takes 417,792 bytes of a head
HEADS = 120
OTHER_DESCRIPTORS = 16  # the store's, the targets', and those that come and go
AUTHORIZED = f"Authorization: Bearer {TOKEN}\r\n"
WRONG = "Authorization: Bearer wrong\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
HUGE = "Content-Length: 99999999999\r\n"


def head(*headers, method="POST", path=PATH, version="1.1"):
    return f"{method} {path} HTTP/{version}\r\nHost: t\r\n{''.join(headers)}\r\n".encode()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=90)


def answers_of(connection):
    """The statuses of all answers up to the end of the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def exchange(port, *pieces):
    """All answers to these bytes; the connection has to end by itself."""
    with connect(port) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return answers_of(connection)


def healthy(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(head("Connection: close\r\n", method="GET", path="/healthz"))
            return b"200 OK" in connection.recv(65536)
    except OSError:
        return False


# -- a deadline for every state of a connection -----------------------------------------------------


class Deaf:
    """Pipelines requests, and never reads an answer."""

    def __init__(self, port, request):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.left = request * (PIPELINED_SIZE // len(request) + 1)

    def shout(self):
        """Sends what the other side still takes; true once it has hung up, or has taken everything."""
        try:
            while self.left:
                self.left = self.left[self.socket.send(self.left):]
        except BlockingIOError:
            pass
        except OSError as error:
            assert error.errno in (errno.ECONNRESET, errno.EPIPE), error
            return True
        return not self.left or self.hung_up()

    def hung_up(self):
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP)
        return bool(poll.poll(0))


@pytest.mark.parametrize("path", ["/healthz", "/nowhere"])
def test_clients_that_never_read_do_not_hold_the_listener(start_gateway, path):
    gateway = start_gateway(listen={"max_connections": 16, "request_timeout": "1s"})
    crowd = [Deaf(gateway.port, head(method="GET", path=path)) for _ in range(16)]
    for deaf in crowd:
        deaf.shout()
    wait_until(lambda: all([deaf.shout() for deaf in crowd]), "each is cut off, or was served")
    wait_until(lambda: gateway.metric("repostal_connections") == 0, "none of them is left")
    wait_until(lambda: healthy(gateway.port), "the listener answers again")
    assert gateway.post(events.delivered()).result == "accepted"


def test_clients_that_never_read_do_not_hold_the_admin_listener(start_gateway):
    gateway = start_gateway(listen={"request_timeout": "1s"}, admin={"token": ADMIN_TOKEN})
    request = head(method="GET", path="/api/v1/targets")
    crowd = [Deaf(gateway.admin_port, request) for _ in range(ADMIN_CONNECTIONS_MAX)]
    for deaf in crowd:
        deaf.shout()
    wait_until(lambda: all([deaf.shout() for deaf in crowd]), "each is cut off, or was served")
    wait_until(lambda: healthy(gateway.admin_port), "the listener answers again")


def test_a_handshake_that_does_not_come_has_an_end(start_gateway, tmp_path):
    certificate, key = Authority(tmp_path).issue("gateway")
    gateway = start_gateway(
        listen={"request_timeout": "1s", "tls": {"certificate": str(certificate), "key": str(key)}})
    for sent in (b"", b"\x16\x03\x01\x02\x00\x01\x00"):
        with connect(gateway.port) as connection:
            connection.sendall(sent)
            assert answers_of(connection) == []


def test_certificates_may_change_before_the_handshake(start_gateway, tmp_path):
    """The connection was accepted under the old one, which nobody else needs by then."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("gateway")
    listener = {"tls": {"certificate": str(certificate), "key": str(key)}}
    gateway = start_gateway(listen=listener)
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with connect(gateway.port) as connection:
        wait_until(lambda: gateway.metric("repostal_connections") == 1, "it is accepted")
        for file, fresh in zip((certificate, key), authority.issue("again")):
            shutil.copy(fresh, file)
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.log("gateway.reloaded"), "the certificate is read again")
        with context.wrap_socket(connection, server_hostname="localhost") as tls:
            tls.sendall(head("Connection: close\r\n", method="GET", path="/healthz"))
            assert answers_of(tls) == [200]


# -- one count for whatever holds a descriptor ------------------------------------------------------


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def test_those_who_are_refused_count_as_connections(start_gateway):
    """They keep sending, and keep the connection: the answer would be lost if it were closed at once."""
    gateway = start_gateway(listen={"max_connections": 16})
    before = descriptors(gateway)
    with contextlib.ExitStack() as stack:
        for count in range(200):
            connection = stack.enter_context(connect(gateway.port))
            connection.sendall(head(AUTHORIZED, HUGE) + b"x" * 1000)
            reader = stack.enter_context(connection.makefile("rb"))
            assert read_answer(reader).status == 413
            assert descriptors(gateway) <= before + 16 + OTHER_DESCRIPTORS, f"after {count}"
        assert healthy(gateway.port), "and leave room for others"
        assert gateway.metric("repostal_connections") <= 16
    wait_until(lambda: gateway.metric("repostal_connections") == 0, "they are gone")


def test_a_refused_sender_gets_to_read_the_answer(gateway):
    """A body of ten times what the sockets hold is on its way."""
    with connect(gateway.port) as connection:
        connection.sendall(head(AUTHORIZED, HUGE))
        for _ in range(100):
            connection.sendall(b"x" * 100_000)
        assert read_answer(connection.makefile("rb")).status == 413


class Endless(Deaf):
    """A head without an end."""

    def __init__(self, port):
        super().__init__(port, b"X: " + b"a" * 4000 + b"\r\n")
        self.left = b"GET /healthz HTTP/1.1\r\nHost: t\r\n" + self.left[:HEAD_SIZE]


def test_heads_share_one_budget(start_gateway):
    """Each is shorter than libh2o's limit, and none is late: what ends them is what they hold together."""
    gateway = start_gateway(listen={"request_timeout": "10m"})
    crowd = [Endless(gateway.port) for _ in range(HEADS)]
    wait_until(lambda: all([endless.shout() for endless in crowd]), "each has sent what it could")
    wait_until(lambda: gateway.metric("repostal_connections") <= HEADS // 2, "most of them are cut off")
    padding = "X: " + "a" * 10_000 + "\r\n"
    (answer,) = gateway.raw(head(padding, method="GET", path="/healthz"))
    assert answer.status == 200, "an ordinary one has its own share"
    for endless in crowd:
        endless.socket.close()
    wait_until(lambda: gateway.metric("repostal_connections") == 0, "they are gone")
    (answer,) = gateway.raw(head(padding * 30, method="GET", path="/healthz"))
    assert answer.status == 200, "and what they held is given back"


# -- no body of those who are refused anyway --------------------------------------------------------


@pytest.mark.parametrize("body", ["Content-Length: 1000\r\n", CHUNKED,
                                  "Content-Length: 1000\r\nExpect: 100-continue\r\n"])
@pytest.mark.parametrize("headers, method, path, status", [
    (WRONG, "POST", PATH, 401),
    ("", "POST", PATH, 401),
    ("", "POST", f"{PATH}?token=wrong", 401),
    ("", "POST", f"{PATH}/wrong", 401),
    ("Authorization: Basic dXNlcjp3cm9uZw==\r\n", "POST", "/basic", 401),
    (AUTHORIZED, "POST", "/elsewhere", 403),
    (AUTHORIZED, "POST", "/nowhere", 404),
    (AUTHORIZED, "PUT", PATH, 405),
])
def test_a_refusal_does_not_wait_for_the_body(start_gateway, headers, method, path, status, body):
    gateway = start_gateway(sources=[
        source(),
        source("basic", "/basic", auth={"basic": "user:secret"}),
        source("elsewhere", "/elsewhere", auth={"token": TOKEN, "allow": ["203.0.113.0/24"]}),
    ])
    with connect(gateway.port) as connection:
        connection.sendall(head(headers, body, method=method, path=path))
        answer = read_answer(connection.makefile("rb"))
        assert answer.status == status
        assert answer.headers["Connection"] == "close"
        assert answer.json["errors"]
    assert gateway.metric("requests_rejected_total") == 1


@pytest.mark.parametrize("admin, headers, status", [
    ({"token": ADMIN_TOKEN}, WRONG, 401),
    ({"token": ADMIN_TOKEN}, "", 401),
    ({"read_token": ADMIN_TOKEN}, f"Authorization: Bearer {ADMIN_TOKEN}\r\n", 403),
    ({}, "", 403),
])
def test_the_admin_listener_does_not_wait_for_a_body_either(start_gateway, admin, headers, status):
    gateway = start_gateway(admin=admin)
    with connect(gateway.admin_port) as connection:
        connection.sendall(head(headers, "Content-Type: application/json\r\n", "Content-Length: 1000\r\n",
                                path="/api/v1/targets/app/pause"))
        answer = read_answer(connection.makefile("rb"))
        assert answer.status == status
        assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("path, headers", [(PATH, AUTHORIZED), (f"{PATH}?token={TOKEN}", ""),
                                           (f"{PATH}/{TOKEN}", "")])
def test_whoever_may_post_sends_head_and_body_apart(gateway, path, headers):
    body = json.dumps(events.delivered()).encode()
    with connect(gateway.port) as connection:
        reader = connection.makefile("rb")
        for framed, length in ((body, f"Content-Length: {len(body)}\r\n"),
                               (b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), CHUNKED)):
            connection.sendall(head(headers, length, "Expect: 100-continue\r\n",
                                    "Content-Type: application/json\r\n", path=path))
            assert reader.readline().startswith(b"HTTP/1.1 100"), "the head has arrived"
            assert reader.readline() == b"\r\n"
            for at in range(0, len(framed), 50):
                connection.sendall(framed[at:at + 50])
            assert read_answer(reader).result in ("accepted", "duplicate")


def test_a_refused_body_behind_another_request(gateway):
    body = json.dumps(events.delivered()).encode()
    first = head(AUTHORIZED, f"Content-Length: {len(body)}\r\n", "Content-Type: application/json\r\n") + body
    assert exchange(gateway.port, first + head(WRONG, "Content-Length: 1000\r\n")) == [200, 401]
    wait_until(lambda: gateway.metric("repostal_connections") == 0, "the connection is gone")


def test_a_small_refused_body_costs_no_connection(gateway):
    """It came with its head: there is nothing to wait for."""
    request = head(WRONG, "Content-Length: 5\r\n") + b"abcde"
    answers = gateway.raw(request * 3, answers=3)
    assert [answer.status for answer in answers] == [401] * 3


def test_no_body_is_taken_that_is_announced_too_large(start_gateway):
    gateway = start_gateway(listen={"max_body": "16KiB"})
    assert exchange(gateway.port, head(AUTHORIZED, CHUNKED) + b"4001\r\n") == [413]
    with connect(gateway.port) as connection:
        reader = connection.makefile("rb")
        begin_chunks(connection, reader)
        connection.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n1\r\n")
        assert read_answer(reader).status == 413
    fits = json.dumps(events.delivered()).encode()
    fits += b" " * (0x4000 - len(fits))
    assert gateway.post(fits).result == "accepted", "all of the limit may be used"


# -- one way to frame a body ------------------------------------------------------------------------

BAD_CHUNKS = {
    "a prefix": b"0x2\r\nab\r\n0\r\n\r\n",
    "a plus": b"+2\r\nab\r\n0\r\n\r\n",
    "a minus": b"-2\r\nab\r\n0\r\n\r\n",
    "a space in front": b" 2\r\nab\r\n0\r\n\r\n",
    "a space behind": b"2 \r\nab\r\n0\r\n\r\n",
    "a tab behind": b"2\t\r\nab\r\n0\r\n\r\n",
    "two sizes": b"2 2\r\nab\r\n0\r\n\r\n",
    "no size": b"\r\nab\r\n0\r\n\r\n",
    "no digit": b"g\r\nab\r\n0\r\n\r\n",
    "too long": b"00000000000000002\r\nab\r\n0\r\n\r\n",
    "a line feed alone": b"2\nab\r\n0\r\n\r\n",
    "two carriage returns": b"2\r\r\nab\r\n0\r\n\r\n",
    "data too long": b"2\r\nabc\r\n0\r\n\r\n",
    "data and a line feed alone": b"2\r\nab\n0\r\n\r\n",
    "a control character": b"2;\x01\r\nab\r\n0\r\n\r\n",
    "a trailer that is none": b"0\r\nabc\r\n\r\n",
    "a folded trailer": b"0\r\na: b\r\n c\r\n\r\n",
    "an end with a line feed alone": b"0\r\n\n",
}


def begin_chunks(connection, reader):
    """Returns when libh2o has taken the head and waits for the body."""
    connection.sendall(head(AUTHORIZED, CHUNKED, "Expect: 100-continue\r\n",
                            "Content-Type: application/json\r\n"))
    assert reader.readline().startswith(b"HTTP/1.1 100")
    assert reader.readline() == b"\r\n"


@pytest.mark.parametrize("chunks", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunks_are_refused_and_are_the_last(gateway, chunks):
    smuggled = head(method="GET", path="/healthz")
    assert exchange(gateway.port, head(AUTHORIZED, CHUNKED) + chunks + smuggled) == [400]
    with connect(gateway.port) as connection:
        reader = connection.makefile("rb")
        begin_chunks(connection, reader)
        connection.sendall(chunks + smuggled)
        answer = read_answer(reader)
        assert answer.status == 400 and answer.json["errors"]
        assert reader.read() == b"", "and the connection ends"
    assert gateway.metric("events_received_total") == 0


@pytest.mark.parametrize("lines", ["", "Host: a/b\r\n", "Host: a b\r\n", "Host: a\r\nHost: b\r\n"])
def test_a_request_names_one_host(gateway, lines):
    request = f"GET /healthz HTTP/1.1\r\n{lines}\r\n".encode()
    assert exchange(gateway.port, request + head(method="GET", path="/healthz")) == [400]


def test_http_1_0_needs_no_host(gateway):
    assert exchange(gateway.port, b"GET /healthz HTTP/1.0\r\n\r\n") == [200]


def test_a_body_without_an_end_is_cut_by_its_bytes(gateway):
    """Of the source itself: extensions and trailers are no body, and are bounded all the same."""
    for begin, again in ((b"1;", b"a" * 1000), (b"0\r\n", b"a: b\r\n" * 200), (b"0\r\na: ", b"b" * 1000)):
        with connect(gateway.port) as connection:
            reader = connection.makefile("rb")
            begin_chunks(connection, reader)
            connection.sendall(begin + again * 20)
            assert read_answer(reader).status == 400, begin
    extension = b";" + b"a" * 8000
    body = json.dumps(events.delivered()).encode()
    with connect(gateway.port) as connection:
        reader = connection.makefile("rb")
        begin_chunks(connection, reader)
        connection.sendall(b"%x%s\r\n%s\r\n0\r\n\r\n" % (len(body), extension, body))
        assert read_answer(reader).result == "accepted", "what is moderate is taken"


# -- other protocols --------------------------------------------------------------------------------


@pytest.mark.parametrize("connection, answers", [("Upgrade", [200]), ("keep-alive, Upgrade", [200, 200])])
def test_no_other_protocol_is_changed_to(gateway, connection, answers):
    """What follows stays HTTP/1, or is not read at all."""
    wish = f"Connection: {connection}\r\nUpgrade: websocket\r\n"
    follows = head("Connection: close\r\n", method="GET", path="/healthz")
    assert exchange(gateway.port, head(wish, method="GET", path="/healthz") + follows) == answers
    assert healthy(gateway.port)


def test_an_upgrade_does_not_keep_a_body_from_being_read(gateway):
    body = json.dumps(events.delivered()).encode()
    request = head(AUTHORIZED, "Content-Type: application/json\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
                   f"Content-Length: {len(body)}\r\n") + body
    (answer,) = gateway.raw(request)
    assert answer.result == "accepted"


@pytest.mark.parametrize("method, target", [("CONNECT", "t:80"), ("CONNECT", "/"), ("CONNECT-UDP", "/")])
def test_there_are_no_tunnels(start_gateway, tmp_path, method, target):
    certificate, key = Authority(tmp_path).issue("gateway")
    gateway = start_gateway(listen={"tls": {"certificate": str(certificate), "key": str(key)}})
    context = ssl._create_unverified_context()
    request = f"{method} {target} HTTP/1.1\r\nHost: t:80\r\n\r\n".encode()
    with context.wrap_socket(connect(gateway.port)) as tls:
        tls.sendall(request + head("Connection: close\r\n", method="GET", path="/healthz"))
        first, *rest = answers_of(tls)
    assert first in (400, 404, 405) and rest in ([], [200]), "nothing of it is tunnelled"
    wait_until(lambda: gateway.metric("repostal_connections") == 0, "the connection is gone")


# -- addresses --------------------------------------------------------------------------------------


def test_many_forwarded_addresses_are_one_list_read_from_its_end(start_gateway):
    gateway = start_gateway(listen={"trusted_proxies": ["127.0.0.0/8"]},
                            sources=[source(auth={"token": TOKEN, "allow": ["203.0.113.0/24"]})])
    many = "".join(f"X-Forwarded-For: {'127.0.0.2, ' * 360}127.0.0.2\r\n" for _ in range(90))
    near = many + "X-Forwarded-For: 203.0.113.9, 127.0.0.3\r\n"
    far = "X-Forwarded-For: 203.0.113.9\r\n" + many
    for lines, status in ((near, 415), (far, 403), (many, 403)):
        (answer,) = gateway.raw(head(AUTHORIZED, lines, "Content-Length: 1\r\n", "Content-Type: a/b\r\n") + b"x")
        assert answer.status == status
    (line, *_) = wait_until(lambda: gateway.log("request.rejected", reason="forbidden"), "the refusal is logged")
    assert line["address"] == "127.0.0.2", "the last that a proxy was asked about"
