# SPDX-License-Identifier: MIT
"""The public listener: who may post, what is taken, and what each request is answered."""

import base64
import contextlib
import json
import os
import re
import select
import socket
import struct
import sqlite3
import ssl
import threading
from pathlib import Path
from urllib.parse import urlencode

import events
import pytest
from jwks import assert_jwks_answers
from keys import Authority, SigningKey
from repostal import client_tls, read_answer
from settings import PATH, TOKEN, source
from waiting import wait_until

NO_TOKEN = {"Authorization": None}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def assert_refused(answer, status):
    """A refusal has BizMail's error shape."""
    assert answer.status == status, answer
    assert answer.headers.get_content_type() == "application/json"
    (error,) = answer.json["errors"]
    assert set(error) == {"msg", "param", "location"}
    assert error["msg"]


def multipart(fields, boundary="frontier"):
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in fields.items()]
    body = "".join(parts) + f"--{boundary}--\r\n"
    return body.encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


# -- answers ----------------------------------------------------------------------------------------


@pytest.mark.smoke
@pytest.mark.parametrize("make", [events.delivered, events.bounce, events.soft_bounce, events.drop])
def test_an_event_is_accepted_and_delivered(gateway, receiver, make):
    event = make()
    answer = gateway.post(event)
    assert answer.status == 200
    assert answer.headers.get_content_type() == "application/json"
    assert answer.body == b'{"code":200,"status":"accepted","message_id":"%s"}' % event["id"].encode()
    assert receiver.wait_one().envelope["payload"]["message"]["message_id"] == event["id"]


def test_a_repeat_is_a_duplicate_and_is_not_delivered_again(gateway, receiver):
    event = events.bounce()
    assert gateway.post(event).result == "accepted"
    repeat = gateway.post(event)
    assert repeat.status == 200
    assert repeat.json == {"code": 200, "status": "duplicate", "message_id": event["id"]}
    marker = events.delivered()
    gateway.post(marker)
    receiver.wait_count(2)
    gateway.wait_idle()
    assert len(receiver.requests()) == 2
    assert gateway.metric("events_duplicate_total", source="bizmail") == 1


@pytest.mark.parametrize("field, value", [
    ("recipient", "other@example.com"), ("time", events.TIME_S + 1), ("response", "250 2.0.0 Ok"),
])
def test_an_event_that_differs_in_its_identity_is_another_one(gateway, field, value):
    event = events.bounce(category="soft_bounce") if field == "response" else events.delivered()
    assert gateway.post(event).result == "accepted"
    assert gateway.post(event | {field: value}).result == "accepted"


def test_a_drop_has_no_time_so_the_same_drop_again_is_a_repeat(gateway):
    event = events.drop()
    assert [gateway.post(event).result for _ in range(2)] == ["accepted", "duplicate"]


@pytest.mark.threads
def test_of_many_copies_at_once_exactly_one_is_accepted(gateway, receiver):
    event = events.delivered()
    results = [answer.result for answer in gateway.post_all([event] * 40, connections=8)]
    assert sorted(results) == ["accepted"] + ["duplicate"] * 39
    gateway.wait_idle()
    assert len(receiver.requests()) == 1


def test_a_repeat_is_known_after_a_restart(gateway, receiver):
    event = events.delivered()
    assert gateway.post(event).result == "accepted"
    receiver.wait_one()
    gateway.restart()
    assert gateway.post(event).result == "duplicate"


@pytest.mark.parametrize("reason, event", [
    ("unknown_kind", {"event": "opened", "id": "a@b", "recipient": "user@example.com"}),
    ("unknown_kind", {"id": "a@b", "recipient": "user@example.com"}),
    ("no_id", events.without(events.delivered(), "id")),
    ("no_id", events.delivered(id="")),
    ("no_recipient", events.without(events.delivered(), "recipient")),
    ("no_recipient", events.delivered(recipient="nobody")),
])
def test_what_cannot_be_translated_is_quarantined(gateway, receiver, reason, event):
    answer = gateway.post(event)
    assert answer.status == 200
    assert answer.json["code"] == 200
    assert answer.json["status"] == "quarantined"
    assert gateway.metric("events_quarantined_total", source="bizmail", reason=reason) == 1
    gateway.post(events.delivered())
    receiver.wait_one()
    gateway.wait_idle()
    assert len(receiver.requests()) == 1


