# SPDX-License-Identifier: MIT
"""HTTP/2, where libh2o can: what holds for a connection of HTTP/1 holds for each stream."""

import contextlib
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor

import events
import http2
import pytest
from http2 import CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame
from keys import Authority
from repostal import BINARY
from settings import PATH, TOKEN, source
from waiting import wait_until

LIBRARY = re.search(r"^libh2o +(.*)$", subprocess.run([BINARY, "version"], capture_output=True, text=True).stdout,
                    re.M)[1]
pytestmark = pytest.mark.skipif(LIBRARY.startswith("2.2."), reason=f"libh2o {LIBRARY} has no HTTP/2")

BEARER = ("authorization", f"Bearer {TOKEN}")
JSON = ("content-type", "application/json")
WRONG = ("authorization", "Bearer wrong")
HEAD = [BEARER, JSON]
MIB = 1 << 20
HEAD_MAX = 64 * 1024
RESIDENT_MAX_BYTES = 64 << 20


@pytest.fixture
def start_tls(start_gateway, tmp_path):
    certificate, key = Authority(tmp_path).issue("gateway")

    def start(listen=None, **changes):
        files = {"tls": {"certificate": str(certificate), "key": str(key)}}
        gateway = start_gateway(listen=files | (listen or {}), **changes)
        gateway.tls = ssl._create_unverified_context()
        return gateway

    return start


@pytest.fixture
def gateway(start_tls):
    return start_tls()


def connect(gateway, **options):
    return http2.Connection(gateway.port, **options)


def body_of(event):
    return json.dumps(event).encode()


def chosen(gateway, *offered):
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(offered)
    with gateway_socket(gateway, context) as tls:
        return tls.selected_alpn_protocol()


@contextlib.contextmanager
def gateway_socket(gateway, context):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=90) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            yield tls


