# SPDX-License-Identifier: MIT
"""Receivers that misbehave, for a moment or for hours, and what it costs: them, and nobody else."""

import threading
import time
from contextlib import ExitStack, closing
from email.utils import formatdate

import events
import pytest
import settings
from pauses import assert_paused, assert_rate, retry_delays_ms
from repostal import run
from receiver import Receiver, Reply
from settings import target
from waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.threads

def uuids(requests):
    return [request.envelope["uuid"] for request in requests]


def two_targets(receiver, **of_the_first):
    """The first is the subject, the second shows that the others are not touched."""
    return [target("app", receiver.url("/app"), **of_the_first), target("other", receiver.url("/other"))]


# -- answers that are not as they should be ---------------------------------------------------------


def test_an_answer_without_an_end_is_none(start_gateway, receiver):
    results = {"close": "connect", "cut": "connect", "trickle": "timeout", "waiting": "timeout"}
    for manner in results:
        receiver.answer(f"/{manner}", Reply(manner=manner, body=b"half"), Reply(200))
    gateway = start_gateway(targets=[
        target(manner, receiver.url(f"/{manner}"), retry=["100ms"] * 60,
               **({"timeout": "400ms"} if result == "timeout" else {}))
        for manner, result in results.items()])
    gateway.post(events.delivered())
    for manner, result in results.items():
        gateway.wait_metric("deliveries_total", 1, target=manner, outcome="delivered")
        requests = receiver.requests(f"/{manner}")
        assert len(requests) > 1 and len({request.body for request in requests}) == 1
        attempts = gateway.metric("attempts_total", target=manner)
        assert gateway.metric("attempts_total", target=manner, result="2xx") == 1
        assert gateway.metric("attempts_total", target=manner, result=result) == attempts - 1, manner
        assert attempts == 2 or result == "timeout", "on a busy machine there may be more time-outs"


@pytest.mark.parametrize("status, result, attempts", [(200, "2xx", 1), (500, "5xx", 2)])
def test_a_strange_answer_counts_by_its_status(start_gateway, receiver, status, result, attempts):
    manners = ["excess", "open", "chunked", "interim", "endless"]
    for manner in manners:
        receiver.answer(f"/{manner}", Reply(status, manner=manner, body=b"strange"))
    gateway = start_gateway(targets=[
        target(manner, receiver.url(f"/{manner}"), retry=["100ms"]) for manner in manners])
    gateway.post(events.delivered())
    for manner in manners:
        gateway.wait_metric("attempts_total", attempts, target=manner, result=result)
        gateway.wait_idle(manner)
        assert gateway.metric("attempts_total", target=manner) == attempts, manner
        assert len(receiver.requests(f"/{manner}")) == attempts


def test_what_follows_an_answer_is_not_the_next_answer(start_gateway, receiver):
    """Bytes behind the body look like a 500; whoever took them for the answer to the next request would
    shift all answers by one."""
    receiver.answer("/app", Reply(200, manner="excess", body=b"ok"))
    gateway = start_gateway(targets=two_targets(receiver, concurrency=1))
    gateway.post_all([events.delivered() for _ in range(20)])
    gateway.wait_metric("deliveries_total", 20, target="app", outcome="delivered")
    assert gateway.metric("attempts_total", target="app") == 20
    assert len(set(uuids(receiver.requests("/app")))) == 20


def test_an_answer_that_comes_too_late_does_not_count(start_gateway, receiver):
    late = threading.Event()
    receiver.answer("/app", Reply(200, gate=late), Reply(200))
    gateway = start_gateway(targets=two_targets(receiver, timeout="300ms", retry=["500ms"] * 60))
    gateway.post(events.delivered())
    wait_until(lambda: gateway.metric("attempts_total", target="app", result="timeout") > 0, "it is given up")
    late.set()
    assert len(set(uuids(receiver.wait_count(2, "/app")))) == 1
    gateway.wait_idle()
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 1
    assert gateway.metric("attempts_total", target="app", result="2xx") == 1


def test_a_receiver_that_hangs_up_between_requests_is_dialled_again(start_gateway, receiver):
    gateway = start_gateway(targets=two_targets(receiver))
    for count in range(1, 6):
        gateway.post(events.delivered())
        gateway.wait_metric("deliveries_total", count, target="app", outcome="delivered")
        receiver.hang_up()
    assert gateway.metric("attempts_total", target="app", result="2xx") == 5
    assert gateway.metric("attempts_total", target="app") == 5