@pytest.mark.parametrize("body", [
    b"", b"   ", b"{", b"[]", b'"text"', b"null", b"[{}]", b'{"event":"delivered"', b"event",
    b'{"a":1} trailing', b"\x00", b"{" * 5000,
])
def test_what_is_not_a_json_object_is_refused_but_kept(gateway, body):
    answer = gateway.post(body)
    assert_refused(answer, 400)
    assert answer.json["errors"][0]["param"] == "body"
    assert answer.json["errors"][0]["location"] == "body"
    assert gateway.metric("events_quarantined_total", source="bizmail", reason="unparseable") == 1


def test_a_multipart_body_without_its_boundary_is_refused(gateway):
    body, _ = multipart(events.bounce())
    other = {"Content-Type": "multipart/form-data; boundary=other"}
    assert_refused(gateway.post(b"a preamble\r\n" + body, headers=other), 400)


def test_a_boundary_that_was_not_announced_is_found(gateway):
    body, _ = multipart(events.bounce())
    assert gateway.post(body, headers={"Content-Type": "multipart/form-data"}).result == "accepted"


JSON_TYPE, FORM_TYPE = "application/json", "application/x-www-form-urlencoded"
MULTIPART_TYPE = "multipart/form-data; boundary=frontier"


@pytest.mark.parametrize("bytes_are, label", [
    ("json", FORM_TYPE), ("json", MULTIPART_TYPE), ("form", JSON_TYPE), ("form", MULTIPART_TYPE),
    ("multipart", JSON_TYPE), ("multipart", FORM_TYPE), ("multipart", "multipart/form-data; boundary=other"),
])
def test_the_bytes_win_over_the_label(gateway, receiver, bytes_are, label):
    event = events.bounce()
    body = {"json": json.dumps(event).encode(), "form": urlencode(event).encode(),
            "multipart": multipart(event)[0]}[bytes_are]
    assert gateway.post(body, headers={"Content-Type": label}).result == "accepted"
    assert receiver.wait_one().envelope["payload"]["message"]["message_id"] == event["id"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-unknown", "identity, gzip"])
def test_an_encoded_body_is_refused_and_the_answer_says_what_is_taken(gateway, encoding):
    answer = gateway.post(events.delivered(), headers={"Content-Encoding": encoding})
    assert_refused(answer, 415)
    assert answer.headers["Accept-Encoding"] == "identity"
    assert gateway.metric("events_quarantined_total") == 0


def test_the_identity_encoding_is_none(gateway):
    assert gateway.post(events.delivered(), headers={"Content-Encoding": "Identity"}).result == "accepted"


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


@pytest.mark.parametrize("times", [
    ("2024-04-14T13:06:40Z", "2024-04-14T14:06:40Z"), ("yesterday at noon", "yesterday at eight"),
    ("Sun, 14 Apr 2024 13:06:40 +0000", "Sun, 14 Apr 2024 13:06:40 +0100"),
])
def test_two_events_that_differ_in_their_time_are_two(gateway, receiver, times):
    first = events.soft_bounce(time=times[0])
    assert gateway.post(first).result == "accepted"
    assert gateway.post(first | {"time": times[1]}).result == "accepted"
    assert gateway.post(first).result == "duplicate"
    assert len({request.envelope["uuid"] for request in receiver.wait_count(2)}) == 2


def test_the_case_of_an_address_makes_no_other_message(gateway, receiver):
    event = events.delivered(recipient="User@Example.com")
    assert gateway.post(event).result == "accepted"
    assert gateway.post(event | {"recipient": "user@example.com", "time": event["time"] + 1}).result == "accepted"
    messages = [request.envelope["payload"]["message"] for request in receiver.wait_count(2)]
    assert len({(message["id"], message["token"]) for message in messages}) == 1
    assert {message["to"] for message in messages} == {"User@Example.com", "user@example.com"}


def test_a_quoted_local_part_is_an_address(gateway, receiver):
    assert gateway.post(events.delivered(recipient='"a b"@example.com')).result == "accepted"
    assert receiver.wait_one().envelope["payload"]["message"]["to"] == '"a b"@example.com'


def test_no_nul_goes_out(gateway, receiver):
    assert gateway.post(events.bounce(response="550 5.1.1 no\0body")).result == "accepted"
    request = receiver.wait_one()
    assert b"\\u0000" not in request.body
    assert request.envelope["payload"]["output"] == "550 5.1.1 no\ufffdbody"


def test_the_envelope_tells_when_it_happened(gateway, receiver):
    """Six receivers take the envelope's timestamp for the event's time."""
    assert gateway.post(events.bounce(time=1713100000)).result == "accepted"
    assert receiver.wait_one().envelope["timestamp"] == 1713100000


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


@pytest.mark.parametrize("content_type", [
    "text/plain", "application/xml", "application/octet-stream", "image/png", "application/jsonx",
    "multipart/mixed; boundary=x",
])
def test_another_content_type_is_refused(gateway, content_type):
    assert_refused(gateway.post(events.delivered(), headers={"Content-Type": content_type}), 415)


def test_a_missing_content_type_is_taken_for_json_when_it_looks_like_it(gateway):
    missing = {"Content-Type": None}
    event = json.dumps(events.delivered()).encode()
    assert gateway.post(event, headers=missing).result == "accepted"
    assert gateway.post(b" \r\n\t" + json.dumps(events.delivered()).encode(), headers=missing).status == 200
    assert_refused(gateway.post(b"id=1&event=delivered", headers=missing), 415)


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


# -- who may post -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [
    f"{PATH}?token={TOKEN}",
    f"{PATH}?a=b&token={TOKEN}&c",
    f"{PATH}?token=secret%2Dtoken",
    f"{PATH}/{TOKEN}",
    f"{PATH}/delivered/{TOKEN}",
    f"{PATH}/delivered?token={TOKEN}",
])
def test_the_token_may_stand_in_the_url(gateway, path):
    assert gateway.post(events.delivered(), path, NO_TOKEN).result == "accepted"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_may_stand_in_the_authorization_header(gateway, scheme):
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    assert gateway.post(events.delivered(), headers=headers).result == "accepted"