@contextlib.contextmanager
def held_commits(gateway):
    """Somebody else writes to the store: answers have to wait, for a second at most."""
    with contextlib.closing(sqlite3.connect(gateway.settings["store"]["path"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def arrived(receiver):
    return {envelope["payload"]["message"]["message_id"] for envelope in receiver.envelopes()}


def connections(gateway):
    return gateway.metric("repostal_connections")


# -- what is spoken ---------------------------------------------------------------------------------


@pytest.mark.smoke
def test_an_event_is_accepted_and_delivered(gateway, receiver):
    event = events.delivered()
    with connect(gateway) as connection:
        answer = connection.post(event, PATH, HEAD)
        assert (answer.status, answer.result) == (200, "accepted")
        assert connection.post(event, PATH, HEAD).result == "duplicate"
        assert connection.post(events.delivered(), f"{PATH}?token={TOKEN}", [JSON]).result == "accepted"
        assert connection.post(events.delivered(), f"{PATH}/{TOKEN}", [JSON]).result == "accepted"
    wait_until(lambda: event["id"] in arrived(receiver), "it is delivered")


def test_other_paths_and_methods(gateway):
    with connect(gateway) as connection:
        assert connection.get().json == {"status": "ok"}
        answer = connection.get(method="HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert connection.get("/.well-known/jwks.json").json["keys"]
        assert connection.get("/nowhere").status == 404
        assert connection.get(PATH).status == 405


@pytest.mark.parametrize("offered, wanted", [(("h2", "http/1.1"), "h2"), (("http/1.1", "h2"), "h2"),
                                             (("http/1.1",), "http/1.1"), (("h3",), None)])
def test_the_client_chooses_among_what_it_knows(gateway, offered, wanted):
    assert chosen(gateway, *offered) == wanted


def test_it_can_be_switched_off_and_on_by_a_reload(start_tls):
    gateway = start_tls({"http2": False})
    assert chosen(gateway, "h2", "http/1.1") is None
    assert gateway.post(events.delivered()).result == "accepted", "HTTP/1.1 is spoken all the same"
    for http2_is_on, wanted in ((True, "h2"), (False, None)):
        gateway.configure(gateway.settings | {"listen": gateway.settings["listen"] | {"http2": http2_is_on}})
        reloads = len(gateway.log("gateway.reloaded"))
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: len(gateway.log("gateway.reloaded")) > reloads, "it is reloaded")
        assert chosen(gateway, "h2", "http/1.1") == wanted


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
@pytest.mark.parametrize("protocol", ["--http2", "--http1.1"])
def test_curl(gateway, protocol):
    result = subprocess.run(
        ["curl", "-sk", protocol, "-d", "@-", "-H", "Content-Type: application/json", "-H",
         f"Authorization: Bearer {TOKEN}", "-w", " %{http_version} %{http_code}", f"https://127.0.0.1:{gateway.port}{PATH}"],
        input=body_of(events.delivered()), capture_output=True)
    body, version, code = result.stdout.decode().rsplit(" ", 2)
    assert (result.returncode, json.loads(body)["status"], code) == (0, "accepted", "200"), result.stderr
    assert version == ("2" if protocol == "--http2" else "1.1")


@pytest.mark.skipif(shutil.which("h2load") is None, reason="no h2load (nghttp2-client)")
def test_many_requests_at_once(start_tls, tmp_path):
    """h2load counts; each event is another, for its id is in the query."""
    gateway = start_tls()
    (tmp_path / "body").write_bytes(body_of(events.delivered()))
    result = subprocess.run(
        ["h2load", "-n", "3000", "-c", "5", "-m", "50", "-d", tmp_path / "body", "-H", "content-type: application/json",
         "-H", f"authorization: Bearer {TOKEN}", f"https://127.0.0.1:{gateway.port}{PATH}"],
        capture_output=True, text=True, timeout=500)
    assert re.search(r"3000 done, 3000 succeeded, 0 failed", result.stdout), result.stdout + result.stderr
    assert gateway.metric("request_duration_seconds_count", listener="public", code="200") == 3000
    wait_until(lambda: connections(gateway) == 0, "they are gone")


def test_streams_are_answered_in_any_order(gateway):
    """One waits for its commit, others of the same connection do not."""
    with connect(gateway) as connection:
        order = []
        with held_commits(gateway):
            first = connection.open("POST", PATH, HEAD, end=False)
            connection.data(first, body_of(events.delivered()), end=True)
            second = connection.open()
            while not (connection.streams[first].is_whole and connection.streams[second].is_whole):
                _, flags, number, _ = connection.take_frame()
                order += [number] if number and flags & END_STREAM else []
        assert order == [second, first], "in the end the commit fails, or not"
        assert connection.streams[first].status in (200, 503)


@pytest.mark.parametrize("size", [1, 1000, 16384])
def test_a_body_comes_in_pieces(gateway, size):
    event = events.bounce()
    body = body_of(event) + b" " * 40_000
    with connect(gateway) as connection:
        stream = connection.open("POST", PATH, HEAD, end=False)
        for at in range(0, len(body), size) if size > 1 else range(200):
            connection.data(stream, body[at:at + size])
        if size == 1:
            connection.data(stream, body[200:16_000])
        connection.data(stream, b"", end=True)
        assert connection.wait(stream).result == "accepted"


def test_trailers_end_a_body(gateway):
    with connect(gateway) as connection:
        stream = connection.open("POST", PATH, HEAD, end=False)
        connection.data(stream, body_of(events.delivered()))
        connection.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, http2.block([("x-checksum", "1")])))
        assert connection.wait(stream).result == "accepted"


# -- refusals ---------------------------------------------------------------------------------------


REFUSALS = [
    ([WRONG], "POST", PATH, 401),
    ([], "POST", PATH, 401),
    ([], "POST", f"{PATH}?token=wrong", 401),
    ([], "POST", f"{PATH}/wrong", 401),
    ([("authorization", "Basic dXNlcjp3cm9uZw==")], "POST", "/basic", 401),
    ([BEARER], "POST", "/elsewhere", 403),
    ([BEARER], "POST", "/nowhere", 404),
    ([BEARER], "PUT", PATH, 405),
]


@pytest.fixture
def guarded(start_tls):
    return start_tls(sources=[
        source(),
        source("basic", "/basic", auth={"basic": "user:secret"}),
        source("elsewhere", "/elsewhere", auth={"token": TOKEN, "allow": ["203.0.113.0/24"]}),
    ])


@pytest.mark.parametrize("headers, method, path, status", REFUSALS)
def test_a_refusal_does_not_wait_for_the_body(guarded, headers, method, path, status):
    """It comes with the first of the body; the stream ends, others of its connection go on."""
    with connect(guarded) as connection:
        stream = connection.open(method, path, [*headers, ("content-length", "50000")], end=False)
        connection.data(stream, b"x")
        answer = connection.wait_reset(stream)
        assert (answer.status, answer.is_whole) == (status, True)
        assert answer.json["errors"] and answer.reset == http2.NO_ERROR, "no error: the answer counts"
        assert connection.get().status == 200
    assert guarded.metric("requests_rejected_total") == 1


def test_whoever_asks_may_send_the_body(gateway):
    with connect(gateway) as connection:
        stream = connection.open("POST", PATH, [*HEAD, ("expect", "100-continue")], end=False)
        while not connection.streams[stream].interim:
            connection.take_frame()
        assert connection.streams[stream].interim == [100]
        connection.data(stream, body_of(events.delivered()), end=True)
        assert connection.wait(stream).result == "accepted"


def test_whoever_asks_without_a_body_harms_nobody(gateway):
    with connect(gateway) as connection:
        stream = connection.open("POST", PATH, [*HEAD, ("expect", "100-continue")])
        connection.data(stream, b"x")
        assert connection.wait(stream).reset in (None, http2.STREAM_CLOSED)
        assert connection.get().status == 200


def test_a_refused_sender_gets_to_read_the_answer(gateway):
    """All that the stream's window lets through is on its way, or comes after the answer."""
    with connect(gateway) as connection:
        streams = []
        for _ in range(20):
            stream = connection.open("POST", PATH, [WRONG], end=False)
            connection.send(b"".join(frame(http2.DATA, 0, stream, b"x" * 16_000) for _ in range(4)))
            streams.append(stream)
        for answer in connection.wait(*streams):
            assert (answer.status, answer.is_whole) == (401, True)


def test_a_refused_body_may_end_by_itself(gateway):
    with connect(gateway) as connection:
        for _ in range(20):
            stream = connection.open("POST", PATH, [WRONG], end=False)
            connection.data(stream, b"x")
            connection.try_send(frame(http2.DATA, END_STREAM, stream, b"y"))
            assert connection.wait(stream).status == 401
        connection.ping()
        assert connections(gateway) == 1, "no stream is left"


def test_no_body_is_taken_that_is_too_large(start_tls):
    gateway = start_tls({"max_body": "16KiB"})
    with connect(gateway) as connection:
        announced = connection.open("POST", PATH, [*HEAD, ("content-length", "16385")], end=False)
        connection.data(announced, b"x")
        assert connection.wait(announced).status == 413
        counted = connection.open("POST", PATH, HEAD, end=False)
        connection.data(counted, b"x" * 16_000)
        connection.data(counted, b"x" * 385)
        assert connection.wait(counted).status == 413
        fits = body_of(events.delivered())
        assert connection.post(fits + b" " * (16_384 - len(fits)), PATH, HEAD).result == "accepted"
        assert connection.post(b" " * 16_385, PATH, HEAD).status == 413


@pytest.mark.parametrize("length", ["3", "5"])
def test_a_wrong_length_is_an_error(gateway, length):
    with connect(gateway) as connection:
        stream = connection.open("POST", PATH, [*HEAD, ("content-length", length)], end=False)
        connection.data(stream, b"{}  ", end=True)
        assert connection.wait(stream).reset == http2.PROTOCOL_ERROR
        assert connection.get().status == 200
    assert gateway.metric("events_received_total") == 0


def test_what_libh2o_refuses_looks_like_ours(gateway):
    with connect(gateway) as connection:
        answer = connection.get(headers=[("x-bell", "\7")])
        assert (answer.status, answer.json["errors"][0]["location"]) == (400, "headers")
        answer = connection.get(headers=[(f"x-{number}", "a") for number in range(101)])
        assert answer.status == 400 and answer.json["errors"]
        stream = connection.open("POST", PATH, [*HEAD, ("expect", "a miracle")], end=False)
        assert connection.wait(stream).status == 417
        assert connection.get().status == 200
    assert gateway.metric("request_duration_seconds_count", listener="public", code="400") == 2


@pytest.mark.parametrize("fields", [
    [(":method", "CONNECT"), (":authority", "t:80")],
    [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/healthz"),
     (":authority", "t")],
    [(":method", "CONNECT-UDP"), (":scheme", "https"), (":path", "/"), (":authority", "t")],
])
def test_there_are_no_tunnels(gateway, fields):
    with connect(gateway) as connection:
        stream = connection.new()
        connection.send(frame(HEADERS, END_HEADERS, stream, http2.block(fields)))
        connection.data(stream, b"x" * 100)
        assert connection.wait(stream).status in (400, 404, 405)
        assert connection.get().status == 200
    wait_until(lambda: connections(gateway) == 0, "nothing is left")


# -- deadlines --------------------------------------------------------------------------------------


def test_streams_that_do_not_get_on_are_ended(start_tls):
    """The others of their connection are served meanwhile, and afterwards."""
    gateway = start_tls({"request_timeout": "1s"})
    with connect(gateway) as connection:
        silent = connection.open("POST", PATH, HEAD, end=False)
        slow = connection.open("POST", PATH, HEAD, end=False)
        connection.data(slow, b"{")
        while connection.streams[slow].reset is None or connection.streams[silent].reset is None:
            if connection.streams[slow].reset is None:
                connection.data(slow, b" ")
            assert connection.get().status == 200
        assert connection.streams[silent].status is None and connection.streams[slow].status is None
        assert {connection.streams[silent].reset, connection.streams[slow].reset} == {http2.CANCEL}
        assert connection.get().status == 200
        assert connections(gateway) == 1


def test_an_answer_that_is_not_taken_is_ended(start_tls):
    """Its window stays shut."""
    gateway = start_tls({"request_timeout": "1s"})
    with connect(gateway, window=0) as connection:
        stream = connection.open()
        assert connection.wait_reset(stream).reset == http2.CANCEL
        assert connection.streams[stream].status == 200 and connection.streams[stream].body == b""
        stream = connection.open()
        connection.send(frame(WINDOW_UPDATE, stream=stream, payload=struct.pack(">I", 1000)))
        assert connection.wait(stream).json == {"status": "ok"}, "the next one is, when it is taken"


@pytest.mark.parametrize("sends", ["nothing", "pings", "half a head"])
def test_a_connection_without_a_request_has_an_end(start_tls, sends):
    gateway = start_tls({"request_timeout": "1s"})
    with connect(gateway) as connection:
        assert connection.get().status == 200
        if sends == "half a head":
            connection.send(frame(HEADERS, END_STREAM, connection.new(), http2.request()[:5]))
        while not connection.is_over:
            if sends == "pings":
                connection.try_send(frame(PING, payload=b"12345678"))
            if connection.take_frame() is not None and connection.goaway is not None:
                break
    wait_until(lambda: connections(gateway) == 0, "it is gone")


def test_clients_that_never_read_do_not_hold_the_listener(start_tls):
    gateway = start_tls({"max_connections": 8, "request_timeout": "1s"})
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connect(gateway, receive_size=4096, window=2**31 - 1)) for _ in range(4)]
        for deaf in crowd:
            deaf.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError):
                for _ in range(2000):
                    deaf.open(path="/.well-known/jwks.json")
        wait_until(lambda: connections(gateway) == 0, "each is cut off")
    assert gateway.post(events.delivered()).result == "accepted"