def test_a_receiver_that_never_accepts_is_a_timeout(start_gateway, receiver):
    with closing(Receiver(listening=False)) as silent:
        silent.listen_only()
        gateway = start_gateway(targets=[
            target("app", silent.url(), timeout="300ms", retry=["100ms"]),
            target("other", receiver.url("/other"))])
        gateway.post(events.delivered())
        receiver.wait_one("/other")
        gateway.wait_metric("attempts_total", 2, target="app", result="timeout")
        gateway.wait_metric("queue_depth", 1, target="app", state="dead")


# -- Retry-After ------------------------------------------------------------------------------------


PAUSES = {  # name: (Retry-After, changes of the target, milliseconds of the retry, seconds that all rest)
    "seconds": ("2", {}, 2000, 2.0),
    "capped": ("3600", {"retry_after_max": "1500ms"}, 1500, 1.5),
    "nonsense": ("soon", {}, 100, 1.0),
    "missing": (None, {}, 100, 1.0),
}


def refuse_first(receiver, path, headers):
    return lambda _: Reply(200) if len(receiver.requests(path)) > 1 else Reply(429, headers())


def test_429_slows_the_whole_target(start_gateway, receiver):
    for name, (retry_after, *_) in PAUSES.items():
        headers = {"Retry-After": retry_after} if retry_after else {}
        receiver.answer(f"/{name}", refuse_first(receiver, f"/{name}", lambda headers=headers: headers))
    gateway = start_gateway(targets=[
        target(name, receiver.url(f"/{name}"), retry=["100ms"] * 10, **changes)
        for name, (_, changes, *_) in PAUSES.items()])
    gateway.post(events.delivered())
    for name in PAUSES:
        gateway.wait_metric("attempts_total", 1, target=name)
    gateway.post_all([events.delivered() for _ in range(20)])
    for name, (_, _, retry_ms, rest_s) in PAUSES.items():
        assert_paused(receiver.wait_count(22, f"/{name}")[:2], [rest_s])
        assert retry_delays_ms(gateway, name) == [retry_ms]
        gateway.wait_idle(name)
        assert len(receiver.requests(f"/{name}")) == 22
        assert gateway.metric("deliveries_total", target=name, outcome="delivered") == 21


def test_429_with_a_date(start_gateway, receiver):
    """Dates have whole seconds, and are about the wall clock."""
    arrived = []

    def headers():
        arrived.append(time.time())
        return {"Retry-After": formatdate(arrived[0] + 3, usegmt=True)}

    receiver.answer("/app", refuse_first(receiver, "/app", headers))
    gateway = start_gateway(targets=two_targets(receiver, retry=["100ms"] * 10))
    gateway.post(events.delivered())
    wait_until(lambda: gateway.refused_attempts() == 1, "it is refused")
    gateway.post_all([events.delivered() for _ in range(20)])
    requests = receiver.wait_count(22, "/app")
    assert_paused(requests[:2], [int(arrived[0] + 3) - arrived[0]])
    assert max(retry_delays_ms(gateway)) <= 3000


@pytest.mark.parametrize("status, requests", [(429, 1), (503, 21)])
def test_what_rests_for_long_is_the_target_or_the_event(start_gateway, receiver, status, requests):
    """429: nothing is sent to the target, others get everything. 503: its other events are sent."""
    receiver.answer("/app", Reply(status, {"Retry-After": "3600"}), Reply(200))
    gateway = start_gateway(targets=two_targets(receiver, retry_after_max="1h"))
    gateway.post(events.delivered())
    wait_until(lambda: gateway.refused_attempts() == 1, "it is refused")
    gateway.post_all([events.delivered() for _ in range(20)])
    receiver.wait_count(21, "/other")
    gateway.wait_idle("other")
    assert len(set(uuids(receiver.wait_count(requests, "/app")))) == requests
    gateway.wait_metric("deliveries_total", requests - 1, target="app", outcome="delivered")
    assert gateway.queued("app") == 22 - requests
    assert retry_delays_ms(gateway) == [3_600_000]


def test_503_slows_its_event(start_gateway, receiver):
    receiver.answer("/app", Reply(503, {"Retry-After": "2"}), Reply(200))
    gateway = start_gateway(targets=two_targets(receiver))
    gateway.post(events.delivered())
    gateway.wait_metric("attempts_total", 1, target="app", result="5xx")
    gateway.post_all([events.delivered() for _ in range(20)])
    refused, *others = receiver.wait_count(22, "/app")
    (again,) = [request for request in others if request.envelope["uuid"] == refused.envelope["uuid"]]
    assert_paused([refused, again], [2.0])
    assert retry_delays_ms(gateway) == [2000]


