# SPDX-License-Identifier: MIT
"""max_backlog is shared out: neither a dead target nor one source takes the room of the others."""

import events
from api import api
from control import Control
from receiver import Reply
from settings import PATH, source, target
from waiting import wait_until


def dead(gateway):
    return api(gateway, "GET", "/deliveries?state=dead&limit=200")["deliveries"]


def away_and_well(receiver, **changes):
    receiver.answer("/away", Reply(503))
    return [target("away", receiver.url("/away"), retry=["1h"] * 5, **changes),
            target("well", receiver.url("/well"))]


def test_one_dead_target_is_no_503(start_gateway, receiver):
    gateway = start_gateway(store={"max_backlog": 20}, targets=away_and_well(receiver))
    for _ in range(60):
        assert gateway.post(events.delivered()).result == "accepted"
        gateway.wait_idle("well")
    gateway.wait_metric("deliveries_total", 60, target="well", outcome="delivered")
    assert gateway.queued("away") == 10
    assert gateway.metric("deliveries_total", target="away", outcome="dead") == 50
    assert gateway.admin("/readyz").status == 200
    letters = dead(gateway)
    assert len(letters) == 50
    assert {(row["target"], row["reason"], row["attempts"], row["result"]) for row in letters} == {
        ("away", "backlog_full", 0, None)}
    assert "because of backlog_full" in Control(gateway).ok("queue", "show", letters[0]["uuid"])
    wait_until(lambda: gateway.log("delivery.backlog_full", target="away"), "it is said")
    # Never a line for each: the rest is counted.
    assert len(gateway.log("delivery.backlog_full")) < 50


def test_what_was_beyond_the_share_can_be_sent(start_gateway, receiver):
    gateway = start_gateway(targets=away_and_well(receiver, max_backlog=3))
    sent = [events.delivered() for _ in range(8)]
    for event in sent:
        assert gateway.post(event).result == "accepted"
        gateway.wait_idle("well")
    assert gateway.queued("away") == 3
    assert len(dead(gateway)) == 5
    receiver.answer("/away", Reply(200))
    Control(gateway).ok("queue", "retry", "--target", "away", "--yes")
    gateway.wait_metric("deliveries_total", 8, target="away", outcome="delivered")
    gateway.wait_idle("away")
    taken = {envelope["payload"]["message"]["message_id"] for envelope in receiver.envelopes("/away")}
    assert taken == {event["id"] for event in sent}


def test_many_at_once_beyond_the_share(start_gateway, receiver):
    """From memory, too: what is dead gives its slot back, and what is not is sent."""
    receiver.answer("/away", Reply(manner="hang"))
    gateway = start_gateway(targets=[target("away", receiver.url("/away"), max_backlog=4, concurrency=64),
                                     target("well", receiver.url("/well"), concurrency=64)])
    answers = gateway.post_all([events.delivered() for _ in range(100)], connections=8)
    assert {answer.result for answer in answers} == {"accepted"}
    gateway.wait_metric("deliveries_total", 100, target="well", outcome="delivered")
    gateway.wait_metric("deliveries_total", 96, target="away", outcome="dead")
    receiver.wait_count(4, "/away")
    assert gateway.queued("away") == 4


def test_one_source_leaves_room_for_the_others(start_gateway, receiver):
    gateway = start_gateway(store={"max_backlog": 20}, sources=[source(), source("other", "/other")],
                            targets=away_and_well(receiver, max_backlog=20))
    for _ in range(10):
        assert gateway.post(events.delivered()).result == "accepted"
        gateway.wait_idle("well")
    refused = gateway.post(events.delivered())
    assert refused.status == 503 and refused.headers["Retry-After"] == "30"
    assert gateway.metric("requests_rejected_total", reason="backlog_full", source="bizmail") == 1
    assert gateway.metric("requests_rejected_total", reason="backlog_full", source="other") == 0
    for _ in range(5):
        assert gateway.post(events.delivered(), "/other").result == "accepted"
        gateway.wait_idle("well")
    # It is remembered.
    gateway.restart()
    assert gateway.post(events.delivered(), PATH).status == 503
    assert gateway.post(events.delivered(), "/other").result == "accepted"
    receiver.answer("/away", Reply(200))
    Control(gateway).ok("queue", "retry", "--target", "away", "--yes")
    wait_until(lambda: gateway.post(events.delivered()).status == 200, "it is taken again")