# -- one count --------------------------------------------------------------------------------------


def test_streams_count_as_connections_do(start_tls):
    gateway = start_tls({"max_connections": 16, "threads": 1})
    with connect(gateway) as first, connect(gateway) as second:
        waiting = [first.open("POST", PATH, HEAD, end=False) for _ in range(20)]
        first.ping()
        refused = [stream for stream in waiting if first.streams[stream].reset is not None]
        assert len(refused) == 5, "fifteen and the second connection"
        assert {first.streams[stream].reset for stream in refused} == {http2.REFUSED_STREAM}
        assert connections(gateway) == 16
        assert second.get().status == 200, "its first one has its connection's place"
        two = [second.open("POST", PATH, HEAD, end=False) for _ in range(2)]
        second.ping()
        assert sorted(second.streams[stream].reset or 0 for stream in two) == [0, http2.REFUSED_STREAM]
        for stream in two:
            second.reset(stream)
        for stream in set(waiting) - set(refused):
            first.data(stream, body_of(events.delivered()), end=True)
        for answer in first.wait(*(set(waiting) - set(refused))):
            assert answer.result == "accepted"
        first.ping()
        assert connections(gateway) == 2
        assert second.get().status == 200
    wait_until(lambda: connections(gateway) == 0, "they are gone")