def test_429_counts_from_the_last_one(start_gateway, receiver):
    """A receiver that goes on refusing is asked once in a while, not by each event in turn."""
    receiver.answer("/app", *[Reply(429, {"Retry-After": "1"})] * 2, Reply(200))
    gateway = start_gateway(targets=two_targets(receiver, concurrency=1, retry=["100ms"] * 10))
    gateway.post_all([events.delivered() for _ in range(10)])
    assert_paused(receiver.wait_count(12, "/app")[:3], [1.0, 1.0])
    gateway.wait_idle()
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 10


# -- the breaker ------------------------------------------------------------------------------------


def test_the_cooldown_doubles_and_a_success_ends_it(start_gateway, receiver):
    receiver.answer("/app", Reply(500))
    gateway = start_gateway(targets=two_targets(
        receiver, concurrency=8, retry=["10ms"] * 60, breaker={"failures": 2, "cooldown": "150ms"}))
    gateway.post(events.delivered())
    gateway.wait_metric("target_state", 1, target="app", state="open")
    gateway.post_all([events.delivered() for _ in range(50)])
    assert_paused(receiver.wait_count(5, "/app")[1:], [0.15, 0.3, 0.6])
    cooldowns_ms = [line["probe_in_ms"] for line in gateway.log("target.failing", target="app")]
    assert cooldowns_ms[:4] == [150, 300, 600, 1200][:len(cooldowns_ms)] and len(cooldowns_ms) >= 3
    assert receiver.in_flight_max("/app") == 1, "one probe at a time, whatever waits"
    assert gateway.queued("app") == 51
    receiver.answer("/app", Reply(200))
    gateway.wait_metric("target_state", 1, target="app", state="active")
    gateway.wait_idle()
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 51
    wait_until(lambda: [line["event"] for line in gateway.log(target="app") if line["event"].startswith("target.")][-1]
               == "target.healed", "the log says so")
    receiver.wait_count(51, "/other")


def test_only_attempts_that_were_made_count(start_gateway, receiver):
    """With two attempts each, ten events outlive a breaker that stays open for many of their retries."""
    receiver.answer("/app", Reply(500))
    gateway = start_gateway(targets=two_targets(
        receiver, concurrency=2, retry=["10ms"], breaker={"failures": 3, "cooldown": "150ms"}))
    gateway.post_all([events.delivered() for _ in range(10)])
    receiver.wait_count(6, "/app")
    receiver.answer("/app", Reply(200))
    gateway.wait_idle()
    requests = receiver.requests("/app")
    tried = {uuid: uuids(requests).count(uuid) for uuid in uuids(requests)}
    assert len(tried) == 10
    assert max(tried.values()) <= 2
    dead = gateway.metric("queue_depth", target="app", state="dead")
    assert dead + gateway.metric("deliveries_total", target="app", outcome="delivered") == 10
    assert gateway.metric("attempts_total", target="app") == len(requests)
    assert gateway.metric("attempts_total", target="app", result="5xx") >= dead


@pytest.mark.heavy
def test_a_healed_receiver_gets_its_backlog_on_a_ramp(new_gateway, receiver):
    """Ten thousand events while nobody listens; then one at a time, two, four, and everything arrives."""
    count, concurrency = 10_000, 32
    with closing(Receiver(listening=False)) as app:
        gateway = new_gateway(signing=None, targets=[target(
            "app", app.url("/app"), concurrency=concurrency, retry=["100ms"] * 60,
            breaker={"failures": 5, "cooldown": "500ms"})]).start()
        url = f"http://127.0.0.1:{gateway.port}{settings.PATH}/{settings.TOKEN}"
        sent = run("trigger", "-n", count, "--concurrency", 16, url)
        assert sent.returncode == 0, sent.stderr
        gateway.wait_metric("target_state", 1, target="app", state="open")
        assert gateway.queued("app") == count
        tracker = Parallel(concurrency)
        app.answer("/app", tracker)
        app.listen()
        wait_until(lambda: gateway.metric("deliveries_total", target="app", outcome="delivered") == count,
                   "everything has arrived", timeout=300)
        gateway.wait_idle()
        assert len(set(uuids(app.requests("/app")))) == count
        assert gateway.metric("queue_depth", target="app", state="dead") == 0
        assert tracker.seen[0] == 1
        for step in range(1, 5):
            served = 2 ** step - 1  # 1, then 2, then 4: a round of successes doubles
            assert max(tracker.seen[:served + 1]) <= 2 ** step, tracker.seen[:32]
        assert max(tracker.seen) == concurrency, "the limit is reached and kept"


