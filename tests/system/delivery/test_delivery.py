# SPDX-License-Identifier: MIT
"""Attempts, retries, and targets that do not touch each other."""

import socket
import ssl
import threading
import time
from email.utils import formatdate

import events
import pytest
from keys import Authority
from pauses import EARLY_S, assert_paused, assert_rate, retry_delays_ms
from receiver import Receiver, Reply
from settings import PATIENT, target
from waiting import wait_until

pytestmark = pytest.mark.threads

RATE, BURST = 10, 10  # a burst is a second's worth


def two_targets(receiver, **of_the_first):
    """The first is the subject, the second shows that the others are not touched."""
    return [target("app", receiver.url("/app"), **of_the_first), target("other", receiver.url("/other"))]


# -- retries ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_is_2xx(gateway, receiver, status):
    receiver.answer("/postal", Reply(status))
    gateway.post(events.delivered())
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="delivered")
    gateway.wait_idle()
    assert len(receiver.requests()) == 1
    assert gateway.metric("attempts_total", target="app", result="2xx") == 1


@pytest.mark.parametrize("status, result", [
    (301, "3xx"), (304, "3xx"), (400, "4xx"), (401, "4xx"), (404, "4xx"), (422, "4xx"), (429, "4xx"),
    (500, "5xx"), (503, "5xx"),
])
def test_everything_else_is_retried(gateway, receiver, status, result):
    receiver.answer("/postal", Reply(status), Reply(200))
    gateway.post(events.delivered())
    receiver.wait_count(2)
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="delivered")
    assert gateway.metric("attempts_total", target="app", result=result) == 1
    assert gateway.metric("attempts_total", target="app", result="2xx") == 1


def test_the_schedule_is_kept_and_after_it_the_delivery_is_dead(start_gateway, receiver):
    receiver.answer("/app", Reply(500))
    gateway = start_gateway(targets=two_targets(receiver))
    gateway.post(events.delivered())
    attempts = receiver.wait_count(4, "/app")
    assert_paused(attempts, [0.2, 0.4, 0.8])
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="dead")
    assert retry_delays_ms(gateway) == [200, 400, 800]
    gateway.wait_metric("queue_depth", 1, target="app", state="dead")
    gateway.wait_idle()
    assert gateway.metric("attempts_total", target="app") == 4
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 0
    receiver.answer("/app", Reply(200))
    gateway.restart()
    gateway.post(events.delivered())
    receiver.wait_count(5, "/app")
    gateway.wait_idle()
    assert len(receiver.requests("/app")) == 5, "what is dead stays dead, also after a restart"
    assert gateway.metric("queue_depth", target="app", state="dead") == 1, "and stays visible"


def test_a_retry_goes_on_where_it_was_after_a_restart(start_gateway, receiver):
    receiver.answer("/app", Reply(500))
    gateway = start_gateway(targets=two_targets(receiver, retry=["100ms", "1s", "100ms"]))
    gateway.post(events.delivered())
    receiver.wait_count(2, "/app")
    gateway.wait_metric("attempts_total", 2, target="app")
    gateway.restart()
    attempts = receiver.wait_count(4, "/app")
    assert_paused(attempts[1:3], [1.0])
    assert retry_delays_ms(gateway) == [100, 1000, 100]
    gateway.wait_metric("queue_depth", 1, target="app", state="dead")
    assert len(receiver.requests("/app")) == 4


def test_jitter_only_adds(start_gateway, receiver):
    receiver.answer("/app", Reply(500))
    gateway = start_gateway(targets=two_targets(receiver, retry=["100ms"] * 12, jitter=1.0))
    gateway.post(events.delivered())
    assert_paused(receiver.wait_count(13, "/app"), [0.1] * 12)
    found = retry_delays_ms(gateway)
    assert 100 <= min(found) <= max(found) <= 200
    assert len(set(found)) > 1, "the dice are thrown anew each time"