def test_streams_leave_no_room_for_connections(start_tls):
    gateway = start_tls({"max_connections": 8, "threads": 1})
    with connect(gateway) as connection:
        streams = [connection.open("POST", PATH, HEAD, end=False) for _ in range(8)]
        connection.ping()
        assert connections(gateway) == 8
        pauses = gateway.metric("accept_pauses_total")
        plain = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}"],
                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: gateway.metric("accept_pauses_total") > pauses, "the next one is not accepted")
        connection.reset(streams[0])
        wait_until(lambda: connections(gateway) == 8 and gateway.metric("accept_pauses_total") > pauses,
                   "it has the place of a stream that ended")
        plain.kill()
        plain.wait()
    wait_until(lambda: connections(gateway) == 0, "they are gone")


# -- clients that go --------------------------------------------------------------------------------


def test_clients_that_reset_before_the_answer_harm_nobody(gateway, receiver):
    with connect(gateway) as connection:
        with held_commits(gateway):
            for _ in range(30):
                stream = connection.open("POST", PATH, HEAD, end=False)
                connection.data(stream, body_of(events.delivered()), end=True)
            connection.ping()
            for stream in list(connection.streams)[::2]:
                connection.reset(stream)
            connection.ping()
        for answer in connection.wait(*list(connection.streams)[1::2]):
            assert answer.status in (200, 503)
        last = events.delivered()
        assert connection.post(last, PATH, HEAD).result == "accepted"
        wait_until(lambda: connections(gateway) == 1, "no stream is left")
    wait_until(lambda: last["id"] in arrived(receiver), "the event after the resets arrives")


