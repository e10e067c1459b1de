# SPDX-License-Identifier: MIT
"""Whatever fails says why, in words: in the log, of a target, and of an event's attempts."""

import socket

import events
import pytest
from keys import Authority
from receiver import Receiver, Reply, server_tls
from settings import PATIENT, target
from waiting import wait_until

FAILS_ONCE = {"retry": ["1h"], "breaker": {"failures": 1, "cooldown": "5m"}}


@pytest.fixture
def silent():
    """Accepts connections and says nothing, not even hello."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def failing(name, url, **changes):
    return target(name, url, **(FAILS_ONCE | PATIENT | changes))


def show(gateway, name):
    return gateway.admin(f"/api/v1/targets/{name}").json


def assert_told(gateway, name, result, status, cause):
    """Everywhere in the same words."""
    shown = wait_until(lambda: (found := show(gateway, name))["last_error"] and found, f"{name} failed")
    assert shown["last_error"] == shown["last_error"] | {"result": result, "status": status, "cause": cause}
    retry = wait_until(lambda: gateway.log("delivery.retry", target=name), f"a line about {name}")[0]
    assert (retry["result"], retry["cause"]) == (result, cause)
    broken = wait_until(lambda: gateway.log("target.failing", target=name), f"{name} is left alone")[0]
    assert broken["cause"] == cause
    history = wait_until(lambda: history_of(gateway, retry["uuid"], name), "the attempt is on disk")
    assert [attempt["cause"] for attempt in history] == [cause]
    return shown


def history_of(gateway, uuid, name):
    deliveries = gateway.admin(f"/api/v1/events/{uuid}").json["deliveries"]
    return [attempt for delivery in deliveries if delivery["target"] == name for attempt in delivery["history"]]


def test_each_failure_has_its_cause(start_gateway, receiver, silent, tmp_path):
    authority = Authority(tmp_path)
    expired = Receiver(server_tls(*authority.issue("server", days=-1)))
    away = Receiver(listening=False)
    port = receiver.url().split(":")[2].split("/")[0]
    away_port = away.url().split(":")[2].split("/")[0]
    receiver.answer("/hang", Reply(manner="hang"))
    receiver.answer("/close", Reply(manner="close"))
    receiver.answer("/reset", Reply(manner="reset"))
    receiver.answer("/garbage", Reply(manner="garbage"))
    receiver.answer("/empty", Reply(500))
    receiver.answer("/words", Reply(404, body=b"\n no such\x1b[2Jroute\nkey app-key\n"))
    causes = {
        "away": (away.url(), {}, "connect", None, f"connection refused by 127.0.0.1:{away_port}"),
        "name": ("http://app.invalid/", {}, "dns", None, "name not found: app.invalid"),
        "hang": (receiver.url("/hang"), {"timeout": "300ms"}, "timeout", None, "no answer within 300ms"),
        "hello": (f"https://127.0.0.1:{silent}/", {"connect_timeout": "300ms"}, "timeout", None,
                  f"no TLS handshake with 127.0.0.1:{silent} within 300ms"),
        "denied": ("http://169.254.169.254/", {}, "other", None,
                   "address 169.254.169.254 is denied by egress.deny"),
        "close": (receiver.url("/close"), {}, "connect", None,
                  f"connection closed without an answer by 127.0.0.1:{port}"),
        "reset": (receiver.url("/reset"), {}, "connect", None, f"connection reset by 127.0.0.1:{port}"),
        "garbage": (receiver.url("/garbage"), {}, "other", None,
                    "no valid answer: Received HTTP/0.9 when not allowed"),
        "proxy": (receiver.url(), {"proxy": away.url("")}, "connect", None,
                  f"connection refused by 127.0.0.1:{away_port}"),
        "expired": (expired.url(), {"tls": {"ca": str(authority.certificate)}}, "tls", None,
                    "certificate has expired"),
        "stranger": (expired.url(), {}, "tls", None, "unable to get local issuer certificate"),
        "empty": (receiver.url("/empty"), {}, "5xx", 500, "HTTP 500"),
        "words": (receiver.url("/words"), {}, "4xx", 404, "HTTP 404: no such\\x1b[2Jroute"),
    }
    gateway = start_gateway(targets=[failing(name, url, **changes)
                                     for name, (url, changes, *_) in causes.items()])
    gateway.post(events.delivered())
    for name, (_, _, result, status, cause) in causes.items():
        assert_told(gateway, name, result, status, cause)
    expired.close()
    away.close()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\n%b\r\n\r\nhello"
BROKEN = {
    "chunk-size": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "chunk-negative": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk-too-large": CHUNKED + b"f" * 21 + b"\r\nhello\r\n0\r\n\r\n",
    "chunk-end": CHUNKED + b"5\r\nhelloXX\r\n0\r\n\r\n",
    "chunk-cut": CHUNKED + b"5\r\nhe",
    "chunk-last-missing": CHUNKED + b"5\r\nhello\r\n",
    "chunk-trailer": CHUNKED + b"0\r\n" + b"A" * 200_000 + b"\r\n\r\n",
    "length-no-number": ANSWER % b"Content-Length: five",
    "length-negative": ANSWER % b"Content-Length: -5",
    "length-twice": ANSWER % b"Content-Length: 5\r\nContent-Length: 6",
    "length-short": ANSWER % b"Content-Length: 50",
    "header-nul": ANSWER % b"X-A: a\0b\r\nContent-Length: 5",
    "header-no-colon": ANSWER % b"nonsense\r\nContent-Length: 5",
    "header-long": ANSWER % (b"X-A: " + b"a" * 200_000),
    "header-many": ANSWER % b"\r\n".join([b"X-A: " + b"a" * 50] * 10_000),
    "version": b"HTTP/1.7 200 OK\r\nContent-Length: 0\r\n\r\n",
    "status-word": b"HTTP/1.1 yes OK\r\nContent-Length: 0\r\n\r\n",
    "status-short": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "status-long": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "upgrade": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "encoding": ANSWER % b"Transfer-Encoding: rot13\r\nContent-Length: 5",
    "no-http": b"hello\n",
}


def test_an_answer_that_is_not_http_is_other(start_gateway, receiver):
    """No failure to connect: the receiver is there, and other types of event go on."""
    for name, answer in BROKEN.items():
        receiver.answer(f"/{name}", Reply(manner="raw", body=answer))
    gateway = start_gateway(targets=[failing(name, receiver.url(f"/{name}"), breaker={"failures": 0, "cooldown": "1s"})
                                     for name in BROKEN])
    gateway.post(events.delivered())
    for name in BROKEN:
        error = wait_until(lambda: show(gateway, name)["last_error"], f"{name} failed")
        assert (error["result"], error["status"]) == ("other", None), (name, error)
        assert error["cause"].startswith("no valid answer: "), (name, error)
        assert gateway.metric("attempts_total", target=name, result="other") == 1, name


def test_a_cause_is_bounded_and_holds_no_secret(start_gateway, receiver):
    receiver.answer("/long", Reply(500, body=b"x" * 5000))
    receiver.answer("/secret", Reply(403, body=b"app-key and pass-word are unknown"))
    gateway = start_gateway(targets=[
        failing("long", receiver.url("/long")),
        failing("secret", receiver.url("/secret", userinfo="user:pass-word"), headers={"X-Key": "app-key"})])
    gateway.post(events.delivered())
    long = wait_until(lambda: show(gateway, "long")["last_error"], "the long one failed")["cause"]
    assert len(long) < 256 and long.startswith("HTTP 500: xxx") and long.endswith("x...")
    secret = wait_until(lambda: show(gateway, "secret")["last_error"], "the other one failed")
    assert secret["cause"] == "HTTP 403: *** and *** are unknown"
    wait_until(lambda: gateway.log("target.failing", target="secret"), "both are in the log")
    assert not any(word in gateway.log_text() for word in ("app-key", "pass-word"))


def test_a_target_that_never_failed_says_so(start_gateway, receiver):
    gateway = start_gateway(targets=[
        target("quiet", receiver.url(), events=["MessageHeld"]),
        target("disabled", receiver.url(), enabled=False)])
    quiet = show(gateway, "quiet")
    assert quiet["last_error"] is None and quiet["next_probe"] is None and quiet["next_try"] is None
    assert quiet["since"].endswith("Z")
    disabled = show(gateway, "disabled")
    assert disabled["state"] == "disabled"
    assert [disabled[name] for name in ("since", "next_try", "next_probe", "last_error")] == [None] * 4


def test_an_open_target_says_when_it_is_tried_again(start_gateway, receiver):
    receiver.answer("/open", Reply(500))
    receiver.answer("/retrying", Reply(500), Reply(200))
    gateway = start_gateway(targets=[
        failing("open", receiver.url("/open")),
        failing("retrying", receiver.url("/retrying"), breaker={"failures": 0, "cooldown": "1s"})])
    before = show(gateway, "open")
    gateway.post(events.delivered())
    shown = wait_until(lambda: (found := show(gateway, "open"))["state"] == "open" and found, "it is open")
    assert shown["since"] > before["since"]
    assert shown["next_probe"] == shown["next_try"] > shown["last_error"]["time"]
    waiting = wait_until(lambda: (found := show(gateway, "retrying"))["next_try"] and found, "a retry is planned")
    assert waiting["state"] == "active" and waiting["next_probe"] is None
    assert waiting["next_try"] > waiting["last_error"]["time"]


def test_a_receiver_that_may_not_know_our_key_is_hinted_at_once(start_gateway, receiver, signing_key):
    """Not one that took something before, nor one whose events are not signed."""
    receiver.answer("/new", Reply(401), Reply(403), Reply(200), Reply(401))
    gateway = start_gateway(targets=[target("new", receiver.url("/new"), retry=["1ms", "1ms", "1h"])])
    url = f"http://127.0.0.1:{gateway.port}/.well-known/jwks.json"
    gateway.post(events.delivered())
    gateway.wait_metric("deliveries_total", 1, target="new", outcome="delivered")
    line, = gateway.log("target.key_unknown")
    assert (line["target"], line["status"], line["key_id"], line["jwks"]) == (
        "new", 401, signing_key.key_id, url)
    hint = show(gateway, "new")["last_error"]["hint"]
    assert signing_key.key_id in hint and url in hint
    assert gateway.request("GET", "/.well-known/jwks.json").json["keys"][0]["kid"] == signing_key.key_id
    gateway.post(events.delivered())
    wait_until(lambda: gateway.refused_attempts("new") == 5, "it refuses again, until the hour begins")
    wait_until(lambda: show(gateway, "new")["last_error"]["hint"] is None, "it knows the key")
    assert len(gateway.log("target.key_unknown")) == 1


def test_who_signs_nothing_hints_at_no_key(start_gateway, receiver):
    receiver.answer("/postal", Reply(401))
    gateway = start_gateway(signing=None, targets=[failing("app", receiver.url())])
    gateway.post(events.delivered())
    assert wait_until(lambda: show(gateway, "app")["last_error"], "it is refused")["hint"] is None
    assert gateway.log("target.key_unknown") == []