@pytest.mark.parametrize("path, authorization", [
    (PATH, None),
    (PATH, "Bearer wrong"),
    (PATH, "Bearer"),
    (PATH, f"Bearer {TOKEN}x"),
    (PATH, f"Bearer {TOKEN[:-1]}"),
    (PATH, TOKEN),
    (f"{PATH}?token=", None),
    (f"{PATH}?token=wrong", None),
    (f"{PATH}?tokens={TOKEN}", None),
    (f"{PATH}?token={TOKEN.upper()}", None),
    (f"{PATH}/delivered", None),
])
def test_without_the_token_nothing_is_taken(gateway, receiver, path, authorization):
    event = events.delivered()
    answer = gateway.post(event, path, {"Authorization": authorization})
    assert_refused(answer, 401)
    assert answer.headers["WWW-Authenticate"]
    assert gateway.post(event).result == "accepted", "the refused one left no trace"
    assert gateway.metric("events_received_total") == 1
    receiver.wait_one()


def test_a_wrong_last_path_segment_is_refused(gateway):
    assert gateway.post(events.delivered(), f"{PATH}/wrong", NO_TOKEN).status in (401, 404)


def test_a_refused_body_is_not_quarantined(gateway):
    gateway.post(b"{", headers=NO_TOKEN)
    assert gateway.metric("events_quarantined_total") == 0


def basic(user_and_password):
    return {"Authorization": "Basic " + base64.b64encode(user_and_password.encode()).decode()}