def test_clients_that_hang_up_before_the_answer_harm_nobody(gateway, receiver):
    with held_commits(gateway):
        for _ in range(20):
            with connect(gateway) as connection:
                stream = connection.open("POST", PATH, HEAD, end=False)
                connection.data(stream, body_of(events.delivered()), end=True)
    last = events.delivered()
    assert gateway.post(last).result == "accepted"
    wait_until(lambda: last["id"] in arrived(receiver), "the event after the hang-ups arrives")
    wait_until(lambda: connections(gateway) == 0, "they are gone")


# -- attacks ----------------------------------------------------------------------------------------


def resident(gateway):
    with open(f"/proc/{gateway.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cut_off(connection, pieces):
    """Sends the pieces, and says how many bytes it took until the other side hung up."""
    sent = 0
    for piece in pieces:
        if not connection.try_send(piece):
            return sent
        sent += len(piece)
    return None


def rapid_resets(connection, headers):
    code = struct.pack(">I", http2.CANCEL)
    head = http2.request("POST", PATH, headers)
    while True:
        stream = connection.new()
        yield (frame(HEADERS, END_HEADERS | END_STREAM, stream, head)
               + frame(RST_STREAM, stream=stream, payload=code))


def pings():
    while True:
        yield frame(PING, payload=b"12345678") * 100


def changed_settings():
    while True:
        yield http2.settings(window=1) + http2.settings(window=2)


def empty_frames(connection):
    stream = connection.open("POST", PATH, HEAD, end=False)
    while True:
        yield frame(http2.DATA, 0, stream) * 100


def unread_updates(connection):
    while True:
        yield frame(WINDOW_UPDATE, stream=0, payload=struct.pack(">I", 1)) * 100


FLOODS = {
    "rapid resets": lambda connection: rapid_resets(connection, [WRONG]),
    "rapid resets of a source": lambda connection: rapid_resets(connection, HEAD),
    "pings": lambda _: pings(),
    "settings": lambda _: changed_settings(),
    "empty frames": empty_frames,
    "window updates": unread_updates,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_ends_the_connection(gateway, flood):
    """What it may send without being answered is bounded; the healthy are served."""
    with connect(gateway) as healthy, connect(gateway) as connection:
        assert cut_off(connection, bounded(connection, flood(connection), 64 * MIB)) is not None
        assert healthy.post(events.delivered(), PATH, HEAD).result == "accepted"
    wait_until(lambda: connections(gateway) == 0, "they are gone")


@pytest.mark.release_only
def test_floods_cost_no_memory(gateway):
    with connect(gateway) as first:
        assert first.post(events.delivered(), PATH, HEAD).result == "accepted"
    before = resident(gateway)
    for flood in FLOODS.values():
        with contextlib.ExitStack() as stack:
            for connection in [stack.enter_context(connect(gateway)) for _ in range(4)]:
                assert cut_off(connection, bounded(connection, flood(connection), 64 * MIB)) is not None
    assert resident(gateway) - before < RESIDENT_MAX_BYTES


def bounded(connection, pieces, size_max):
    """Reads what comes meanwhile: the other side must not wait for us."""
    size = 0
    for piece in pieces:
        yield piece
        size += len(piece)
        if size > size_max:
            return
        while connection.socket.pending() or select.select([connection.socket], [], [], 0)[0]:
            try:
                if not connection.socket.recv(65536):
                    break
            except (OSError, ssl.SSLError):
                break


def test_a_head_in_pieces_is_bounded(gateway):
    """CONTINUATION after CONTINUATION."""
    with connect(gateway) as connection:
        stream = connection.new()
        connection.send(frame(HEADERS, END_STREAM, stream, http2.request()))
        piece = http2.block([("x", "a" * 1000)])
        sent = cut_off(connection, (frame(CONTINUATION, 0, stream, piece) for _ in range(64_000)))
        assert sent is not None
    assert gateway.post(events.delivered()).result == "accepted"


def test_pieces_of_nothing_are_bounded(gateway):
    with connect(gateway) as connection:
        stream = connection.new()
        connection.send(frame(HEADERS, END_STREAM, stream, http2.request()))
        assert cut_off(connection, (frame(CONTINUATION, 0, stream) * 100 for _ in range(64_000))) is not None
    assert gateway.post(events.delivered()).result == "accepted"


def test_a_long_head_is_not_kept_waiting(gateway):
    """A head that waits for its body holds memory, also when it is short on its way: 64 KiB, as over HTTP/1."""
    remembered = b"\x40" + http2.text("x-long") + http2.text("a" * 1000)  # from here on: 62 of the table
    again = b"\xbe"
    with connect(gateway) as connection:
        for count, wanted in ((60, None), (70, http2.ENHANCE_YOUR_CALM)):
            stream = connection.new()
            head = http2.request("POST", PATH, HEAD) + remembered + again * count
            connection.send(frame(HEADERS, END_HEADERS, stream, head))
            connection.ping()
            assert connection.streams[stream].reset == wanted
        assert connection.get().status == 200


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: t\r\n\r\n",
    frame(http2.DATA, 0, 1, b"x"),
    frame(HEADERS, END_HEADERS, 2, http2.request()),
    frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff\xff"),
    frame(SETTINGS, 0, 0, b"12345"),
    frame(WINDOW_UPDATE, stream=0, payload=struct.pack(">I", 2**31 - 1)),
    b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
])
def test_what_is_not_http2_harms_nobody(gateway, data):
    with connect(gateway) as connection:
        connection.try_send(data)
        connection.wait_end()
    assert gateway.post(events.delivered()).result == "accepted"
    wait_until(lambda: connections(gateway) == 0, "it is gone")


