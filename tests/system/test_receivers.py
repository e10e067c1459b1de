# SPDX-License-Identifier: MIT
"""Receivers that misbehave, for a moment or for hours, and what it costs: them, and nobody else."""

import threading
import time
from contextlib import ExitStack, closing
from email.utils import formatdate

import events
import pytest
import settings
from repostal import run
from receiver import Receiver, Reply
from settings import target
from waiting import wait_until

pytestmark = pytest.mark.threads

SLACK_S = 2.0  # what a loaded machine under a sanitizer may add to a wait
EARLY_S = 0.01  # what clocks may differ


def gaps(requests):
    return [later.at - earlier.at for earlier, later in zip(requests, requests[1:])]


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
        target(manner, receiver.url(f"/{manner}"), timeout="400ms") for manner in results])
    gateway.post(events.delivered())
    for manner, result in results.items():
        gateway.wait_metric("deliveries_total", 1, target=manner, outcome="delivered")
        first, second = receiver.requests(f"/{manner}")
        assert first.body == second.body
        assert gateway.metric("attempts_total", target=manner, result=result) == 1, manner
        assert gateway.metric("attempts_total", target=manner) == 2


@pytest.mark.parametrize("status, result, attempts", [(200, "2xx", 1), (500, "5xx", 2)])
def test_a_strange_answer_counts_by_its_status(start_gateway, receiver, status, result, attempts):
    manners = ["excess", "open", "chunked", "interim", "endless"]
    for manner in manners:
        receiver.answer(f"/{manner}", Reply(status, manner=manner, body=b"strange"))
    gateway = start_gateway(targets=[
        target(manner, receiver.url(f"/{manner}"), timeout="10s", retry=["100ms"]) for manner in manners])
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
    gateway = start_gateway(targets=two_targets(receiver, timeout="300ms", retry=["500ms"]))
    gateway.post(events.delivered())
    gateway.wait_metric("attempts_total", 1, target="app", result="timeout")
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


PAUSES = {  # name: (Retry-After, changes of the target, seconds that it rests at least, and at most)
    "seconds": (lambda: "2", {}, 2.0, 2.0),
    "date": (lambda: formatdate(time.time() + 3, usegmt=True), {}, 2.0, 3.0),  # dates have whole seconds
    "capped": (lambda: "3600", {"retry_after_max": "1500ms"}, 1.5, 1.5),
    "nonsense": (lambda: "soon", {}, 1.0, 1.0),
    "missing": (None, {}, 1.0, 1.0),
}


def test_429_slows_the_whole_target(start_gateway, receiver):
    def refuse_first(path, retry_after):
        def reply(_):
            if len(receiver.requests(path)) > 1:
                return Reply(200)
            return Reply(429, {"Retry-After": retry_after()} if retry_after else {})
        return reply

    for name, (retry_after, *_) in PAUSES.items():
        receiver.answer(f"/{name}", refuse_first(f"/{name}", retry_after))
    gateway = start_gateway(targets=[
        *[target(name, receiver.url(f"/{name}"), retry=["100ms"] * 10, **changes)
          for name, (_, changes, *_) in PAUSES.items()], target("other", receiver.url("/other"))])
    gateway.post(events.delivered())
    for name in PAUSES:
        gateway.wait_metric("attempts_total", 1, target=name)
    gateway.post_all([events.delivered() for _ in range(20)])
    others = receiver.wait_count(21, "/other")
    for name, (_, _, least, most) in PAUSES.items():
        refused, again = receiver.wait_count(22, f"/{name}")[:2]
        assert least - EARLY_S <= again.at - refused.at < most + SLACK_S, name
        assert others[-1].at < again.at, "the others are not slowed"
        gateway.wait_idle(name)
        assert len(receiver.requests(f"/{name}")) == 22
        assert gateway.metric("deliveries_total", target=name, outcome="delivered") == 21


def test_503_slows_its_event_only(start_gateway, receiver):
    receiver.answer("/app", Reply(503, {"Retry-After": "2"}), Reply(200))
    gateway = start_gateway(targets=two_targets(receiver))
    gateway.post(events.delivered())
    gateway.wait_metric("attempts_total", 1, target="app", result="5xx")
    gateway.post_all([events.delivered() for _ in range(20)])
    refused, *requests, again = receiver.wait_count(22, "/app")
    assert max(request.at for request in requests) < refused.at + 2.0 - EARLY_S
    assert again.envelope["uuid"] == refused.envelope["uuid"]
    assert 2.0 - EARLY_S <= again.at - refused.at < 2.0 + SLACK_S


def test_429_counts_from_the_last_one(start_gateway, receiver):
    """A receiver that goes on refusing is asked once in a while, not by each event in turn."""
    receiver.answer("/app", *[Reply(429, {"Retry-After": "1"})] * 2, Reply(200))
    gateway = start_gateway(targets=two_targets(receiver, concurrency=1, retry=["100ms"] * 10))
    gateway.post_all([events.delivered() for _ in range(10)])
    requests = receiver.wait_count(12, "/app")
    assert all(gap >= 1.0 - EARLY_S for gap in gaps(requests[:3]))
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
    requests = receiver.wait_count(5, "/app")
    for gap, cooldown in zip(gaps(requests)[1:], [0.15, 0.3, 0.6]):
        assert cooldown - EARLY_S <= gap < cooldown + SLACK_S, f"{gap:.3f} s instead of {cooldown} s"
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
        sent = run("send", "-n", count, "--concurrency", 16, url)
        assert sent.returncode == 0, sent.stderr
        gateway.wait_metric("target_state", 1, target="app", state="open")
        assert gateway.queued("app") == count
        tracker = Parallel()
        app.answer("/app", tracker)
        app.listen()
        wait_until(lambda: gateway.metric("deliveries_total", target="app", outcome="delivered") == count,
                   "everything has arrived", timeout=60)
        gateway.wait_idle()
        assert len(set(uuids(app.requests("/app")))) == count
        assert gateway.metric("queue_depth", target="app", state="dead") == 0
        assert tracker.seen[0] == 1
        for step in range(1, 5):
            served = 2 ** step - 1  # 1, then 2, then 4: a round of successes doubles
            assert max(tracker.seen[:served + 1]) <= 2 ** step, tracker.seen[:32]
        assert 8 <= max(tracker.seen) <= concurrency, "the limit is approached and kept"