# -- Retry-After, 410, redirects --------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds(gateway, receiver, status):
    receiver.answer("/postal", Reply(status, {"Retry-After": "2"}), Reply(200))
    gateway.post(events.delivered())
    assert_paused(receiver.wait_count(2), [2.0])
    assert retry_delays_ms(gateway) == [2000]


def test_retry_after_as_a_date(gateway, receiver):
    arrived = []

    def refuse_first(_):
        arrived.append(time.time())
        return Reply(200 if len(arrived) > 1 else 503, {"Retry-After": formatdate(arrived[0] + 3, usegmt=True)})

    receiver.answer("/postal", refuse_first)
    gateway.post(events.delivered())
    receiver.wait_count(2)
    assert arrived[1] >= int(arrived[0] + 3) - EARLY_S
    assert max(retry_delays_ms(gateway)) <= 3000


@pytest.mark.parametrize("value", ["0", "-5", "soon", "", "Wed, 21 Oct 2015 07:28:00 GMT", "1e9", "9" * 40])
def test_retry_after_never_shortens_the_schedule(start_gateway, receiver, value):
    receiver.answer("/app", Reply(429, {"Retry-After": value}), Reply(200))
    gateway = start_gateway(targets=two_targets(receiver, retry=["500ms"], retry_after_max="1s"))
    gateway.post(events.delivered())
    assert_paused(receiver.wait_count(2, "/app"), [0.5])
    (delay_ms,) = retry_delays_ms(gateway)
    assert 500 <= delay_ms <= 1000


def test_retry_after_has_a_ceiling(start_gateway, receiver):
    receiver.answer("/app", Reply(429, {"Retry-After": "3600"}), Reply(200))
    gateway = start_gateway(targets=two_targets(receiver, retry_after_max="1s"))
    gateway.post(events.delivered())
    assert_paused(receiver.wait_count(2, "/app"), [1.0])
    assert retry_delays_ms(gateway) == [1000]


def test_retry_after_means_nothing_elsewhere(gateway, receiver):
    receiver.answer("/postal", Reply(500, {"Retry-After": "3600"}), Reply(200))
    gateway.post(events.delivered())
    receiver.wait_count(2)
    assert retry_delays_ms(gateway) == [200]


def test_410_pauses_the_target_and_discards_nothing(start_gateway, receiver):
    receiver.answer("/app", Reply(410))
    gateway = start_gateway(targets=two_targets(receiver))
    gateway.post(events.delivered())
    receiver.wait_count(1, "/app")
    gateway.wait_metric("target_state", 1, target="app", state="paused")
    assert gateway.metric("target_state", target="app", state="active") == 0
    wait_until(lambda: gateway.log("target.paused", level="warn", target="app"), "it is in the log")
    batch = [events.delivered() for _ in range(20)]
    assert {answer.result for answer in gateway.post_all(batch)} == {"accepted"}
    receiver.wait_count(21, "/other")
    gateway.wait_idle("other")
    assert gateway.queued("app") == 21
    assert len(receiver.requests("/app")) == 1
    assert gateway.metric("deliveries_total", target="app", outcome="dead") == 0
    assert gateway.metric("target_state", target="other", state="active") == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(gateway, receiver, status):
    receiver.answer("/postal", Reply(status, {"Location": receiver.url("/elsewhere")}), Reply(200))
    gateway.post(events.delivered())
    receiver.wait_count(2, "/postal")
    gateway.wait_idle()
    assert receiver.requests("/elsewhere") == []


# -- failures below HTTP ----------------------------------------------------------------------------


@pytest.mark.parametrize("manner, result", [
    ("reset", "connect"), ("hang", "timeout"), ("drip", "timeout"), ("garbage", "other"), ("short", "other"),
])
def test_a_receiver_that_fails_is_tried_again(start_gateway, receiver, manner, result):
    receiver.answer("/app", Reply(manner=manner, body=b"cut"), Reply(200))
    gateway = start_gateway(targets=two_targets(receiver, timeout="500ms"))
    gateway.post(events.delivered())
    receiver.wait_count(2, "/app")
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="delivered")
    assert gateway.metric("attempts_total", target="app", result=result) == 1