class Babble:
    """Frames in an order that nobody planned; few of them are errors of the whole connection, which would end it."""

    def __init__(self, connection, dice):
        self.connection, self.dice = connection, dice
        self.unfinished = []  # streams that we may still send on
        self.acts = [self.open] * 6 + [self.data] * 10 + [self.reset] * 3 + [
            self.late_data, self.trailers, self.priority, self.window, self.settings, self.ping, self.pieces]

    def any_stream(self):
        return self.dice.choice(list(self.connection.streams)[-20:] or [0])

    def ends(self, number):
        """The flag, at random."""
        if self.dice.random() < 0.6:
            return 0
        if number in self.unfinished:
            self.unfinished.remove(number)
        return END_STREAM

    def begin(self):
        number = self.connection.new()
        self.unfinished.append(number)
        return number

    def head(self):
        method, path, headers = self.dice.choice([
            ("POST", PATH, HEAD), ("POST", PATH, [WRONG]), ("POST", PATH, [*HEAD, ("content-length", "10")]),
            ("POST", PATH, [*HEAD, ("expect", "100-continue")]), ("POST", PATH, [WRONG, ("expect", "100-continue")]),
            ("GET", "/healthz", []), ("HEAD", "/.well-known/jwks.json", []), ("PUT", "/nowhere", []),
            ("GET", "/healthz", [("x-bell", "\7")]), ("POST", PATH, [*HEAD, ("expect", "nothing")]),
            ("POST", PATH, [*HEAD, ("content-length", "99999999")])])
        return http2.request(method, path, headers)

    def open(self):
        number = self.begin()
        return frame(HEADERS, END_HEADERS | self.ends(number), number, self.head())

    def pieces(self):
        number, head = self.begin(), self.head()
        return (frame(HEADERS, self.ends(number), number, head[:7])
                + frame(CONTINUATION, END_HEADERS, number, head[7:]))

    def data(self):
        if not self.unfinished:
            return self.open()
        number = self.dice.choice(self.unfinished)
        body = self.dice.choice([b"", b"{", b"x" * 10, b"x" * 5000, body_of(events.delivered())])
        return frame(http2.DATA, self.ends(number), number, body)

    def late_data(self):
        number = self.any_stream()
        return frame(http2.DATA, 0, number, b"x") if number else b""

    def trailers(self):
        if not self.unfinished:
            return b""
        number = self.unfinished.pop()
        return frame(HEADERS, END_HEADERS | END_STREAM, number, http2.block([("x-a", "b")]))

    def reset(self):
        number = self.any_stream()
        if number in self.unfinished:
            self.unfinished.remove(number)
        return frame(RST_STREAM, 0, number, struct.pack(">I", self.dice.randrange(14))) if number else b""

    def priority(self):
        number = self.any_stream()
        return frame(http2.PRIORITY, 0, number, struct.pack(">IB", 0, 7)) if number else b""

    def window(self):
        number = self.dice.choice([0, self.any_stream()])
        return frame(WINDOW_UPDATE, 0, number, struct.pack(">I", self.dice.randint(1, 9999)))

    def settings(self):
        return http2.settings(window=self.dice.choice([0, 1, 100, 65_535, 1 << 20]))

    def ping(self):
        return frame(PING, 0, 0, b"12345678")

    def speak(self, count):
        for _ in range(count):
            several = b"".join(self.dice.choice(self.acts)() for _ in range(self.dice.choice([1, 1, 3, 20])))
            if not self.connection.try_send(several):
                return
            if self.dice.random() < 0.3:
                self.connection.ping()
            for number in [n for n in self.unfinished if self.connection.streams[n].reset is not None]:
                self.unfinished.remove(number)


