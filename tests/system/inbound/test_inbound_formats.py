# SPDX-License-Identifier: MIT
"""The three encodings of an event, their labels, and the fields in them."""

import json
from urllib.parse import urlencode

import events
import pytest
from posts import assert_refused
from settings import PATH

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def multipart(fields, boundary="frontier"):
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in fields.items()]
    body = "".join(parts) + f"--{boundary}--\r\n"
    return body.encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "text/json",
    "Application/JSON", "text/json; charset=utf-8",
])
def test_json_by_any_of_its_names(gateway, content_type):
    assert gateway.post(events.delivered(), headers={"Content-Type": content_type}).result == "accepted"


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
