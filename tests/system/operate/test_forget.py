# SPDX-License-Identifier: MIT
"""target forget: what is left of a target that is configured no more."""

import signal

import events
import pytest
from api import api
from control import Control
from receiver import Reply
from settings import target
from waiting import wait_until


def names(gateway):
    return [entry["name"] for entry in api(gateway, "GET", "/targets")["targets"]]


@pytest.fixture
def dead(start_gateway, receiver):
    """A gateway with two dead letters of "old", and one of "app"."""
    receiver.answer("/old", Reply(400))
    gateway = start_gateway(targets=[target("app", receiver.url("/app")),
                                     target("old", receiver.url("/old"), retry=["10ms"])])
    for _ in range(2):
        gateway.post(events.delivered())
    gateway.wait_metric("deliveries_total", 2, target="old", outcome="dead")
    gateway.wait_idle("old")
    gateway.wait_idle("app")
    return gateway


def drop_from_configuration(gateway, receiver):
    gateway.configure(gateway.settings | {"targets": [target("app", receiver.url("/app"))]})
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.log("gateway.reloaded"), "it is not configured any more")


def test_a_configured_target_is_not_forgotten(dead):
    assert "is configured" in Control(dead).refused(1, "target", "forget", "old")
    assert names(dead) == ["app", "old"]
    assert "is no target here" in Control(dead).refused(1, "target", "forget", "nobody")


def test_forget(dead, receiver):
    drop_from_configuration(dead, receiver)
    control = Control(dead)
    assert control.ok("target", "forget", "old") == "old: forgotten\n"
    assert names(dead) == ["app"]
    assert api(dead, "GET", "/deliveries?state=dead")["deliveries"] == []
    assert {row["target"] for row in api(dead, "GET", "/deliveries")["deliveries"]} == {"app"}
    assert dead.post(events.delivered()).result == "accepted"
    dead.wait_idle("app")
    dead.restart()
    assert names(dead) == ["app"]
    assert {dict(labels)["target"] for labels in dead.metrics().series("queue_depth")} == {"app"}
    # Without a gateway, too: there is nothing to forget any more.
    dead.stop()
    assert "is no target here" in Control(dead).refused(1, "target", "forget", "old")


def test_what_waits_is_not_forgotten(start_gateway, receiver):
    receiver.answer("/old", Reply(503))
    gateway = start_gateway(targets=[target("app", receiver.url("/app")),
                                     target("old", receiver.url("/old"), retry=["1h"])])
    gateway.post(events.delivered())
    receiver.wait_count(1, "/old")
    drop_from_configuration(gateway, receiver)
    control = Control(gateway)
    assert "are open" in control.refused(1, "target", "forget", "old")
    control.ok("queue", "discard", "--target", "old", "--all", "--yes")
    assert control.ok("target", "forget", "old") == "old: forgotten\n"
    assert names(gateway) == ["app"]
