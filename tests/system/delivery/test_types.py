# SPDX-License-Identifier: MIT
"""A receiver that refuses some types of event and wants the others: with Postal these arrive at once."""

import events
import pytest
from receiver import Reply
from settings import target
from waiting import wait_until

DEFAULTS = {"timeout": "5s", "connect_timeout": "2s", "retry": "postal-extended",
            "breaker": {"failures": 10, "cooldown": "30s"}}
SENT, DELAYED, FAILED = "MessageSent", "MessageDelayed", "MessageDeliveryFailed"


def by_type(refused, reply):
    return lambda request: reply if request.envelope["event"] in refused else Reply()


def mixed(count):
    makers = [events.delivered, events.soft_bounce, events.bounce, events.drop]
    return [makers[i % len(makers)]() for i in range(count)]


def wait_line(gateway, event, **fields):
    wait_until(lambda: gateway.log(event, **fields), f"a line {event} with {fields}")


def wait_metric(gateway, name, value, **labels):
    wait_until(lambda: gateway.metric(name, target="app", **labels) == value, f"{name} {labels} is {value}")


def events_of(requests):
    return [request.envelope["event"] for request in requests]


@pytest.mark.parametrize("refused, status", [((SENT, DELAYED), 404), ((DELAYED,), 500), ((DELAYED,), 503)],
                         ids=["404 like Mautic", "500 like sendportal", "503 for one type"])
def test_a_refused_type_holds_up_no_other(start_gateway, receiver, refused, status):
    """At the default settings: all that is wanted has arrived before any refused event had its second
    attempt."""
    receiver.answer("/app", by_type(refused, Reply(status)))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), **DEFAULTS)])
    sent = mixed(1000)
    gateway.post_all(sent)
    wanted = sum(event_type not in refused for event_type in (SENT, DELAYED, FAILED, FAILED)) * 250
    wait_metric(gateway, "deliveries_total", wanted, outcome="delivered")
    requests = receiver.requests("/app")
    refused_uuids = [r.envelope["uuid"] for r in requests if r.envelope["event"] in refused]
    assert len(refused_uuids) == len(set(refused_uuids)), "none was tried twice before all others were there"
    taken = [r.envelope["uuid"] for r in requests if r.envelope["event"] not in refused]
    assert len(taken) == len(set(taken)) == wanted
    wait_until(lambda: gateway.queued("app") == 1000 - wanted, "what is refused is kept and retried")
    assert gateway.metric("target_state", target="app", state="active") == 1


def test_each_type_is_retried_on_its_own(start_gateway, receiver):
    receiver.answer("/app", by_type((DELAYED,), Reply(500)))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["50ms"] * 60,
                                            breaker={"failures": 3, "cooldown": "100ms"})])
    gateway.post_all([events.soft_bounce() for _ in range(5)])
    wait_line(gateway, "target.failing", type=DELAYED)
    gateway.post_all([events.delivered() for _ in range(20)])
    wait_metric(gateway, "deliveries_total", 20, outcome="delivered")
    wait_until(lambda: gateway.queued("app") == 5, "the refused ones wait")
    receiver.answer("/app", Reply())
    gateway.wait_idle()
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 25
    wait_line(gateway, "target.healed", type=DELAYED)
    assert not [line for line in gateway.log("target.failing") if line["type"] != DELAYED]


@pytest.mark.parametrize("reply", [Reply(502), Reply(504), Reply(manner="reset")], ids=["502", "504", "reset"])
def test_a_receiver_that_is_away_is_left_alone_as_a_whole(start_gateway, receiver, reply):
    """Three failures of one type, and no event of another type is attempted."""
    receiver.answer("/app", by_type((SENT,), reply))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), concurrency=1, retry=["1h"],
                                            breaker={"failures": 3, "cooldown": "5m"})])
    gateway.post_all([events.delivered() for _ in range(3)])
    wait_metric(gateway, "target_state", 1, state="open")
    gateway.post_all([events.bounce() for _ in range(5)])
    wait_metric(gateway, "queue_depth", 5, state="ready")
    assert events_of(receiver.requests("/app")) == [SENT] * 3
    wait_line(gateway, "target.failing", type="all")
    assert len(gateway.log("target.failing")) == 1


def test_a_target_is_open_when_no_type_gets_through(start_gateway, receiver):
    receiver.answer("/app", Reply(503))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["1h"],
                                            breaker={"failures": 2, "cooldown": "5m"})])
    gateway.post_all([events.delivered() for _ in range(4)])
    wait_metric(gateway, "target_state", 1, state="open")
    gateway.post_all([events.bounce() for _ in range(4)])
    wait_line(gateway, "target.failing", type=FAILED)
    assert gateway.metric("target_state", target="app", state="open") == 1


def test_a_type_that_is_never_taken_names_the_line_to_write(start_gateway, receiver):
    receiver.answer("/app", by_type((SENT,), Reply(404)))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["1h"], breaker={"failures": 0})])
    gateway.post_all([events.delivered() for _ in range(150)])
    gateway.post_all([events.bounce() for _ in range(5)])
    wait_metric(gateway, "attempts_total", 155)
    wait_line(gateway, "target.type_refused")
    (line,) = gateway.log("target.type_refused")
    assert (line["target"], line["type"], line["status"], line["level"]) == ("app", SENT, 404, "warn")
    assert line["advice"] == ('events = [ "MessageDelayed", "MessageDeliveryFailed", "MessageHeld", '
                              '"MessageBounced" ];')


def test_a_type_that_was_taken_once_is_not_called_refused(start_gateway, receiver):
    receiver.answer("/app", Reply(), Reply(404))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["1h"], breaker={"failures": 0})])
    gateway.post(events.delivered())
    receiver.wait_one("/app")
    gateway.wait_idle()
    gateway.post_all([events.delivered() for _ in range(150)])
    wait_metric(gateway, "attempts_total", 151)
    assert gateway.log("target.type_refused") == []


def test_types_survive_a_restart(start_gateway, receiver):
    """What waits on the disk is claimed by type too: a backlog of a refused type is passed by."""
    receiver.answer("/app", by_type((SENT,), Reply(404)))
    options = {"targets": [target("app", receiver.url("/app"), concurrency=1, retry=["1h"],
                                  breaker={"failures": 2, "cooldown": "5m"})]}
    gateway = start_gateway(**options)
    gateway.post_all([events.delivered() for _ in range(600)])
    wait_line(gateway, "target.failing", type=SENT)
    gateway.restart()
    wait_line(gateway, "target.failing", type=SENT)
    gateway.post_all([events.bounce() for _ in range(10)])
    wait_metric(gateway, "deliveries_total", 10, outcome="delivered")
    wait_until(lambda: gateway.queued("app") == 600, "the refused ones wait")
