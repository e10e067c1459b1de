# SPDX-License-Identifier: MIT
"""repostal target test: one sample envelope to a target, through the gateway, and nothing else."""

import json
import re
import signal
import threading

import events
import pytest
import settings
from receiver import Reply
from repostal import run
from settings import target
from waiting import wait_until


class Command:
    def __init__(self, gateway):
        self.path = gateway.directory / "test.conf"
        complete = gateway.settings | {"admin": gateway.settings["admin"] | {"port": gateway.admin_port}}
        self.path.write_text(settings.render(complete))

    def run(self, name="app", *arguments, command="test"):
        return run("target", command, name, "-c", self.path, *arguments)

    def json(self, name="app", code=0):
        result = self.run(name, "--json")
        assert (result.returncode, result.stderr) == (code, ""), result
        return json.loads(result.stdout)


COUNTED = ("deliveries_total", "attempts_total", "queue_depth", "attempt_duration_seconds_count")


def counts(gateway):
    metrics = gateway.metrics()
    return {name: metrics.series(name) for name in COUNTED}


def test_what_arrives(gateway, receiver, signing_key):
    before = counts(gateway)
    receiver.answer("/postal", Reply(200, body=b"thank \x1b[31myou"))
    told = Command(gateway).json()
    request = receiver.wait_one()
    envelope = request.envelope
    assert (told["target"], told["event"], told["result"], told["status"], told["signed"]) == (
        "app", "MessageSent", "2xx", 200, True)
    assert told["cause"] is None and told["uuid"] == envelope["uuid"] and told["answer"] == "thank \x1b[31myou"
    message = envelope["payload"]["message"]
    assert message["to"].endswith("@example.com") and message["from"].endswith("@example.com")
    assert "test" in message["subject"] and "test" in message["tag"]
    assert signing_key.verifies("sha256", request.body, request.header("X-Postal-Signature-256"))
    text = Command(gateway).run()
    assert re.match(r"app: taken, 200 after \d+ ms\n  event   MessageSent, signed\n  uuid    [0-9a-f-]{36}\n"
                    r"  answer  thank \\u001b\[31myou\n\Z", text.stdout), text
    first, second = receiver.envelopes()
    assert first["uuid"] != second["uuid"], "a receiver that remembers has not seen it"
    assert counts(gateway) == before


def test_a_paused_target_and_its_pause(gateway, receiver):
    tester = Command(gateway)
    assert tester.run(command="pause").returncode == 0
    gateway.post(events.delivered())
    assert tester.json()["status"] == 200
    assert len(receiver.requests()) == 1, "what waits goes on waiting"
    assert gateway.queued() == 1


def test_a_target_that_fails_keeps_its_breaker(start_gateway, receiver):
    """Failing tests open no breaker, and a good one closes none."""
    receiver.answer("/postal", Reply(500, body=b"no"))
    gateway = start_gateway(targets=[target("app", receiver.url(), breaker={"failures": 2, "cooldown": "5m"})])
    tester = Command(gateway)
    for _ in range(4):
        told = tester.json(code=1)
        assert (told["status"], told["answer"]) == (500, "no") and "500" in told["cause"]
    assert gateway.metric("target_state", target="app", state="active") == 1
    for _ in range(2):
        gateway.post(events.delivered())
    gateway.wait_metric("target_state", 1, target="app", state="open")
    receiver.answer("/postal", Reply(200))
    assert tester.json()["status"] == 200
    assert gateway.metric("target_state", target="app", state="open") == 1


@pytest.mark.parametrize("url, result", [
    ("http://127.0.0.1:9/", "connect"), ("http://name.invalid/", "dns"), ("http://169.254.1.1/", "other")])
def test_why_it_was_not_taken(start_gateway, url, result):
    gateway = start_gateway(targets=[target("app", url)])
    told = Command(gateway).json(code=1)
    assert (told["result"], told["status"], told["answer"]) == (result, None, "")
    text = Command(gateway).run()
    assert text.returncode == 1
    assert re.match(rf"app: not taken, {result} after \d+ ms\n  cause   \S", text.stdout), text


@pytest.mark.parametrize("taken, event", [
    (["MessageDeliveryFailed"], "MessageDeliveryFailed"), (["MessageDelayed"], "MessageDelayed"),
    (["MessageBounced"], "MessageSent")])
def test_an_event_that_the_target_takes(start_gateway, receiver, taken, event):
    gateway = start_gateway(targets=[target("app", receiver.url(), events=taken)])
    assert Command(gateway).json()["event"] == event
    assert receiver.wait_one().envelope["event"] == event


def test_without_signing(start_gateway, receiver):
    gateway = start_gateway(signing={"keys": []})
    assert Command(gateway).json()["signed"] is False
    assert receiver.wait_one().header("X-Postal-Signature") is None


def test_who_cannot_be_tested(start_gateway, receiver):
    gateway = start_gateway(targets=[target("app", receiver.url()), target("off", receiver.url(), enabled=False)])
    tester = Command(gateway)
    assert "disabled" in tester.run("off").stderr
    assert "nowhere" in tester.run("nowhere").stderr or "no target" in tester.run("nowhere").stderr
    for name in ("off", "nowhere"):
        assert tester.run(name).returncode == 1
    gateway.stop()
    result = tester.run()
    assert (result.returncode, result.stdout) == (1, "")
    assert f"no gateway runs at 127.0.0.1, port {gateway.admin_port}" in result.stderr
    assert receiver.requests() == []


def test_a_stop_does_not_wait_for_it(start_gateway, receiver):
    receiver.answer("/postal", Reply(manner="hang"))
    gateway = start_gateway(targets=[target("app", receiver.url(), timeout="50s")], shutdown_timeout="200ms")
    tester = Command(gateway)
    results = []
    thread = threading.Thread(target=lambda: results.append(tester.run()))
    thread.start()
    wait_until(lambda: receiver.in_flight("/postal") == 1, "the test is under way")
    gateway.signal(signal.SIGTERM)
    assert gateway.wait_exit() == 0
    thread.join()
    assert results[0].returncode == 1