class Parallel:
    """A reply that notes, for each request in the order of arrival, how many were in flight. After the
    first ones, which the ramp is about, it waits until as many are in flight as may be, once."""

    RAMP = 100

    def __init__(self, most):
        self.seen = []
        self._most = most
        self._now = 0
        self._changed = threading.Condition()
        self._never = threading.Event()

    def __call__(self, _):
        with self._changed:
            self._now += 1
            self.seen.append(self._now)
            self._changed.notify_all()
            if len(self.seen) > self.RAMP:
                self._changed.wait_for(lambda: max(self.seen) >= self._most, PATIENCE_S)
        self._never.wait(0.002)  # long enough for the others to arrive meanwhile
        with self._changed:
            self._now -= 1
        return Reply(200)


# -- 410 --------------------------------------------------------------------------------------------


def test_410_outlives_a_restart_until_the_operator_resumes(start_gateway, receiver):
    receiver.answer("/app", Reply(410))
    gateway = start_gateway(targets=two_targets(receiver))
    gateway.post(events.delivered())
    gateway.wait_metric("target_state", 1, target="app", state="paused")
    wait_until(lambda: any("410" in str(line) for line in gateway.log(level="warn", target="app")), "it is in the log")
    receiver.answer("/app", Reply(200))
    gateway.restart()
    gateway.post_all([events.delivered() for _ in range(10)])
    receiver.wait_count(11, "/other")
    gateway.wait_idle("other")
    assert gateway.metric("target_state", target="app", state="paused") == 1
    assert len(receiver.requests("/app")) == 1
    assert gateway.queued("app") == 11
    assert_answer(gateway.admin("/api/v1/targets/app"), paused=True, state="paused")
    assert_answer(gateway.admin("/api/v1/targets/app/resume", method="POST"), paused=False)
    receiver.wait_count(12, "/app")
    gateway.wait_metric("target_state", 1, target="app", state="active")
    gateway.wait_idle()
    assert gateway.metric("queue_depth", target="app", state="dead") == 0


def assert_answer(answer, **fields):
    assert answer.status == 200, answer
    assert {name: answer.json[name] for name in fields} == fields


# -- rates and shares -------------------------------------------------------------------------------


def test_a_rate_counts_retries_too(start_gateway, receiver):
    receiver.answer("/app", *[Reply(500)] * 20, Reply(200))
    gateway = start_gateway(targets=two_targets(receiver, rate="20/s", retry=["100ms"] * 5))
    begin = time.monotonic()
    gateway.post_all([events.delivered() for _ in range(20)])
    assert_rate(receiver.wait_count(40, "/app"), begin, 20, 20)
    gateway.wait_idle()


def test_a_rate_may_be_slow(start_gateway, receiver):
    gateway = start_gateway(targets=two_targets(receiver, rate="60/m"))
    begin = time.monotonic()
    gateway.post_all([events.delivered() for _ in range(3)])
    assert_rate(receiver.wait_count(3, "/app"), begin, 1, 1)


class Shares:
    """A reply that refuses each event the first time. Retries are refused too until they are told to wait at
    a gate; for those that begin when it is open, it is noted how many were in flight while first attempts
    were waiting."""

    def __init__(self, first_waiting):
        self.wait = threading.Event()
        self.gate = threading.Event()
        self.kinds = []  # "first" or "retry", in the order of arrival once the gate is open
        self.retries_max = 0
        self._first_waiting = first_waiting
        self._known = set()
        self._retries = 0
        self._lock = threading.Lock()
        self._never = threading.Event()

    def __call__(self, request):
        uuid = request.envelope["uuid"]
        with self._lock:
            is_retry = uuid in self._known
            counts = self.gate.is_set()
            self._known.add(uuid)
            if counts:
                self.kinds.append("retry" if is_retry else "first")
                self._retries += is_retry
                if self.kinds.count("first") < self._first_waiting:
                    self.retries_max = max(self.retries_max, self._retries)
        if is_retry and not self.wait.is_set():
            return Reply(500)
        if is_retry:
            self.gate.wait()
        if counts:
            self._never.wait(0.01)
            with self._lock:
                self._retries -= is_retry
        return Reply(200 if is_retry else 500)


