# SPDX-License-Identifier: MIT
"""What becomes of an event that is posted: accepted, a duplicate, quarantined; and by what two events differ."""

import events
import pytest
from posts import assert_refused
from settings import source


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


def test_the_same_event_from_two_sources_is_two_events(start_gateway, receiver):
    gateway = start_gateway(sources=[source(auth="none"), source("second", "/second", auth="none")])
    event = events.delivered()
    assert gateway.post(event).result == "accepted"
    assert gateway.post(event, "/second").result == "accepted"
    first, second = receiver.wait_count(2)
    assert first.envelope["uuid"] != second.envelope["uuid"]


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


def test_no_nul_goes_out(gateway, receiver):
    assert gateway.post(events.bounce(response="550 5.1.1 no\0body")).result == "accepted"
    request = receiver.wait_one()
    assert b"\\u0000" not in request.body
    assert request.envelope["payload"]["output"] == "550 5.1.1 no\ufffdbody"


def test_the_envelope_tells_when_it_happened(gateway, receiver):
    """Six receivers take the envelope's timestamp for the event's time."""
    assert gateway.post(events.bounce(time=1713100000)).result == "accepted"
    assert receiver.wait_one().envelope["timestamp"] == 1713100000
