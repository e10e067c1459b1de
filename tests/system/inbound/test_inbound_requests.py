# SPDX-License-Identifier: MIT
"""The public listener, request by request: paths, methods, sizes, and what each is answered."""

import json
import socket

import events
import pytest
from posts import NO_TOKEN, assert_refused, request_bytes
from settings import PATH, TOKEN


@pytest.mark.parametrize("target", [
    f"http://example.com{PATH}?token={TOKEN}", f"HTTP://127.0.0.1:8025{PATH}/{TOKEN}",
    f"https://user@example.com{PATH}/delivered?token={TOKEN}",
])
def test_a_target_in_absolute_form_is_its_path(gateway, target):
    """RFC 9112, section 3.2.2: a server must take it, for a proxy in front may send it."""
    body = json.dumps(events.delivered()).encode()
    head = (f"POST {target} HTTP/1.1\r\nHost: other\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    (answer,) = gateway.raw(head.encode() + body)
    assert answer.status == 200, answer


@pytest.mark.parametrize("target, status", [
    ("http://example.com", 404), ("http://example.com?a", 404), ("http://", 404),
    ("http://example.com/healthz", 200), ("ftp://example.com/healthz", 404),
])
def test_an_absolute_form_without_a_path_is_the_root(gateway, target, status):
    (answer,) = gateway.raw(f"GET {target} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
    assert answer.status == status


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_another_method_is_refused_with_allow(gateway, method):
    answer = gateway.request(method, PATH, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status == 405
    assert "POST" in answer.headers["Allow"]
    if method == "HEAD":
        assert answer.body == b""
    else:
        assert_refused(answer, 405)


@pytest.mark.parametrize("path", ["/healthz", "/.well-known/jwks.json"])
def test_a_page_is_read_only(gateway, path):
    answer = gateway.request("POST", path, b"{}", {"Content-Type": "application/json"})
    assert_refused(answer, 405)
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", [
    "/", "/webhooks", "/webhooks/", "/webhooks/other", "/webhooks/bizmailx", "/WEBHOOKS/BIZMAIL",
    "/metrics", "/readyz", "/healthz/x", "/webhooks/../etc/passwd",
])
def test_another_path_is_not_found(gateway, path):
    assert_refused(gateway.post(events.delivered(), path), 404)


def test_a_body_that_is_too_large_is_refused(start_gateway, receiver):
    gateway = start_gateway(listen={"max_body": "16KiB"})
    fits = events.delivered(padding="x" * 15_000)
    assert gateway.post(fits).result == "accepted"
    assert_refused(gateway.post(events.delivered(padding="x" * 17_000)), 413)
    head = f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Length: 1073741824\r\n\r\n"
    (announced,) = gateway.raw(head.encode())
    assert_refused(announced, 413)
    chunked = f"POST {PATH} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5000\r\n"
    (unannounced,) = gateway.raw(chunked.encode() + b"x" * 0x5000)
    assert unannounced.status == 413
    assert gateway.post(events.delivered()).result == "accepted"
    assert gateway.metric("requests_rejected_total") >= 3


def test_refusals_are_counted_by_reason(gateway):
    gateway.post(events.delivered(), "/nowhere")
    gateway.post(events.delivered(), headers=NO_TOKEN)
    gateway.post(b"x", headers={"Content-Type": "text/plain"})
    gateway.request("GET", PATH)
    series = gateway.metrics().series("requests_rejected_total")
    assert sum(series.values()) == 4
    assert len([value for value in series.values() if value]) == 4, "each refusal has a reason of its own"


def test_a_chunked_body(gateway, receiver):
    event = events.delivered()
    text = json.dumps(event).encode()
    pieces = iter([text[:1], text[1:20], text[20:]])
    assert gateway.post(pieces, headers={"Transfer-Encoding": "chunked"}, chunked=True).result == "accepted"
    receiver.wait_one()


def test_connection_close_is_honoured(gateway):
    (answer,) = gateway.raw(request_bytes(events.delivered(), extra="Connection: close\r\n"))
    assert answer.result == "accepted"
    assert answer.headers["Connection"] == "close"


def test_expect_continue(gateway):
    head, _, body = request_bytes(events.delivered(), extra="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        connection.sendall(head + b"\r\n\r\n")
        reader = connection.makefile("rb")
        line = reader.readline()
        if line.startswith(b"HTTP/1.1 100"):
            reader.readline()
        connection.sendall(body)
        if line.startswith(b"HTTP/1.1 100"):
            line = reader.readline()
        assert line.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("data", [
    pytest.param(b"\r\n\r\n\r\n", id="empty lines"),
    pytest.param(b"GET\r\n\r\n", id="half a request line"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="TLS"),
    pytest.param(b"POST / HTTP/9.9\r\n\r\n", id="another version"),
    pytest.param(f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Length: x\r\n\r\n".encode(), id="no length"),
    pytest.param(b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\n\r\n", id="long target"),
    pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 300_000 + b"\r\n\r\n", id="long header"),
])
def test_what_is_not_http_harms_nobody(gateway, data):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass  # cut off while we were still talking: as good an answer as any
    assert gateway.post(events.delivered()).result == "accepted"
