# SPDX-License-Identifier: MIT
"""What a receiver sees: Postal's envelope, byte for byte, and Postal's headers."""

import base64
import json
import re
import time
import uuid

import events
import pytest
from receiver import Reply
from settings import PATH, source, target
from waiting import wait_until

MESSAGE_KEYS = ["id", "token", "direction", "message_id", "to", "from", "subject", "timestamp",
                "spam_status", "tag"]
STATUS_KEYS = ["message", "status", "details", "output", "sent_with_ssl", "timestamp", "time"]


def as_rails_spells_it(value):
    """ActiveSupport's to_json: compact, raw UTF-8, but escapes for HTML and JavaScript."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()


def check_envelope(request):
    """Holds for every envelope, whatever it is about; returns it."""
    envelope = request.envelope
    assert request.body == as_rails_spells_it(envelope)
    assert list(envelope) == ["event", "timestamp", "payload", "uuid"]
    assert str(uuid.UUID(envelope["uuid"])) == envelope["uuid"]
    assert uuid.UUID(envelope["uuid"]).version == 5
    assert envelope["timestamp"] <= time.time(), "no receiver is told of the future"
    payload = envelope["payload"]
    if envelope["event"] == "MessageBounced":
        assert list(payload) == ["original_message", "bounce"]
        check_message(payload["original_message"])
        check_message(payload["bounce"])
    else:
        assert list(payload) == STATUS_KEYS
        check_message(payload["message"])
        assert len(payload["details"]) <= 250 and len(payload["output"]) <= 250
    assert len(request.body) < 32 * 1024
    return envelope


def check_message(message):
    assert list(message) == MESSAGE_KEYS
    assert 2**30 <= message["id"] < 2**31
    assert re.fullmatch("[A-Za-z0-9]{16}", message["token"])
    assert message["spam_status"] == "NotChecked"


def sent(gateway, receiver, event):
    """The envelope that the event becomes."""
    before = len(receiver.requests())
    assert gateway.post(event).result == "accepted"
    return check_envelope(receiver.wait_count(before + 1)[before])


def expected_message(event, **changes):
    return {
        "direction": "outgoing",
        "message_id": event["id"],
        "to": event.get("recipient") or event["to"],
        "from": "",
        "subject": "",
        "timestamp": events.TIME_S,
        "spam_status": "NotChecked",
        "tag": None,
    } | changes


def derived(message):
    """A message without what is derived by hashing."""
    return {name: value for name, value in message.items() if name not in ("id", "token")}


# -- the five shapes --------------------------------------------------------------------------------


@pytest.mark.smoke
@pytest.mark.parametrize("make, name, status, details, output", [
    (events.delivered, "MessageSent", "Sent",
     "Message for user@example.com accepted by mx.example.com", "250 OK"),
    (lambda: events.without(events.delivered(), "mxHostname"), "MessageSent", "Sent",
     "Message for user@example.com accepted", "250 OK"),
    (events.bounce, "MessageDeliveryFailed", "HardFail",
     "Permanent SMTP delivery error when sending to example.com",
     "550 5.1.1 The email account does not exist"),
    (events.soft_bounce, "MessageDelayed", "SoftFail",
     "Temporary SMTP delivery error when sending to example.com", "452 4.2.2 Mailbox full"),
])
def test_events_with_a_time(gateway, receiver, make, name, status, details, output):
    event = make()
    envelope = sent(gateway, receiver, event)
    payload = envelope["payload"]
    assert envelope["event"] == name
    assert derived(payload.pop("message")) == expected_message(event)
    assert payload == {"status": status, "details": details, "output": output, "sent_with_ssl": False,
                       "timestamp": events.TIME_S, "time": 0}


@pytest.mark.parametrize("mapping, name, status, details, output", [
    ({}, "MessageDeliveryFailed", "HardFail",
     "Message to user@example.com was dropped: Suppressed address", "Suppressed address"),
    ({"dropped": "MessageHeld"}, "MessageHeld", "Held",
     "Recipient (user@example.com) is on the suppression list (reason: Suppressed address)", ""),
])
def test_a_drop(start_gateway, receiver, mapping, name, status, details, output):
    gateway = start_gateway(translate=mapping)
    event = events.drop()
    envelope = sent(gateway, receiver, event)
    payload = envelope["payload"]
    assert envelope["event"] == name
    assert abs(payload["timestamp"] - envelope["timestamp"]) < 1, "a drop happens when it arrives"
    message = payload.pop("message")
    assert derived(message) == expected_message(event, timestamp=message["timestamp"])
    assert abs(message["timestamp"] - envelope["timestamp"]) < 1
    assert (payload["status"], payload["details"], payload["output"]) == (status, details, output)
    assert (payload["sent_with_ssl"], payload["time"]) == (False, 0)


def test_a_hard_bounce_as_message_bounced(start_gateway, receiver):
    gateway = start_gateway(translate={"hard_bounce": "MessageBounced"},
                            sources=[source(defaults={"from": "noreply@example.com"})])
    event = events.bounce(returnPath="")
    envelope = sent(gateway, receiver, event)
    assert envelope["event"] == "MessageBounced"
    original, dsn = envelope["payload"]["original_message"], envelope["payload"]["bounce"]
    assert derived(original) == expected_message(event, **{"from": "noreply@example.com"})
    assert dsn["direction"] == "incoming"
    assert dsn["from"] == ""
    assert dsn["to"] == "noreply@example.com"
    assert dsn["subject"] == "Undelivered Mail Returned to Sender"
    assert (dsn["id"], dsn["token"]) != (original["id"], original["token"])
    soft = sent(gateway, receiver, events.soft_bounce())
    assert soft["event"] == "MessageDelayed"


def test_what_bizmail_does_not_tell_may_be_null(start_gateway, receiver):
    gateway = start_gateway(translate={"sent_with_ssl": "null", "time": "null"})
    payload = sent(gateway, receiver, events.delivered())["payload"]
    assert (payload["sent_with_ssl"], payload["time"]) == (None, None)


def test_sent_with_ssl_may_be_declared(start_gateway, receiver):
    gateway = start_gateway(translate={"sent_with_ssl": "true"})
    assert sent(gateway, receiver, events.delivered())["payload"]["sent_with_ssl"] is True


# -- the message ------------------------------------------------------------------------------------


def test_a_source_fills_in_what_bizmail_does_not_say(start_gateway, receiver):
    gateway = start_gateway(sources=[source(defaults={
        "from": "noreply@example.com", "subject": "Xin chào <bạn> & co", "tag": "welcome"})])
    message = sent(gateway, receiver, events.delivered())["payload"]["message"]
    assert (message["from"], message["subject"], message["tag"]) == (
        "noreply@example.com", "Xin chào <bạn> & co", "welcome")


def test_the_return_path_is_the_sender(gateway, receiver):
    event = events.bounce(returnPath="<bounces+1@example.org>")
    assert sent(gateway, receiver, event)["payload"]["message"]["from"] == "bounces+1@example.org"


@pytest.mark.parametrize("recipient, bare", [
    ("user@example.com", "user@example.com"),
    ("<user@example.com>", "user@example.com"),
    ("A User <user@example.com>", "user@example.com"),
    (" user@example.com ", "user@example.com"),
])
def test_the_recipient_is_a_bare_address(gateway, receiver, recipient, bare):
    assert sent(gateway, receiver, events.delivered(recipient=recipient))["payload"]["message"]["to"] == bare


def test_the_message_id_has_no_angle_brackets(gateway, receiver):
    event = events.delivered()
    bracketed = event | {"id": f"<{event['id']}>"}
    assert sent(gateway, receiver, bracketed)["payload"]["message"]["message_id"] == event["id"]
    assert gateway.post(event).result == "duplicate", "brackets are not part of the identity"


def test_a_message_keeps_its_id_and_token(gateway, receiver):
    """In every event of one message to one recipient, and not in others."""
    base = events.delivered()
    same = [sent(gateway, receiver, e)["payload"]["message"] for e in (
        base, events.soft_bounce(id=base["id"]), events.drop(id=base["id"]))]
    assert len({(message["id"], message["token"]) for message in same}) == 1
    other = [sent(gateway, receiver, e)["payload"]["message"] for e in (
        events.delivered(), events.delivered(id=base["id"], recipient="second@example.com"))]
    assert len({message["token"] for message in same + other}) == 3
    assert len({message["id"] for message in same + other}) == 3


def test_identity_is_the_same_on_every_instance(start_gateway, receiver):
    event = events.bounce()
    first = sent(start_gateway(), receiver, event)
    second = sent(start_gateway(), receiver, event)
    assert first["uuid"] == second["uuid"]
    assert first["payload"] == second["payload"]


def test_every_event_has_a_uuid_of_its_own(gateway, receiver):
    base = events.soft_bounce()
    batch = [base] + [base | {"time": events.TIME_S + n} for n in range(1, 10)]
    gateway.post_all(batch)
    receiver.wait_count(len(batch))
    assert len({check_envelope(request)["uuid"] for request in receiver.requests()}) == len(batch)


# -- values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value, spelled", [
    (1713100000, b"1713100000"),
    ("1713100000", b"1713100000"),
    (1713100000000, b"1713100000"),
    (1713100000123, b"1713100000.123"),
    (1713100000.5, b"1713100000.5"),
    (1713100000123456, b"1713100000.123"),
])
def test_times_come_in_any_unit_and_leave_as_seconds(gateway, receiver, value, spelled):
    gateway.post(events.delivered(time=value))
    request = receiver.wait_one()
    check_envelope(request)
    assert request.body.count(b'"timestamp":' + spelled + b",") == 3


@pytest.mark.parametrize("value", [0, -1, "soon", None, 1e300, 32503680000, True, [1], {}])
def test_an_absurd_time_is_the_time_of_arrival(gateway, receiver, value):
    envelope = sent(gateway, receiver, events.delivered(time=value))
    assert abs(envelope["payload"]["timestamp"] - envelope["timestamp"]) < 1


@pytest.mark.parametrize("text", [
    'a"b\\c/d', "<script>&amp;</script>", "line\u2028sep\u2029", "Xin chào – 你好 🙂", "tab\tbell\x07",
    "\x7f",
])
def test_text_is_spelled_as_rails_spells_it(gateway, receiver, text):
    assert sent(gateway, receiver, events.delivered(response=text))["payload"]["output"] == text


@pytest.mark.parametrize("text", ["x" * 10_000, "é" * 10_000, "\N{GRINNING FACE}" * 10_000, "<" * 10_000],
                         ids=["ascii", "two bytes", "four bytes", "escaped"])
def test_long_text_is_cut_between_characters(gateway, receiver, text):
    output = sent(gateway, receiver, events.bounce(response=text))["payload"]["output"]
    assert text.startswith(output)
    assert 200 <= len(output) <= 250


@pytest.mark.parametrize("category, response, name", [
    ("hard_bounce", "452 4.2.2 full", "MessageDeliveryFailed"),
    ("soft_bounce", "550 5.1.1 gone", "MessageDelayed"),
    ("policy", "550 5.7.1 spam", "MessageDeliveryFailed"),
    ("other", "451 4.7.1 greylisted", "MessageDelayed"),
    ("", "550 no such user", "MessageDeliveryFailed"),
    ("", "421 try later", "MessageDelayed"),
    ("", "host: 5.4.4 unrouteable", "MessageDelayed"),
    ("", "Sorry, no host named example.com. (#5.1.2)", "MessageDeliveryFailed"),
    ("whatever", "connection lost", "MessageDelayed"),
])
def test_hard_or_soft(gateway, receiver, category, response, name):
    assert sent(gateway, receiver, events.bounce(category=category, response=response))["event"] == name


# -- the request ------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_the_request_is_postals(gateway, receiver, signing_key):
    gateway.post(events.delivered())
    request = receiver.wait_one()
    assert (request.method, request.path) == ("POST", "/postal")
    assert request.header("Host") == f"127.0.0.1:{receiver.port}"
    assert request.header("Content-Type") == "application/json"
    assert request.header("Content-Length") == str(len(request.body))
    assert request.header("Transfer-Encoding") is None
    assert request.header("Expect") is None
    assert request.header("Authorization") is None
    assert "repostal" in request.header("User-Agent").lower()
    assert request.header("X-Postal-Signature-KID") == signing_key.key_id
    for name, digest in (("X-Postal-Signature", "sha1"), ("X-Postal-Signature-256", "sha256")):
        signature = request.header(name)
        assert re.fullmatch("[A-Za-z0-9+/]{342}==", signature)
        assert signing_key.verifies(digest, request.body, signature)
        assert not signing_key.verifies(digest, request.body + b" ", signature)


@pytest.mark.parametrize("userinfo", ["user:secret", "user:pa%40ss", "user:"])
def test_userinfo_becomes_basic_authentication_as_it_stands(start_gateway, receiver, userinfo):
    """Postal does not decode it either."""
    gateway = start_gateway(targets=[target("app", receiver.url(userinfo=userinfo))])
    gateway.post(events.delivered())
    scheme, _, value = receiver.wait_one().header("Authorization").partition(" ")
    assert (scheme, base64.b64decode(value).decode()) == ("Basic", userinfo)


@pytest.mark.parametrize("url_path, seen", [
    ("", "/"), ("/", "/"), ("/a/b?token=x&y=1", "/a/b?token=x&y=1"), ("?q=1", "/?q=1"),
])
def test_path_and_query_are_kept(start_gateway, receiver, url_path, seen):
    gateway = start_gateway(targets=[target("app", receiver.url(path=url_path))])
    gateway.post(events.delivered())
    assert receiver.wait_one().path == seen


def test_extra_headers(start_gateway, receiver, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    gateway = start_gateway(
        env={"APP_KEY": "from the environment"},
        targets=[target("app", receiver.url(), headers={
            "X-Literal": "as it stands", "X-Env": "env:APP_KEY", "X-File": f"file:{secret}"})])
    gateway.post(events.delivered())
    request = receiver.wait_one()
    assert request.header("X-Literal") == "as it stands"
    assert request.header("X-Env") == "from the environment"
    assert request.header("X-File") == "from a file"
    assert request.header("Content-Type") == "application/json"


def test_all_targets_and_all_attempts_get_the_same_bytes(start_gateway, receiver):
    receiver.answer("/a", Reply(500), Reply(503), Reply(200))
    gateway = start_gateway(targets=[target("a", receiver.url("/a")), target("b", receiver.url("/b"))])
    gateway.post(events.bounce(response="550 <é>"))
    requests = receiver.wait_count(3, "/a") + receiver.wait_count(1, "/b")
    check_envelope(requests[0])
    assert len({request.body for request in requests}) == 1
    for name in ("X-Postal-Signature", "X-Postal-Signature-256", "X-Postal-Signature-KID"):
        assert len({request.header(name) for request in requests}) == 1


def test_a_restart_changes_no_byte(start_gateway, receiver):
    receiver.answer("/postal", Reply(500))
    gateway = start_gateway()
    gateway.post(events.delivered())
    gateway.post(events.drop())

    def bodies():
        return {request.envelope["uuid"]: request.body for request in receiver.requests()}

    wait_until(lambda: len(bodies()) == 2, "both were attempted")
    gateway.kill9()
    first = bodies()
    receiver.answer("/postal", Reply(200))
    before = len(receiver.requests())
    gateway.start()
    again = receiver.wait_count(before + 2)[before:]
    assert {request.envelope["uuid"]: request.body for request in again} == first


# -- who gets what ----------------------------------------------------------------------------------


def test_a_target_gets_the_events_it_wants(start_gateway, receiver):
    gateway = start_gateway(targets=[
        target("all", receiver.url("/all")),
        target("failures", receiver.url("/failures"), events=["MessageDeliveryFailed", "MessageDelayed"]),
        target("off", receiver.url("/off"), enabled=False),
    ])
    batch = [events.delivered(), events.bounce(), events.soft_bounce()]
    gateway.post_all(batch, connections=1)
    receiver.wait_count(3, "/all")
    receiver.wait_count(2, "/failures")
    for name in ("all", "failures"):
        gateway.wait_idle(name)
    names = {envelope["event"] for envelope in receiver.envelopes("/failures")}
    assert names == {"MessageDeliveryFailed", "MessageDelayed"}
    assert len(receiver.requests("/failures")) == 2
    assert len(receiver.requests("/all")) == 3
    assert receiver.requests("/off") == []


def test_a_target_gets_the_sources_it_wants(start_gateway, receiver):
    gateway = start_gateway(
        sources=[source(auth="none"), source("other", "/other", auth="none")],
        targets=[target("first", receiver.url("/first"), sources=["bizmail"]),
                 target("both", receiver.url("/both"))])
    mine = events.delivered()
    gateway.post(mine, PATH)
    gateway.post(events.delivered(), "/other")
    receiver.wait_count(2, "/both")
    receiver.wait_count(1, "/first")
    gateway.wait_idle("first")
    (only,) = receiver.envelopes("/first")
    assert only["payload"]["message"]["message_id"] == mine["id"]


def test_an_event_that_nobody_wants_is_accepted_all_the_same(start_gateway, receiver):
    gateway = start_gateway(targets=[target("app", receiver.url(), events=["MessageSent"])])
    assert gateway.post(events.bounce()).result == "accepted"
    assert gateway.post(events.delivered()).result == "accepted"
    assert receiver.wait_one().envelope["event"] == "MessageSent"
    gateway.wait_idle()
    assert len(receiver.requests()) == 1