def test_basic_authentication(start_gateway):
    gateway = start_gateway(sources=[source(auth={"basic": "user:pass:word"})])
    assert gateway.post(events.delivered(), headers=basic("user:pass:word")).result == "accepted"
    for wrong in ["user:pass", "user:", ":", "", "other:pass:word"]:
        answer = gateway.post(events.delivered(), headers=basic(wrong))
        assert_refused(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert_refused(gateway.post(events.delivered(), headers={"Authorization": "Basic ?"}), 401)
    assert_refused(gateway.post(events.delivered(), headers=NO_TOKEN), 401)


def test_all_that_is_asked_for_must_hold(start_gateway):
    gateway = start_gateway(sources=[source(auth={
        "token": TOKEN, "basic": "user:secret", "allow": ["127.0.0.0/8"]})])
    path = f"{PATH}?token={TOKEN}"
    assert gateway.post(events.delivered(), path, basic("user:secret")).result == "accepted"
    assert_refused(gateway.post(events.delivered(), path, NO_TOKEN), 401)
    assert_refused(gateway.post(events.delivered(), PATH, basic("user:secret")), 401)
    assert_refused(gateway.post(events.delivered(), path, basic("user:wrong")), 401)


def test_a_source_may_be_open_to_all(start_gateway):
    gateway = start_gateway(sources=[source(auth="none")])
    assert gateway.post(events.delivered(), headers=NO_TOKEN).result == "accepted"
    assert gateway.post(events.delivered()).result == "accepted"


def test_each_source_has_its_own_token(start_gateway):
    gateway = start_gateway(sources=[source(), source("second", "/second", auth={"token": "other"})])
    assert gateway.post(events.delivered(), "/second", {"Authorization": "Bearer other"}).result == "accepted"
    assert_refused(gateway.post(events.delivered(), "/second"), 401)
    assert_refused(gateway.post(events.delivered(), PATH, {"Authorization": "Bearer other"}), 401)
    assert gateway.metric("events_received_total", source="second") == 1


def test_the_same_event_from_two_sources_is_two_events(start_gateway, receiver):
    gateway = start_gateway(sources=[source(auth="none"), source("second", "/second", auth="none")])
    event = events.delivered()
    assert gateway.post(event).result == "accepted"
    assert gateway.post(event, "/second").result == "accepted"
    first, second = receiver.wait_count(2)
    assert first.envelope["uuid"] != second.envelope["uuid"]


@pytest.mark.parametrize("allow, status", [
    (["127.0.0.1"], 200), (["127.0.0.0/8"], 200), (["::1", "127.0.0.1/32"], 200), (["203.0.113.0/24"], 403),
])
def test_the_address_must_be_allowed(start_gateway, allow, status):
    gateway = start_gateway(sources=[source(auth={"token": TOKEN, "allow": allow})])
    answer = gateway.post(events.delivered())
    assert answer.status == status
    if status == 403:
        assert_refused(answer, 403)
        assert gateway.metric("events_received_total") == 0


@pytest.mark.parametrize("forwarded, status", [
    ("203.0.113.7", 200),
    ("198.51.100.1", 403),
    (None, 403),
    ("198.51.100.1, 203.0.113.7", 200),
    ("203.0.113.7, 198.51.100.1", 403),
    ("203.0.113.7, 127.0.0.1", 200),
    ("203.0.113.7,127.0.0.1 ,127.0.0.1", 200),
    ("::ffff:203.0.113.7", 200),
    ("not an address", 403),
    ("203.0.113.7:49152", 200),
    ('"[::ffff:203.0.113.7]:49152"', 200),
    ("198.51.100.1:49152", 403),
])
def test_a_trusted_proxy_tells_the_address(start_gateway, forwarded, status):
    """The right-most address that is not a trusted proxy counts: the rest may be anybody's invention."""
    gateway = start_gateway(listen={"trusted_proxies": ["127.0.0.1/32"]},
                            sources=[source(auth={"token": TOKEN, "allow": ["203.0.113.0/24"]})])
    assert gateway.post(events.delivered(), headers={"X-Forwarded-For": forwarded}).status == status


def test_nobody_else_tells_the_address(start_gateway):
    gateway = start_gateway(listen={"trusted_proxies": ["192.0.2.1"]},
                            sources=[source(auth={"token": TOKEN, "allow": ["203.0.113.0/24"]})])
    assert gateway.post(events.delivered(), headers={"X-Forwarded-For": "203.0.113.7"}).status == 403


# -- encodings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "text/json",
    "Application/JSON", "text/json; charset=utf-8",
])
def test_json_by_any_of_its_names(gateway, content_type):
    assert gateway.post(events.delivered(), headers={"Content-Type": content_type}).result == "accepted"