def test_nobody_listens(start_gateway, receiver):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
        gateway = start_gateway(targets=[target("app", url), target("other", receiver.url("/other"))])
        gateway.post(events.delivered())
        gateway.wait_metric("attempts_total", 4, target="app", result="connect")
        gateway.wait_metric("queue_depth", 1, target="app", state="dead")
        receiver.wait_count(1, "/other")


def test_a_name_that_cannot_exist(start_gateway):
    """A label of more than 63 characters: no resolver needs the network to say no."""
    gateway = start_gateway(targets=[target("app", f"http://{'x' * 64}.invalid/")])
    gateway.post(events.delivered())
    gateway.wait_metric("attempts_total", 4, target="app", result="dns")


def test_denied_addresses_are_not_dialled(start_gateway, receiver):
    gateway = start_gateway(egress={"deny": ["127.0.0.0/8", "::1"]}, targets=[
        target("address", receiver.url("/app")), target("name", receiver.url("/app", host="localhost"))])
    gateway.post(events.delivered())
    for name in ("address", "name"):
        gateway.wait_metric("queue_depth", 1, target=name, state="dead")
        assert gateway.metric("attempts_total", target=name, result="2xx") == 0
    assert receiver.connections() == 0


def test_answers_of_any_size_are_taken(gateway, receiver):
    receiver.answer("/postal", Reply(200, body=b"x" * 5_000_000))
    gateway.post(events.delivered())
    gateway.post(events.delivered())
    gateway.wait_metric("attempts_total", 2, target="app")
    assert gateway.metric("process_resident_memory_bytes") > 0


# -- TLS --------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def tls_receiver(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("receiver"))
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    receiver = Receiver(context)
    yield receiver
    receiver.close()


def test_tls_with_the_right_authority(start_gateway, tls_receiver, authority):
    gateway = start_gateway(targets=[
        target("address", tls_receiver.url("/address"), tls={"ca": str(authority.certificate)}),
        target("name", tls_receiver.url("/name", host="localhost"), tls={"ca": str(authority.certificate)})])
    gateway.post(events.delivered())
    tls_receiver.wait_count(1, "/address")
    tls_receiver.wait_count(1, "/name")


def test_tls_with_an_unknown_authority(start_gateway, tls_receiver):
    gateway = start_gateway(targets=[target("app", tls_receiver.url(), **PATIENT)])
    gateway.post(events.delivered())
    gateway.wait_metric("attempts_total", 4, target="app", result="tls")
    assert tls_receiver.requests() == []


def test_tls_unverified_by_request(start_gateway, tls_receiver):
    gateway = start_gateway(targets=[target("app", tls_receiver.url(), tls={"verify": False})])
    gateway.post(events.delivered())
    tls_receiver.wait_one()


def test_tls_with_a_client_certificate(start_gateway, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("receiver"))
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    strict = Receiver(context)
    certificate, key = authority.issue("gateway")
    try:
        gateway = start_gateway(targets=[
            target("known", strict.url("/known"), tls={
                "ca": str(authority.certificate), "certificate": str(certificate), "key": str(key)}),
            target("unknown", strict.url("/unknown"), tls={"ca": str(authority.certificate)}, **PATIENT)])
        gateway.post(events.delivered())
        strict.wait_count(1, "/known")
        gateway.wait_metric("queue_depth", 1, target="unknown", state="dead")
        assert strict.requests("/unknown") == []
    finally:
        strict.close()


# -- targets do not touch each other ----------------------------------------------------------------


