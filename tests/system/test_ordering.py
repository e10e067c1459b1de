# SPDX-License-Identifier: MIT
"""ordering = "message": what happened to one message reaches a target in the order in which it came to us."""

import collections
import random
import threading

import events
import pytest
from receiver import Reply
from settings import target
from waiting import wait_until

SOFT_BOUNCES = 4
HISTORY = SOFT_BOUNCES + 1


def history(message=None, recipient="user@example.com"):
    """What happens to a message: soft bounces, then it arrives. The times fall, so that an order of
    arrival cannot be mistaken for an order of times."""
    message = message or events.message_id()
    bounces = [events.soft_bounce(id=message, to=recipient, time=events.TIME_S - n)
               for n in range(SOFT_BOUNCES)]
    return [*bounces, events.delivered(id=message, recipient=recipient, time=events.TIME_S - SOFT_BOUNCES)]


def place(request):
    """(message id, recipient) and the index in its history."""
    payload = request.envelope["payload"]
    message = payload["message"]
    return (message["message_id"], message["to"]), round(events.TIME_S - payload["timestamp"])


def ordered(receiver, **changes):
    return [target("app", receiver.url("/app"), ordering="message", **changes),
            target("other", receiver.url("/other"))]


class Flaky:
    """A reply that refuses by chance, and notes what was tried and what was taken, message by message."""

    def __init__(self, share, seed=1):
        self.tried = collections.defaultdict(list)
        self.taken = collections.defaultdict(list)
        self.together = 0  # the most of one message in flight at once
        self._flying = collections.Counter()
        self._share = share
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._never = threading.Event()

    def __call__(self, request):
        message, index = place(request)
        with self._lock:
            self.tried[message].append(index)
            self._flying[message] += 1
            self.together = max(self.together, self._flying[message])
            refused = self._random.random() < self._share
        self._never.wait(0.002)
        with self._lock:
            self._flying[message] -= 1
            if not refused:
                self.taken[message].append(index)
        return Reply(500 if refused else 200)

    def assert_in_order(self, messages):
        assert len(self.taken) == messages
        assert all(taken == list(range(HISTORY)) for taken in self.taken.values()), self.taken
        assert all(tried == sorted(tried) for tried in self.tried.values()), "nothing overtakes a retry"
        assert self.together == 1


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
    wait_until(lambda: gateway.metric("deliveries_total", target="app", outcome="retried") >= messages,
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

    gateway = start_gateway(targets=ordered(receiver, retry=["1500ms"] * 3))
    begin = history(held)
    gateway.post(begin[0])
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="retried")
    refused_at = attempts()[0].at
    for event in begin[1:]:
        gateway.post(event)
    free = [history(), history(held, "else@example.com")]
    for step in range(HISTORY):
        gateway.post_all([story[step] for story in free])
    gateway.wait_metric("deliveries_total", 2 * HISTORY, target="app", outcome="delivered")
    assert len(attempts()) == 1, "its later events wait"
    assert gateway.queued("app") == HISTORY
    others = [request for request in receiver.requests("/app") if request not in attempts()]
    assert max(request.at for request in others) < refused_at + 1.5, "the others did not"
    gateway.wait_metric("deliveries_total", 3 * HISTORY, target="app", outcome="delivered")
    assert [place(request)[1] for request in attempts()] == [0, *range(HISTORY)]
    assert attempts()[1].at - refused_at >= 1.49
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
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["1s"])])
    story = history()
    gateway.post(story[0])
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="retried")
    for event in story[1:]:
        gateway.post(event)
    receiver.wait_count(HISTORY + 1, "/app")
    assert place(receiver.requests("/app")[-1])[1] == 0


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
