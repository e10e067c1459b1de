# SPDX-License-Identifier: MIT
"""Who may post: tokens, passwords, addresses, and the proxies that tell them."""

import base64

import events
import pytest
from posts import NO_TOKEN, assert_refused
from settings import PATH, TOKEN, source


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
