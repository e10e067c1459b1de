# SPDX-License-Identifier: MIT
"""ordering = "message": what happened to one message reaches a target in the order in which it came to us."""

import events
import pytest
from api import api
from histories import HISTORY, Flaky, history, place
from receiver import Reply
from settings import source, target
from waiting import wait_until

pytestmark = pytest.mark.threads


def ordered(receiver, **changes):
    return [target("app", receiver.url("/app"), ordering="message", **changes),
            target("other", receiver.url("/other"))]


def post_histories(gateway, messages):
    """Several messages at once, each one's events one after the other, interleaved as they happen."""
    histories = [history() for _ in range(messages)]
    for step in range(HISTORY):
        answers = gateway.post_all([story[step] for story in histories], connections=8)
        assert {answer.result for answer in answers} == {"accepted"}


def test_order_holds_under_retries_with_many_messages(start_gateway, receiver):
    messages = 60
    flaky = Flaky(0.3)
    receiver.answer("/app", flaky)
    gateway = start_gateway(targets=ordered(receiver, retry=["30ms"] * 60))
    post_histories(gateway, messages)
    gateway.wait_metric("deliveries_total", messages * HISTORY, target="app", outcome="delivered")
    gateway.wait_idle()
    flaky.assert_in_order(messages)
    assert any(len(tried) > HISTORY for tried in flaky.tried.values()), "there were retries"
    assert receiver.in_flight_max("/app") > 1, "different messages go side by side"
    receiver.wait_count(messages * HISTORY, "/other")


def test_order_holds_through_a_crash(start_gateway, receiver):
    messages = 20
    flaky = Flaky(0.3)
    receiver.answer("/app", Reply(500))
    gateway = start_gateway(targets=ordered(receiver, retry=["200ms"] * 60))
    post_histories(gateway, messages)
    wait_until(lambda: gateway.refused_attempts() >= messages,
               "the first events wait for their second attempt")
    assert {place(request)[1] for request in receiver.requests("/app")} == {0}
    gateway.kill9()
    receiver.answer("/app", flaky)
    gateway.start()
    gateway.wait_metric("deliveries_total", messages * HISTORY, target="app", outcome="delivered")
    flaky.assert_in_order(messages)


def test_a_waiting_retry_holds_back_its_message_only(start_gateway, receiver):
    """The same message to another recipient is another message."""
    held = events.message_id()
    receiver.answer("/app", lambda request: Reply(
        500 if place(request) == ((held, "user@example.com"), 0) and len(attempts()) == 1 else 200))

    def attempts():
        return [request for request in receiver.requests("/app")
                if place(request)[0] == (held, "user@example.com")]

    gateway = start_gateway(targets=ordered(receiver, retry=["1h"] * 3))
    begin = history(held)
    gateway.post(begin[0])
    wait_until(lambda: gateway.refused_attempts() == 1, "it is refused")
    waiting = attempts()[0].envelope["uuid"]
    for event in begin[1:]:
        gateway.post(event)
    free = [history(), history(held, "else@example.com")]
    for step in range(HISTORY):
        gateway.post_all([story[step] for story in free])
    gateway.wait_metric("deliveries_total", 2 * HISTORY, target="app", outcome="delivered")
    assert len(attempts()) == 1, "its later events wait"
    wait_until(lambda: gateway.queued("app") == HISTORY, "the store knows of the others' verdicts")
    assert api(gateway, "POST", f"/events/{waiting}/retry?target=app") == {"changed": 1}
    gateway.wait_metric("deliveries_total", 3 * HISTORY, target="app", outcome="delivered")
    assert [place(request)[1] for request in attempts()] == [0, *range(HISTORY)]
    gateway.wait_idle()


def test_a_dead_event_lets_the_next_one_go(start_gateway, receiver):
    receiver.answer("/app", lambda request: Reply(500 if place(request)[1] == 0 else 200))
    gateway = start_gateway(targets=ordered(receiver, retry=["100ms", "100ms"]))
    for event in history():
        gateway.post(event)
    gateway.wait_metric("deliveries_total", HISTORY - 1, target="app", outcome="delivered")
    assert [place(request)[1] for request in receiver.requests("/app")] == [0, 0, 0, *range(1, HISTORY)]
    assert gateway.metric("queue_depth", target="app", state="dead") == 1
    gateway.wait_idle()


def test_without_it_nothing_waits(start_gateway, receiver):
    """The default: a waiting retry is overtaken."""
    receiver.answer("/app", Reply(500), Reply(200))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["1h"])])
    story = history()
    gateway.post(story[0])
    wait_until(lambda: gateway.refused_attempts() == 1, "it is refused")
    for event in story[1:]:
        gateway.post(event)
    gateway.wait_metric("deliveries_total", HISTORY - 1, target="app", outcome="delivered")
    assert sorted(place(request)[1] for request in receiver.requests("/app")) == list(range(HISTORY))


@pytest.mark.parametrize("changes", [{"concurrency": 1}, {"rate": "100/s"}], ids=str)
def test_order_holds_within_other_limits(start_gateway, receiver, changes):
    messages = 10
    flaky = Flaky(0.2)
    receiver.answer("/app", flaky)
    gateway = start_gateway(targets=ordered(receiver, retry=["20ms"] * 60, **changes))
    post_histories(gateway, messages)
    gateway.wait_metric("deliveries_total", messages * HISTORY, target="app", outcome="delivered")
    flaky.assert_in_order(messages)


def test_order_holds_behind_a_breaker(start_gateway, receiver):
    messages = 10
    flaky = Flaky(0.0)
    receiver.answer("/app", *[Reply(500)] * 5, flaky)
    gateway = start_gateway(targets=ordered(
        receiver, retry=["20ms"] * 60, breaker={"failures": 3, "cooldown": "100ms"}))
    post_histories(gateway, messages)
    gateway.wait_metric("deliveries_total", messages * HISTORY, target="app", outcome="delivered")
    flaky.assert_in_order(messages)
    gateway.wait_idle()


def test_another_source_cannot_hold_a_message_up(start_gateway, receiver):
    """It knows the message id and the recipient, and posts what the receiver refuses."""
    refused = events.bounce(response="550 refuse this")
    receiver.answer("/app", lambda request: Reply(500 if b"refuse this" in request.body else 200))
    gateway = start_gateway(targets=ordered(receiver, retry=["1h"] * 3),
                            sources=[source("attacker", "/attacker"), source("victim", "/victim")])
    own = events.delivered(id=refused["id"], recipient=refused["to"])
    assert gateway.post(refused, "/attacker").result == "accepted"
    receiver.wait_count(1, "/app")
    assert gateway.post(own, "/victim").result == "accepted"
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="delivered")