@pytest.mark.parametrize("share, retries_max", [(0.25, 1), (0.5, 2)])
def test_first_attempts_go_before_retries(start_gateway, receiver, share, retries_max):
    """Retries hold all four slots and more are due when forty new events come: as the slots get free,
    retries keep their share and the new ones have the rest."""
    old, new, slots = 40, 40, 4
    shares = Shares(new - slots)
    receiver.answer("/app", shares)
    gateway = start_gateway(targets=two_targets(
        receiver, concurrency=slots, retry_share=share, timeout="10m", retry=["100ms"] * 20 + ["1s"] * 44))
    gateway.post_all([events.delivered() for _ in range(old)])
    wait_until(lambda: len(set(uuids(receiver.requests("/app")))) == old, "all have been refused once")
    shares.wait.set()
    wait_until(lambda: receiver.in_flight("/app") == slots, "retries hold all slots")
    gateway.post_all([events.delivered() for _ in range(new)])
    shares.gate.set()
    gateway.wait_metric("deliveries_total", old + new, target="app", outcome="delivered")
    assert shares.retries_max <= retries_max
    last_new = max(index for index, kind in enumerate(shares.kinds) if kind == "first")
    assert shares.kinds[:last_new].count("retry") >= 4, "retries are not starved either"
    assert len(set(uuids(receiver.requests("/app")))) == old + new


# -- final outcomes ---------------------------------------------------------------------------------


def test_a_target_may_ask_for_final_outcomes_only(start_gateway, receiver):
    gateway = start_gateway(targets=[
        target("app", receiver.url("/app"), outcomes="final"), target("other", receiver.url("/other"))])
    one = events.message_id()
    history = [events.soft_bounce(id=one, to="a@example.com", time=events.TIME_S + n) for n in range(3)]
    history += [events.delivered(id=one, recipient="a@example.com", time=events.TIME_S + 3),
                events.bounce(), events.drop()]
    for event in history:
        assert gateway.post(event).result == "accepted"
    everything = [envelope["event"] for envelope in
                  (request.envelope for request in receiver.wait_count(6, "/other"))]
    assert sorted(everything) == sorted(["MessageDelayed"] * 3 + ["MessageSent"] + ["MessageDeliveryFailed"] * 2)
    receiver.wait_count(3, "/app")
    gateway.wait_idle("app")
    gateway.wait_idle("other")
    final = sorted(envelope["event"] for envelope in receiver.envelopes("/app"))
    assert final == ["MessageDeliveryFailed", "MessageDeliveryFailed", "MessageSent"]
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 3


# -- targets do not touch each other ----------------------------------------------------------------


BURST, SERIES = 100, 120


@pytest.mark.heavy
def test_bad_neighbours_do_not_hold_up_a_healthy_target(start_gateway, receiver):
    """One refuses, one hangs, one drips and one answers when all is over; each has a backlog, and the time
    limits are so long that whoever waited for one of them would wait in vain. How much slower a healthy
    target is among bad ones is measured by tests/bench (neighbours)."""
    with ExitStack() as stack:
        dead = stack.enter_context(closing(Receiver(listening=False)))
        bad = stack.enter_context(closing(Receiver()))
        over = threading.Event()
        bad.answer("/hang", Reply(manner="hang"))
        bad.answer("/drip", Reply(manner="drip"))
        bad.answer("/late", Reply(gate=over))
        spoiled = {"timeout": "10m", "concurrency": 4, "retry": ["50ms"] * 60}
        stuck = ("hang", "drip", "late")
        gateway = start_gateway(targets=[
            target("dead", dead.url(), **(spoiled | {"retry": ["50ms"] * 60 + ["1h"]})),
            *[target(name, bad.url(f"/{name}"), **spoiled) for name in stuck],
            target("good", receiver.url("/good"))])
        gateway.post_all([events.delivered() for _ in range(BURST)])
        receiver.wait_count(BURST, "/good")
        for name in stuck:
            bad.wait_count(4, f"/{name}")  # all that it may have
        with gateway.client() as client:
            for number in range(1, SERIES + 1):
                assert client.post(events.delivered()).result == "accepted"
                receiver.wait_count(BURST + number, "/good")
        gateway.wait_idle("good")
        for name in ("dead", *stuck):
            assert gateway.queued(name) == BURST + SERIES, f"{name} is still at it"
        for name in stuck:
            assert gateway.metric("attempts_total", target=name) == 0, "none of its attempts has ended"
            assert len(bad.requests(f"/{name}")) == 4
        assert gateway.metric("attempts_total", target="dead", result="connect") > SERIES
        assert gateway.metric("attempts_total", target="good", result="2xx") == BURST + SERIES
        assert gateway.metric("attempts_total", target="good") == BURST + SERIES
        over.set()
