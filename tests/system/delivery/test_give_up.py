# SPDX-License-Identifier: MIT
"""Receivers that refuse something permanently: what give_up ends at once, by their answer or by the event's age."""

import time

import events
import pytest
import settings
from api import api, deliveries, wait_states
from receiver import Reply
from repostal import run
from settings import target
from waiting import wait_until

SENT = "MessageSent"
HOUR_S = 3600
OLD_S = 24 * HOUR_S


def happened_ago(seconds):
    return int(time.time()) - seconds


def refuses_old(request):
    """What some receivers do against replays: the envelope's timestamp must be of the last 24 hours."""
    age = time.time() - request.envelope["timestamp"]
    return Reply(422, body=b"webhook timestamp is too old") if age >= OLD_S else Reply()


def dead_lines(gateway, count):
    return wait_until(lambda: len(found := gateway.log("delivery.dead")) >= count and found, f"{count} are dead")


def wait_dead(gateway, count):
    gateway.wait_metric("deliveries_total", count, target="app", outcome="dead")


def shown(gateway, uuid):
    return api(gateway, "GET", f"/events/{uuid}")["deliveries"][0]


def command(gateway, *arguments):
    """Standard output of a command that does what it was asked for."""
    config = gateway.directory / "control.conf"
    config.write_text(settings.render(gateway.settings | {
        "admin": gateway.settings["admin"] | {"port": gateway.admin_port}}))
    result = run(*arguments, "-c", config)
    assert result.returncode == 0, result
    return result.stdout


def test_an_answer_that_is_listed_ends_the_delivery(start_gateway, receiver):
    """One attempt each, no breaker opens although it would after two failures, and others go on."""
    receiver.answer("/app", lambda request: Reply(404, body=b"no such hook") if request.envelope["event"] == SENT
                    else Reply())
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), give_up={"status": [404]}, concurrency=1,
                                            retry=["1h"], breaker={"failures": 2, "cooldown": "5m"})])
    gateway.post_all([events.delivered() for _ in range(20)] + [events.bounce() for _ in range(5)])
    wait_dead(gateway, 20)
    gateway.wait_metric("deliveries_total", 5, target="app", outcome="delivered")
    assert len(receiver.requests("/app")) == 25
    assert gateway.metric("attempts_total", target="app", result="4xx") == 20
    assert gateway.metric("target_state", target="app", state="active") == 1
    assert api(gateway, "GET", "/targets")["targets"][0]["refused_types"] == []
    assert gateway.log("target.failing") == []
    line = dead_lines(gateway, 1)[0]
    assert (line["reason"], line["status"], line["result"], line["attempt"], line["cause"]) == (
        "give_up_status", 404, "4xx", 1, "HTTP 404: no such hook")


def test_the_reason_is_shown(start_gateway, receiver):
    receiver.answer("/app", Reply(422, body=b"not for us"))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), give_up={"status": ["4xx"]})])
    gateway.post(events.delivered())
    wait_states(gateway, ["dead"])
    row, = deliveries(gateway)
    assert (row["state"], row["status"], row["result"], row["reason"], row["attempts"]) == (
        "dead", 422, "4xx", "give_up_status", 1)
    attempt, = shown(gateway, row["uuid"])["history"]
    assert (attempt["status"], attempt["result"], attempt["answer"], attempt["cause"]) == (
        422, "4xx", "not for us", "HTTP 422: not for us")
    text = command(gateway, "queue", "show", row["uuid"])
    assert "Delivery to app: dead, 1 attempt, last answered 422, because of give_up_status, finished" in text


def test_what_is_not_listed_is_retried(start_gateway, receiver):
    """Neither what has no answer, nor 429 as one of a class; and the last attempt ends it as ever."""
    receiver.answer("/app", Reply(manner="reset"), Reply(500), Reply(429), Reply(503), Reply(500))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["10ms"] * 4,
                                            give_up={"status": ["4xx", 501, "3xx"]})])
    gateway.post(events.delivered())
    wait_dead(gateway, 1)
    assert len(receiver.requests("/app")) == 5
    row, = deliveries(gateway)
    assert (row["attempts"], row["reason"]) == (5, None)
    assert dead_lines(gateway, 1)[0]["reason"] == "attempts"