@pytest.mark.parametrize("seed", range(4))
def test_frames_in_any_order_harm_nobody(start_tls, seed):
    gateway = start_tls({"request_timeout": "2s", "max_connections": 40, "threads": 1})
    dice = random.Random(seed)
    # In a thread of its own: OpenSSL keeps what went wrong for each thread, and Python takes it for the next
    # connection's.
    with connect(gateway) as healthy, ThreadPoolExecutor(1) as apart:
        for _ in range(15):
            with connect(gateway) as connection:
                Babble(connection, dice).speak(30)
            assert apart.submit(healthy.post, events.delivered(), PATH, HEAD).result().status == 200
    wait_until(lambda: connections(gateway) == 0, "nothing is left of them")
    assert gateway.post(events.delivered()).result == "accepted"


# -- reload and end ---------------------------------------------------------------------------------


def test_a_certificate_is_exchanged_meanwhile(start_gateway, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("gateway")
    gateway = start_gateway(listen={"tls": {"certificate": str(certificate), "key": str(key)}})
    with connect(gateway) as before:
        assert before.get().status == 200
        old = before.socket.getpeercert(binary_form=True)
        for file, fresh in zip((certificate, key), authority.issue("again")):
            shutil.copy(fresh, file)
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.log("gateway.reloaded"), "the certificate is read again")
        with connect(gateway) as after:
            assert after.socket.getpeercert(binary_form=True) != old
            assert after.get().status == 200
        assert before.get().status == 200, "a connection that is open keeps what it has"


