# SPDX-License-Identifier: MIT
"""The pages of the public listener: health, and the keys that receivers verify with."""

import base64
import json
import re
import threading

import events
import pytest
from jwks import assert_jwks_answers
from keys import SigningKey


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