@pytest.mark.parametrize("make", [events.delivered, events.bounce, events.drop])
def test_the_three_encodings_mean_the_same(gateway, receiver, make):
    event = make(id="one@bizfly.vn", recipient="user+tag@example.com", to="user+tag@example.com",
                 response="250 2.0.0 OK = 100% & more")
    assert gateway.post(event).result == "accepted"
    form = urlencode(event).encode()
    assert gateway.post(form, headers=FORM).result == "duplicate"
    body, headers = multipart(event)
    assert gateway.post(body, headers=headers).result == "duplicate"
    with_charset = {"Content-Type": FORM["Content-Type"] + "; charset=utf-8"}
    assert gateway.post(form, headers=with_charset).result == "duplicate"


def test_a_form_alone_is_enough(gateway, receiver):
    event = events.soft_bounce(response="452 4.2.2 Hộp thư đầy")
    assert gateway.post(urlencode(event).encode(), headers=FORM).result == "accepted"
    assert receiver.wait_one().envelope["payload"]["output"] == event["response"]


def test_a_multipart_form_alone_is_enough(gateway, receiver):
    event = events.bounce(response="550 line one\r\n550 line two")
    body, _ = multipart(event, boundary="a bc")
    headers = {"Content-Type": 'multipart/form-data; boundary="a bc"'}
    assert gateway.post(body, headers=headers).result == "accepted"
    assert receiver.wait_one().envelope["payload"]["message"]["message_id"] == event["id"]


def test_zone_mta_says_neither_event_nor_action(gateway, receiver):
    fields = events.without(events.bounce(), "event") | {"sessionId": "17ab"}
    assert gateway.post(urlencode(fields).encode(), headers=FORM).result == "accepted"
    assert receiver.wait_one().envelope["event"] == "MessageDeliveryFailed"


def test_one_bad_byte_loses_no_event(gateway, receiver):
    event = json.dumps(events.bounce(response="550 R")).encode().replace(b"550 R", b"550 \xe9\xff R")
    assert gateway.post(event).result == "accepted"
    request = receiver.wait_one()
    assert request.body.decode("utf-8")
    assert request.envelope["payload"]["output"] == "550 \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} R"


@pytest.mark.parametrize("spelling", ["delivered", "Delivered", "DELIVERED"])
@pytest.mark.parametrize("field", ["event", "action"])
def test_the_kind_may_stand_in_either_field_in_any_case(gateway, field, spelling):
    event = events.without(events.delivered(), "event") | {field: spelling}
    assert gateway.post(event).result == "accepted"
    assert gateway.metric("events_received_total", source="bizmail", kind="delivered") == 1


@pytest.mark.parametrize("sub_path, expected", [
    ("delivered", "MessageSent"), ("bounced", "MessageDelayed"), ("dropped", "MessageDeliveryFailed"),
])
def test_a_sub_path_tells_the_kind_when_the_body_does_not(gateway, receiver, sub_path, expected):
    event = {"id": events.message_id(), "recipient": "user@example.com", "time": events.TIME_S}
    assert gateway.post(event, f"{PATH}/{sub_path}").result == "accepted"
    assert receiver.wait_one().envelope["event"] == expected


def test_the_body_knows_better_than_the_sub_path(gateway, receiver):
    assert gateway.post(events.delivered(), f"{PATH}/dropped").result == "accepted"
    assert receiver.wait_one().envelope["event"] == "MessageSent"


def test_unknown_fields_are_ignored(gateway):
    event = events.delivered(nested={"deep": [1, {"deeper": None}]}, tags=["a"], other=1.5e3, no=False)
    assert gateway.post(event).result == "accepted"


