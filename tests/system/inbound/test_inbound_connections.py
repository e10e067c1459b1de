# SPDX-License-Identifier: MIT
"""Connections to the public listener: many requests on one, many at once, those that break, TLS."""

import contextlib
import os
import select
import socket
import struct
import sqlite3
import ssl
from pathlib import Path

import events
import pytest
from keys import Authority
from posts import request_bytes
from repostal import client_tls, read_answer
from waiting import wait_until


def test_a_connection_serves_many_requests(gateway):
    with gateway.client() as client:
        assert [client.post(events.delivered()).result for _ in range(50)] == ["accepted"] * 50
        assert client.request("GET", "/healthz").status == 200
        assert client.post(b"{").status == 400
        assert client.post(events.delivered()).result == "accepted"


def test_pipelined_requests_are_answered_in_order(gateway):
    batch = [events.delivered() for _ in range(20)]
    answers = gateway.raw(b"".join(map(request_bytes, batch)), answers=len(batch))
    assert [answer.result for answer in answers] == ["accepted"] * len(batch)
    assert [answer.json["message_id"] for answer in answers] == [event["id"] for event in batch]


def test_pipelined_requests_that_are_answered_at_once_take_turns(gateway):
    """Their senders pay nothing for them: others come in between, however many there are."""
    request = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=60))
                 for _ in range(8)]
        for connection in crowd:
            connection.sendall(request * 10_000)
            assert connection.recv(1)
        batch = [events.delivered() for _ in range(20)]
        assert [gateway.post(event).result for event in batch] == ["accepted"] * len(batch)
        assert gateway.metric("request_duration_seconds_count", listener="public") < 40_000


def test_nobody_is_answered_after_the_connection_broke(gateway):
    request = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=60)
    connection.sendall(request * 1_500)  # as many as are read before the first answer
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert connection.recv(1)
    connection.close()
    gateway.wait_metric("connections", 0)
    assert gateway.metric("request_duration_seconds_count", listener="public") < 1_500


def test_all_of_the_pipelined_requests_are_answered(gateway):
    request = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
    answers = gateway.raw(request * 50 + request_bytes(events.delivered()) + request, answers=52)
    assert [answer.status for answer in answers] == [200] * 52
    assert answers[50].result == "accepted"


