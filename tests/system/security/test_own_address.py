# SPDX-License-Identifier: MIT
"""A target that leads to this gateway itself is never dialled; and what the API is sent by mistake, as a webhook
would be, changes nothing."""

import socket

import events
import pytest
from api import API, api
from repostal import LocalConnection
from settings import PATH, target
from waiting import wait_until

DISCARD = f"{API}/quarantine/1/discard"
ADMIN_TOKEN = "admin-token-of-this-test"


def own_address():
    """Of this machine, as others see it; None when it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def refused(gateway, url):
    """Why the target is not dialled, after the first attempt."""
    gateway.configure(gateway.settings | {"targets": [target("app", url)]})
    seen = len(gateway.log("gateway.reloaded"))
    gateway.signal(1)
    wait_until(lambda: len(gateway.log("gateway.reloaded")) > seen, "the target is there")
    gateway.post(events.delivered())
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

    def error():
        return api(gateway, "GET", "/targets/app", headers=headers)["last_error"]

    return wait_until(error, "an attempt was made")["cause"]


SPELLINGS = ["127.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]", "[::]", "localhost", "2130706433", "0x7f.1", "127.1"]


@pytest.mark.parametrize("host", SPELLINGS)
def test_the_admin_listener_is_not_dialled(start_gateway, host):
    gateway = start_gateway(admin={"token": ADMIN_TOKEN})
    assert gateway.post({"event": "frobnicated", "id": "m@x", "recipient": "a@b.c"}).result == "quarantined"
    cause = refused(gateway, f"http://{host}:{gateway.admin_port}{DISCARD}")
    assert "is this gateway itself at that port" in cause, cause
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    assert len(api(gateway, "GET", "/quarantine", headers=headers)["quarantine"]) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "0.0.0.0", None])
def test_a_listener_on_all_addresses_is_not_dialled(start_gateway, host):
    host = host or own_address()
    if host is None:
        pytest.skip("this machine has no address but the loopback one")
    gateway = start_gateway(admin={"address": "0.0.0.0", "token": ADMIN_TOKEN})
    cause = refused(gateway, f"http://{host}:{gateway.admin_port}{DISCARD}")
    assert "is this gateway itself at that port" in cause, cause


def test_the_public_listener_is_not_dialled(start_gateway):
    gateway = start_gateway(admin={"token": ADMIN_TOKEN})
    cause = refused(gateway, f"http://127.0.0.1:{gateway.port}{PATH}")
    assert "is this gateway itself at that port" in cause, cause


def test_another_port_of_this_machine_is(gateway, receiver):
    gateway.post(events.delivered())
    receiver.wait_one()


@pytest.mark.parametrize("path", ["/quarantine/1/discard", "/quarantine/1/replay", "/targets/app/resume",
                                  "/targets/app/test", "/targets/app/pause", "/quarantine/discard",
                                  "/quarantine/replay", "/jobs"])
def test_an_envelope_is_no_order(gateway, receiver, path):
    """What a webhook sends: a JSON object with members that the route does not know."""
    gateway.post({"event": "frobnicated", "id": "m@x", "recipient": "a@b.c"})
    gateway.post(events.delivered())
    envelope = receiver.wait_one().envelope
    answer = api(gateway, "POST", path, envelope, status=400)
    assert answer["errors"][0]["location"] == "body"
    assert len(api(gateway, "GET", "/quarantine")["quarantine"]) == 1
    assert api(gateway, "GET", "/targets/app")["paused"] is False


def test_an_envelope_for_an_event_is_no_order(gateway, receiver):
    gateway.post(events.delivered())
    envelope = receiver.wait_one().envelope
    for act in ("retry", "discard"):
        api(gateway, "POST", f"/events/{envelope['uuid']}/{act}", envelope, status=400)
    assert len(receiver.requests()) == 1


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "x"])
def test_a_post_is_json_or_nothing(gateway, content_type):
    for body in (None, b"", b"{}"):
        connection = LocalConnection(gateway.admin_socket)
        connection.request("POST", f"{API}/targets/app/pause", body, {"Content-Type": content_type})
        assert connection.getresponse().status == 415
        connection.close()
    assert api(gateway, "GET", "/targets/app")["paused"] is False
    assert api(gateway, "POST", "/targets/app/resume", {})["paused"] is False