# -- HTTP -------------------------------------------------------------------------------------------


def test_a_chunked_body(gateway, receiver):
    event = events.delivered()
    text = json.dumps(event).encode()
    pieces = iter([text[:1], text[1:20], text[20:]])
    assert gateway.post(pieces, headers={"Transfer-Encoding": "chunked"}, chunked=True).result == "accepted"
    receiver.wait_one()


def request_bytes(event, extra=""):
    body = json.dumps(event).encode()
    return (f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n{extra}"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


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


def test_a_connection_serves_many_requests(gateway):
    with gateway.client() as client:
        assert [client.post(events.delivered()).result for _ in range(50)] == ["accepted"] * 50
        assert client.request("GET", "/healthz").status == 200
        assert client.post(b"{").status == 400
        assert client.post(events.delivered()).result == "accepted"


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


def test_clients_that_hang_up_before_the_answer_harm_nobody(gateway, receiver):
    batch = [events.delivered() for _ in range(100)]
    for event in batch:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
            connection.sendall(request_bytes(event))
    last = events.delivered()
    assert gateway.post(last).result == "accepted"
    wait_until(lambda: last["id"] in {e["payload"]["message"]["message_id"] for e in receiver.envelopes()},
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


# -- pages ------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_healthz(gateway):
    answer = gateway.request("GET", "/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    head = gateway.request("HEAD", "/healthz")
    assert (head.status, head.body) == (200, b"")


def test_jwks_is_postals(gateway, signing_key):
    answer = gateway.request("GET", "/.well-known/jwks.json")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=900"
    (key,) = answer.json["keys"]
    assert list(key) == ["kty", "n", "e", "use", "alg", "kid"]
    assert key["kid"] == signing_key.key_id
    assert (key["kty"], key["e"], key["use"], key["alg"]) == ("RSA", "AQAB", "sig", "RS256")
    assert re.fullmatch(r"[A-Za-z0-9_-]+", key["n"])
    padded = key["n"] + "=" * (-len(key["n"]) % 4)
    assert int.from_bytes(base64.urlsafe_b64decode(padded), "big") == signing_key.modulus
    assert answer.body == json.dumps(answer.json, separators=(",", ":")).encode()


def test_requests_for_the_jwks_are_counted(gateway):
    assert gateway.metric("jwks_requests_total") == 0
    assert_jwks_answers(gateway)
    gateway.request("HEAD", "/.well-known/jwks.json")
    gateway.request("GET", "/.well-known/jwks")
    assert gateway.metric("jwks_requests_total") == 2


def test_jwks_publishes_all_keys_in_order(start_gateway, receiver, signing_key, tmp_path):
    second = SigningKey(tmp_path / "next.key")
    gateway = start_gateway(signing={"keys": [str(second.path), str(signing_key.path)]})
    keys = gateway.request("GET", "/.well-known/jwks.json").json["keys"]
    assert [key["kid"] for key in keys] == [second.key_id, signing_key.key_id]
    gateway.post(events.delivered())
    assert receiver.wait_one().header("X-Postal-Signature-KID") == second.key_id


def test_without_a_key_nothing_is_signed_and_a_warning_says_so(start_gateway, receiver):
    gateway = start_gateway(signing=None)
    assert gateway.request("GET", "/.well-known/jwks.json").json == {"keys": []}
    gateway.post(events.delivered())
    request = receiver.wait_one()
    assert not [name for name, _ in request.headers if name.lower().startswith("x-postal-signature")]
    assert any("sign" in line["event"] or "sign" in json.dumps(line) for line in gateway.log(level="warn"))


@pytest.mark.threads
def test_pages_do_not_wait_for_the_store(gateway):
    """Health and keys are answered while events are being committed."""
    done = threading.Event()

    def pour():
        with gateway.client() as client:
            while not done.is_set():
                client.post(events.delivered())

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        with gateway.client() as client:
            assert [client.request("GET", "/healthz").status for _ in range(50)] == [200] * 50
    finally:
        done.set()
        thread.join()