@contextlib.contextmanager
def held_commits(gateway):
    """Somebody else writes to the store: answers have to wait, for a second at most."""
    with contextlib.closing(sqlite3.connect(gateway.settings["store"]["path"],
                                            isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def wait_read(gateway):
    """What was sent before has been read, as far as can be told: others were answered since."""
    for _ in range(8):
        assert gateway.request("GET", "/healthz").status == 200


def cpu_s(gateway):
    fields = Path(f"/proc/{gateway.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_request_that_comes_while_the_one_before_waits(gateway):
    batch = [events.delivered() for _ in range(2)]
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        with held_commits(gateway):
            connection.sendall(request_bytes(batch[0]))
            wait_read(gateway)
            connection.sendall(request_bytes(batch[1])[:100])
            wait_read(gateway)
        connection.sendall(request_bytes(batch[1])[100:])
        reader = connection.makefile("rb")
        answers = [read_answer(reader) for _ in batch]
    assert [answer.json["message_id"] for answer in answers] == [event["id"] for event in batch]


def test_a_sender_that_leaves_while_its_event_waits(gateway, receiver):
    event = events.delivered()
    with held_commits(gateway):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
            connection.sendall(request_bytes(event))
            wait_read(gateway)
            connection.shutdown(socket.SHUT_WR)
            wait_read(gateway)
            began = cpu_s(gateway)
            assert select.select([connection], [], [], 0.1)[0] == [], "no answer before the commit"
            assert cpu_s(gateway) - began < 0.06, "the end of the input keeps nobody busy"
    assert receiver.wait_one().envelope["payload"]["message"]["message_id"] == event["id"]
    wait_until(lambda: gateway.metric("repostal_connections") == 0, "the connection is gone")


def test_clients_that_hang_up_before_the_answer_harm_nobody(gateway, receiver):
    batch = [events.delivered() for _ in range(100)]
    for event in batch:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
            connection.sendall(request_bytes(event))
    last = events.delivered()
    assert gateway.post(last).result == "accepted"
    wait_until(lambda: last["id"] in receiver.message_ids(),
               "the event after the hang-ups arrives")


def test_a_slow_sender_is_cut_off(start_gateway):
    gateway = start_gateway(listen={"request_timeout": "1s"})
    head, _, body = request_bytes(events.delivered()).partition(b"\r\n\r\n")
    for sent in [head[:30], head + b"\r\n\r\n" + body[:10]]:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
            connection.sendall(sent)
            try:
                answer = connection.recv(65536)
            except ConnectionResetError:
                answer = b""
            assert answer == b"" or answer.startswith(b"HTTP/1.1 408")
    assert gateway.metric("events_received_total") == 0


@pytest.mark.threads
def test_connections_have_a_limit_and_its_end_is_not_the_end(start_gateway):
    gateway = start_gateway(listen={"max_connections": 10})
    first = gateway.client()
    assert first.request("GET", "/healthz").status == 200
    crowd = [socket.create_connection(("127.0.0.1", gateway.port), timeout=30) for _ in range(9)]
    wait_until(lambda: turned_away(gateway.port), "one connection too many gets no answer")
    assert first.post(events.delivered()).result == "accepted", "those inside are served"
    assert gateway.admin("/healthz").status == 200, "the admin listener has its own limit"
    for connection in crowd:
        connection.close()
    wait_until(lambda: not turned_away(gateway.port), "there is room again")
    assert gateway.post(events.delivered()).result == "accepted"
    first.connection.close()


def turned_away(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            return b"200" not in connection.recv(65536)
    except OSError:
        return True


@pytest.mark.threads
def test_many_clients_at_once(gateway, receiver):
    batch = [events.delivered() for _ in range(300)]
    answers = gateway.post_all(batch, connections=30)
    assert [answer.result for answer in answers] == ["accepted"] * 300
    receiver.wait_count(300)
    gateway.wait_idle()
    assert len({envelope["uuid"] for envelope in receiver.envelopes()}) == 300
    assert len(receiver.requests()) == 300


@pytest.mark.threads
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # old versions of TLS are the point here
@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n",
                                  b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n1"])
def test_clients_over_tls_may_break_off_at_any_time(start_gateway, tmp_path, sent):
    """TLS says goodbye to nobody then, after libh2o is done with the connection."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("gateway")
    gateway = start_gateway(listen={"tls": {"certificate": str(certificate), "key": str(key)}})
    gateway.tls = client_tls(authority)
    for how in ("reset", "end", "end and reset") * 5:
        connection = gateway.tls.wrap_socket(socket.create_connection(("127.0.0.1", gateway.port), timeout=60),
                                             server_hostname="127.0.0.1")
        connection.sendall(sent)
        if "end" in how:
            connection.shutdown(socket.SHUT_WR)
        if "reset" in how:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    gateway.wait_metric("connections", 0)
    assert gateway.request("GET", "/healthz").status == 200


def test_tls(start_gateway, receiver, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("gateway")
    gateway = start_gateway(listen={"tls": {"certificate": str(certificate), "key": str(key)}})
    gateway.tls = client_tls(authority)
    with gateway.client() as client:
        assert client.post(events.delivered()).result == "accepted"
        assert client.connection.sock.version() in ("TLSv1.2", "TLSv1.3")
    receiver.wait_one()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        with pytest.raises(OSError):
            old.wrap_socket(connection)
    assert not answers_plain_http(gateway.port)
    assert gateway.post(events.delivered()).result == "accepted"


def answers_plain_http(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
        try:
            return b"HTTP/1.1 200" in connection.recv(65536)
        except OSError:
            return False