@pytest.mark.parametrize("manner", ["hang", "reset", "drip"])
def test_a_bad_target_does_not_slow_another(start_gateway, receiver, manner):
    receiver.answer("/app", Reply(manner=manner))
    gateway = start_gateway(targets=two_targets(receiver, timeout="10m", concurrency=2))
    gateway.post_all([events.delivered() for _ in range(100)])
    receiver.wait_count(100, "/other")
    gateway.wait_idle("other")
    assert gateway.queued("app") > 0, "the bad one is still at it"
    if manner != "reset":
        assert gateway.metric("attempts_total", target="app") == 0, "the good one waited for no end of these"
    receiver.close()


def test_concurrency_is_a_limit_and_is_used(start_gateway, receiver):
    gate = threading.Event()
    receiver.answer("/app", Reply(gate=gate))
    gateway = start_gateway(targets=two_targets(receiver, concurrency=3, timeout="30s"))
    gateway.post_all([events.delivered() for _ in range(20)])
    wait_until(lambda: receiver.in_flight("/app") == 3, "three attempts are in flight")
    receiver.wait_count(20, "/other")
    assert gateway.metric("queue_depth", target="app", state="inflight") == 3
    assert gateway.queued("app") == 20
    gate.set()
    receiver.wait_count(20, "/app")
    gateway.wait_idle()
    assert receiver.in_flight_max("/app") == 3


def test_a_rate_is_a_limit_and_is_used(start_gateway, receiver):
    """Ten a second with bursts of at most a second's worth: 30 events take two seconds. That it takes no
    longer is shown where the clock can be set: tests/unit/policy/test_rate.c."""
    gateway = start_gateway(targets=two_targets(receiver, rate=f"{RATE}/s"))
    begin = time.monotonic()
    gateway.post_all([events.delivered() for _ in range(30)])
    assert_rate(receiver.wait_count(30, "/app"), begin, BURST, RATE)
    receiver.wait_count(30, "/other")


def test_connections_are_used_again(gateway, receiver):
    for _ in range(30):
        gateway.post(events.delivered())
    receiver.wait_count(30)
    assert receiver.connections() < 30


def test_ten_targets_each_get_everything(start_gateway, receiver):
    names = [f"t{n}" for n in range(10)]
    gateway = start_gateway(targets=[target(name, receiver.url(f"/{name}")) for name in names])
    gateway.post_all([events.delivered() for _ in range(20)])
    for name in names:
        requests = receiver.wait_count(20, f"/{name}")
        assert len({request.envelope["uuid"] for request in requests}) == 20


def test_a_breaker_leaves_a_failing_target_alone_and_closes_again(start_gateway, receiver):
    receiver.answer("/app", Reply(500))
    gateway = start_gateway(targets=two_targets(
        receiver, concurrency=1, retry=["100ms"] * 60, breaker={"failures": 3, "cooldown": "1s"}))
    gateway.post_all([events.delivered() for _ in range(10)])
    gateway.wait_metric("target_state", 1, target="app", state="open")
    assert_paused(receiver.wait_count(4, "/app")[2:4], [1.0])  # three failures, the cooldown, a probe
    assert gateway.log("target.failing", target="app")[0]["probe_in_ms"] == 1000
    receiver.answer("/app", Reply(200))
    gateway.wait_metric("target_state", 1, target="app", state="active")
    gateway.wait_idle()
    delivered = {request.envelope["uuid"] for request in receiver.requests("/app")}
    assert len(delivered) == 10
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 10
    receiver.wait_count(10, "/other")


def test_a_proxy_is_used(start_gateway, receiver):
    """The receiver plays the proxy: it sees the absolute form of the target."""
    gateway = start_gateway(targets=[target(
        "app", "http://app.invalid/postal", proxy=f"http://127.0.0.1:{receiver.port}")])
    gateway.post(events.delivered())
    request = receiver.wait_one()
    assert request.path == "http://app.invalid/postal"
    assert request.header("Host") == "app.invalid"