@pytest.mark.parametrize("status, listed", [(410, 410), (410, "4xx"), (302, "3xx"), (503, 503), (502, "5xx"), (429, 429)],
                         ids=str)
def test_whatever_the_answer_would_mean_otherwise(start_gateway, receiver, status, listed):
    """410 does not pause, 502 opens nothing."""
    receiver.answer("/app", Reply(status))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), give_up={"status": [listed]},
                                            breaker={"failures": 1, "cooldown": "5m"})])
    gateway.post(events.delivered())
    wait_dead(gateway, 1)
    gateway.post(events.delivered())
    wait_dead(gateway, 2)
    assert len(receiver.requests("/app")) == 2
    assert gateway.metric("target_state", target="app", state="active") == 1
    assert gateway.log("target.paused") == gateway.log("target.failing") == []


def test_an_answer_that_ends_a_delivery_closes_a_breaker(start_gateway, receiver):
    """The receiver is back, and answers what is expected of it."""
    receiver.answer("/app", Reply(manner="reset"), Reply(404), Reply())
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), give_up={"status": [404]}, concurrency=1,
                                            retry=["10ms"] * 60, breaker={"failures": 1, "cooldown": "10ms"})])
    gateway.post(events.delivered())
    wait_dead(gateway, 1)
    wait_until(lambda: gateway.log("target.healed", type="all"), "the breaker closes")
    gateway.post(events.delivered())
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="delivered")


def test_a_receiver_that_refuses_by_age(start_gateway, receiver):
    """What is too old is not even sent; all else arrives."""
    receiver.answer("/app", refuses_old)
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), give_up={"age": "24h"},
                                            breaker={"failures": 1, "cooldown": "5m"})])
    old = [events.delivered(time=happened_ago(OLD_S + HOUR_S * n)) for n in range(1, 21)]
    fresh = [events.delivered(time=happened_ago(HOUR_S * n)) for n in range(20)] + [events.drop() for _ in range(5)]
    gateway.post_all([event for pair in zip(old, fresh) for event in pair] + fresh[20:])
    gateway.wait_metric("deliveries_total", 25, target="app", outcome="delivered")
    wait_dead(gateway, 20)
    assert {r.envelope["payload"]["message"]["message_id"] for r in receiver.requests("/app")} == {
        event["id"] for event in fresh}
    assert gateway.metric("attempts_total", target="app") == 25
    assert gateway.metric("target_state", target="app", state="active") == 1
    line = dead_lines(gateway, 1)[0]
    assert line["reason"] == "give_up_age" and "longer ago than give_up.age, 1d" in line["cause"]
    dead = deliveries(gateway, "&state=dead")
    assert {(row["reason"], row["status"], row["result"]) for row in dead} == {("give_up_age", None, "other")}
    text = command(gateway, "queue", "show", dead[0]["uuid"])
    assert "because of give_up_age" in text and "not sent: it happened at " in text


def test_the_age_is_of_the_event_and_not_of_its_arrival(start_gateway, receiver):
    """One without a time happened when it arrived."""
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), give_up={"age": "1h"})])
    gateway.post(events.delivered(time=happened_ago(2 * HOUR_S)))
    gateway.post(events.without(events.delivered(), "time"))
    gateway.post(events.delivered(time=happened_ago(-HOUR_S)))
    gateway.wait_metric("deliveries_total", 2, target="app", outcome="delivered")
    wait_dead(gateway, 1)


def test_an_event_that_grows_old_while_it_waits_is_not_sent_again(start_gateway, receiver):
    receiver.answer("/app", Reply(500))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["100ms"] * 64, give_up={"age": "2s"})])
    gateway.post(events.without(events.delivered(), "time"))
    assert dead_lines(gateway, 1)[0]["reason"] == "give_up_age"
    row, = deliveries(gateway)
    assert len(shown(gateway, row["uuid"])["history"]) == len(receiver.requests("/app")) + 1