def test_a_stop_answers_what_waits_and_says_goodbye(gateway):
    event = events.delivered()
    with connect(gateway) as idle, connect(gateway) as connection:
        assert idle.get().status == 200
        with held_commits(gateway):
            waits = connection.open("POST", PATH, HEAD, end=False)
            connection.data(waits, body_of(event), end=True)
            unfinished = connection.open("POST", PATH, HEAD, end=False)
            connection.data(unfinished, b"{")
            connection.ping()
            gateway.signal(signal.SIGTERM)
            while connection.goaway is None:
                connection.take_frame()
            assert connection.goaway == (unfinished, http2.NO_ERROR), "what came later was not taken"
            assert connection.wait_reset(unfinished).reset == http2.REFUSED_STREAM, "it may be sent again"
            idle.wait_end()
            assert idle.goaway == (1, http2.NO_ERROR)
        assert connection.wait(waits).status in (200, 503)
        connection.wait_end()
    assert gateway.wait_exit() == 0


def test_a_stop_does_not_wait_for_those_who_do_not_read(start_tls):
    gateway = start_tls(shutdown_timeout="1s")
    with connect(gateway, window=0) as connection:
        stream = connection.open()
        while connection.streams[stream].status is None:
            connection.take_frame()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait_exit() == 0