class Parallel:
    """A reply that notes, for each request in the order of arrival, how many were in flight."""

    def __init__(self):
        self.seen = []
        self._now = 0
        self._lock = threading.Lock()
        self._never = threading.Event()

    def __call__(self, _):
        with self._lock:
            self._now += 1
            self.seen.append(self._now)
        self._never.wait(0.002)  # long enough for the others to arrive meanwhile
        with self._lock:
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
    gateway.post_all([events.delivered() for _ in range(20)])
    requests = receiver.wait_count(40, "/app")
    assert requests[-1].at - requests[0].at >= 0.95, "a burst of twenty, then twenty in a second"
    arrivals = [request.at for request in requests]
    worst = max(sum(start <= at < start + 0.5 for at in arrivals) for start in arrivals)
    assert worst <= 20 + 10 + 2, "a burst and what half a second brings"
    gateway.wait_idle()


def test_a_rate_may_be_slow(start_gateway, receiver):
    gateway = start_gateway(targets=two_targets(receiver, rate="60/m"))
    gateway.post_all([events.delivered() for _ in range(3)])
    assert all(1.0 - 2 * EARLY_S <= gap < 1.0 + SLACK_S for gap in gaps(receiver.wait_count(3, "/app")))


class Shares:
    """A reply that refuses each event the first time. Retries wait at a gate; for those that begin when it
    is open, it is noted how many were in flight while first attempts were waiting."""

    def __init__(self, first_waiting):
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
        receiver, concurrency=slots, retry_share=share, timeout="30s", retry=["300ms"] * 5))
    gateway.post_all([events.delivered() for _ in range(old)])
    receiver.wait_count(old + slots, "/app")
    gateway.post_all([events.delivered() for _ in range(new)])
    shares.gate.set()
    gateway.wait_metric("deliveries_total", old + new, target="app", outcome="delivered")
    assert shares.retries_max <= retries_max
    last_new = max(index for index, kind in enumerate(shares.kinds) if kind == "first")
    assert shares.kinds[:last_new].count("retry") >= 4, "retries are not starved either"
    assert len(receiver.requests("/app")) == 2 * (old + new)


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


def latencies(gateways, receiver):
    """For each (gateway, path), sorted seconds from the post to the receipt of events that come one after
    the other, behind a burst that gives each target a backlog if it can have one. The gateways take turns:
    what else the machine does is the same for all."""
    begun = {}
    with ExitStack() as stack:
        clients = []
        for gateway, path in gateways:
            gateway.post_all([events.delivered() for _ in range(BURST)])
            receiver.wait_count(BURST, path)
            clients.append(stack.enter_context(gateway.client()))
        for _ in range(SERIES):
            for client in clients:
                event = events.delivered()
                begun[event["id"]] = time.monotonic()
                assert client.post(event).result == "accepted"
    found = []
    for _, path in gateways:
        requests = receiver.wait_count(BURST + SERIES, path)[BURST:]
        found.append(sorted(request.at - begun[request.envelope["payload"]["message"]["message_id"]]
                            for request in requests))
    return found


@pytest.mark.heavy
def test_bad_neighbours_do_not_change_the_latency_of_a_healthy_target(start_gateway, receiver):
    """One refuses, one hangs, one drips and one answers late, from the first event to the last."""
    quiet = start_gateway(targets=[target("good", receiver.url("/alone"))])
    with ExitStack() as stack:
        dead = stack.enter_context(closing(Receiver(listening=False)))
        bad = stack.enter_context(closing(Receiver()))
        bad.answer("/hang", Reply(manner="hang"))
        bad.answer("/drip", Reply(manner="drip"))
        bad.answer("/late", Reply(delay=0.5))
        spoiled = {"timeout": "1s", "concurrency": 4, "retry": ["50ms"] * 60}
        gateway = start_gateway(targets=[
            target("dead", dead.url(), **spoiled),
            *[target(name, bad.url(f"/{name}"), **spoiled) for name in ("hang", "drip", "late")],
            target("good", receiver.url("/good"))])
        alone, among = latencies([(quiet, "/alone"), (gateway, "/good")], receiver)
        for name in ("dead", "hang", "drip", "late"):
            assert gateway.queued(name) > BURST, f"{name} is still at it"
        gateway.wait_idle("good")
        assert gateway.metric("attempts_total", target="good", result="2xx") == BURST + SERIES
        assert gateway.metric("attempts_total", target="good") == BURST + SERIES
    for share in (0.5, 0.9):
        index = int(SERIES * share)
        assert among[index] < 3 * alone[index] + 0.02, f"quantile {share}, alone and among bad ones"