def test_an_old_backlog_ends_at_once_however_low_the_rate(start_gateway, receiver):
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), rate="1/h", concurrency=1,
                                            give_up={"age": "24h"})])
    gateway.post_all([events.delivered() for _ in range(600)])
    wait_dead(gateway, 600)
    gateway.wait_idle()
    assert receiver.requests("/app") == []


def test_what_an_operator_has_retried_is_sent_however_old(start_gateway, receiver):
    """Also in the attempts that follow; give_up.status ends it all the same."""
    receiver.answer("/app", Reply(500), Reply(500), Reply(), Reply(404))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["10ms"] * 4,
                                            give_up={"age": "24h", "status": [404]})])
    gateway.post(events.delivered())
    wait_states(gateway, ["dead"])
    uuid = deliveries(gateway)[0]["uuid"]
    assert receiver.requests("/app") == []
    assert command(gateway, "queue", "retry", uuid) == "1 changed\n"
    wait_states(gateway, ["delivered"])
    assert len(receiver.requests("/app")) == 3
    assert deliveries(gateway)[0]["reason"] is None
    gateway.post(events.delivered())
    wait_states(gateway, ["dead", "delivered"])
    assert command(gateway, "queue", "retry", "--state", "dead", "--yes").endswith("1 changed\n")
    receiver.wait_count(4, "/app")
    wait_until(lambda: [row["reason"] for row in deliveries(gateway, "&state=dead")] == ["give_up_status"], "404")


def test_a_shared_store_knows_the_reasons_too(start_gateway, database, receiver):
    receiver.answer("/app", Reply(404))
    gateway = start_gateway(store=database.store(), targets=[
        target("app", receiver.url("/app"), give_up={"age": "24h", "status": [404]})])
    gateway.post(events.delivered())
    gateway.post(events.without(events.delivered(), "time"))
    wait_states(gateway, ["dead", "dead"])
    assert {row["reason"] for row in deliveries(gateway)} == {"give_up_age", "give_up_status"}
    receiver.answer("/app", Reply())
    assert command(gateway, "queue", "retry", "--state", "dead", "--yes").endswith("2 changed\n")
    wait_states(gateway, ["delivered", "delivered"])


def test_a_reload_takes_it(start_gateway, receiver):
    receiver.answer("/app", Reply(404))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["10ms"] * 64)])
    gateway.post(events.delivered())
    receiver.wait_count(2, "/app")
    gateway.configure(gateway.settings | {
        "targets": [target("app", receiver.url("/app"), retry=["10ms"] * 64, give_up={"status": [404]})]})
    gateway.signal(1)
    wait_dead(gateway, 1)
    assert dead_lines(gateway, 1)[0]["reason"] == "give_up_status"


@pytest.mark.parametrize("status", [401, 403])
def test_a_receiver_that_does_not_know_the_key_yet_loses_nothing(start_gateway, receiver, signing_key, status):
    """Refused until its operator enters the key: then all arrives, in spite of the breakers."""
    known = set()

    def by_key(request):
        return Reply() if request.header("X-Postal-Signature-KID") in known else Reply(status)

    receiver.answer("/app", by_key)
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["20ms"] * 64,
                                            breaker={"failures": 10, "cooldown": "20ms"})])
    sent = [maker() for maker in (events.delivered, events.bounce, events.soft_bounce, events.drop) for _ in range(25)]
    gateway.post_all(sent)
    line = wait_until(lambda: gateway.log("target.key_unknown"), "the hint")[0]
    assert (line["status"], line["key_id"]) == (status, signing_key.key_id)
    wait_until(lambda: gateway.log("target.failing"), "it is left alone")
    known.add(signing_key.key_id)
    gateway.wait_idle()
    gateway.wait_metric("deliveries_total", 100, target="app", outcome="delivered")
    assert gateway.metric("deliveries_total", target="app", outcome="dead") == 0
    taken = {r.envelope["payload"]["message"]["message_id"] for r in receiver.requests("/app")}
    assert taken == {event["id"] for event in sent}
