# SPDX-License-Identifier: MIT
"""The admin API of the running gateway: seeing, steering, repairing, and who may."""

import json

import events
import pytest
from api import API, api, deliveries, finished_job, pause, wait_states
from receiver import Reply
from settings import source, target
from waiting import wait_until

pytestmark = pytest.mark.threads

ADMIN_TOKEN = "admin-secret"


# -- seeing -----------------------------------------------------------------------------------------


def test_stats_and_health(gateway):
    stats = api(gateway, "GET", "/stats")
    assert stats["generation"] == 1
    assert stats["backlog"] == 0
    assert stats["store_bytes"] > 0
    (app,) = stats["targets"]
    assert (app["name"], app["state"], app["configured"]) == ("app", "active", True)
    health = gateway.admin("/healthz").json
    assert health == {"status": "ok", "generation": 1, "fingerprint": stats["fingerprint"]}


def test_an_event_is_shown_with_all_that_happened(start_gateway, receiver):
    receiver.answer("/postal", Reply(500, body=b"not today"), Reply(200))
    gateway = start_gateway()
    event = events.delivered(recipient="Somebody@example.com")
    gateway.post(event)
    receiver.wait_count(2)
    wait_states(gateway, ["delivered"])
    (row,) = deliveries(gateway, "&recipient=somebody@EXAMPLE.com")
    assert row["attempts"] == 2
    shown = api(gateway, "GET", f"/events/{row['uuid']}")
    assert shown["envelope"] == receiver.envelopes()[0]
    assert json.loads(shown["raw"]) == event
    first = shown["deliveries"][0]["history"][0]
    assert (first["number"], first["status"], first["result"], first["answer"]) == (1, 500, "5xx", "not today")
    messages = api(gateway, "GET", f"/messages?message_id={event['id'].upper()}")["messages"]
    assert [(m["message_id"], m["events"][0]["uuid"]) for m in messages] == [(event["id"], row["uuid"])]


def test_pages_hold_everything_once(gateway):
    sent = [events.delivered() for _ in range(450)]
    gateway.post_all(sent)
    gateway.wait_idle()
    rows = deliveries(gateway)
    assert sorted(row["message_id"] for row in rows) == sorted(event["id"] for event in sent)


# -- steering ---------------------------------------------------------------------------------------


def test_a_pause_holds_outlives_a_restart_and_ends(gateway, receiver):
    app = api(gateway, "POST", "/targets/app/pause", {"reason": "their release"})
    assert (app["state"], app["reason"]) == ("paused", "their release")
    gateway.post(events.delivered())
    gateway.restart()
    assert api(gateway, "GET", "/targets/app")["state"] == "paused"
    gateway.post(events.delivered())
    wait_states(gateway, ["ready", "ready"])
    assert receiver.requests() == []
    assert api(gateway, "POST", "/targets/app/resume")["paused"] is False
    receiver.wait_count(2)
    gateway.wait_idle()


def test_the_dead_are_retried_with_all_attempts(start_gateway, receiver):
    receiver.answer("/postal", *[Reply(500)] * 2, Reply(200))
    gateway = start_gateway(targets=[target("app", receiver.url(), retry=["50ms"])])
    gateway.post(events.delivered())
    wait_states(gateway, ["dead"])
    (row,) = deliveries(gateway)
    assert api(gateway, "POST", f"/events/{row['uuid']}/retry") == {"changed": 1}
    wait_states(gateway, ["delivered"])
    (row,) = deliveries(gateway)
    assert row["attempts"] == 1
    assert {envelope["uuid"] for envelope in receiver.envelopes()} == {row["uuid"]}


def test_a_delivered_event_is_sent_again_when_that_is_said(gateway, receiver):
    gateway.post(events.delivered())
    wait_states(gateway, ["delivered"])
    (row,) = deliveries(gateway)
    assert api(gateway, "POST", f"/events/{row['uuid']}/retry?target=app") == {"changed": 0}
    assert api(gateway, "POST", f"/events/{row['uuid']}/retry?target=app", {"all": True}) == {"changed": 1}
    receiver.wait_count(2)
    first, second = receiver.envelopes()
    assert first == second
    wait_states(gateway, ["delivered"])


def test_a_job_discards_what_a_filter_means(gateway, receiver):
    pause(gateway)
    gateway.post_all([events.delivered(recipient=f"r{i % 3}@example.com") for i in range(30)])
    job = finished_job(gateway, {"action": "discard", "recipient": "R1@example.com"})
    assert (job["state"], job["changed"]) == ("done", 10)
    assert len(deliveries(gateway, "&state=discarded")) == 10
    api(gateway, "POST", "/targets/app/resume")
    gateway.wait_idle()
    assert len(receiver.requests()) == 20


@pytest.mark.heavy
def test_a_job_retries_many_while_events_come(start_gateway, receiver):
    receiver.answer("/postal", Reply(400))
    gateway = start_gateway(targets=[target("app", receiver.url(), retry=["1ms"], concurrency=64)])
    gateway.post_all([events.delivered() for _ in range(2000)])
    wait_until(lambda: api(gateway, "GET", "/targets/app")["dead"] == 2000, "all are dead")
    receiver.answer("/postal", Reply(200))
    job = api(gateway, "POST", "/jobs", {"action": "retry", "state": "dead", "rate": "5000/s"}, status=202)
    gateway.post(events.delivered())
    gateway.wait_idle()
    receiver.wait_count(4001)
    job = api(gateway, "GET", f"/jobs/{job['id']}")
    assert (job["state"], job["changed"]) == ("done", 2000)
    assert api(gateway, "GET", "/targets/app")["dead"] == 0


def test_a_job_is_cancelled(gateway):
    pause(gateway)
    gateway.post_all([events.delivered() for _ in range(5)])
    job = api(gateway, "POST", "/jobs", {"action": "discard", "all": True, "rate": "1/h"}, status=202)
    api(gateway, "DELETE", f"/jobs/{job['id']}")
    wait_until(lambda: api(gateway, "GET", f"/jobs/{job['id']}")["state"] == "cancelled", "the end")
    assert gateway.stop() == 0


def test_a_stop_does_not_wait_for_a_job(start_gateway):
    gateway = start_gateway(shutdown_timeout="10m")
    pause(gateway)
    gateway.post(events.delivered())
    api(gateway, "POST", "/jobs", {"action": "discard", "all": True, "rate": "1/h"}, status=202)
    assert gateway.stop() == 0


# -- repairing --------------------------------------------------------------------------------------


def test_what_cannot_be_translated_stays_until_it_is_discarded(gateway, receiver):
    body = events.without(events.delivered(), "event", "id")
    assert gateway.post(body, path="/webhooks/bizmail/delivered").result == "quarantined"
    (row,) = api(gateway, "GET", "/quarantine")["quarantine"]
    assert (row["source"], row["kind"], row["reason"], row["seen"]) == ("bizmail", "delivered", "no_id", 1)
    whole = api(gateway, "GET", f"/quarantine/{row['id']}")
    assert json.loads(whole["raw"]) == body
    answer = api(gateway, "POST", f"/quarantine/{row['id']}/replay")
    assert answer["status"] == "quarantined"
    assert api(gateway, "POST", "/quarantine/replay", {"all": True}) == {"replayed": 0, "still_quarantined": 1}
    assert api(gateway, "POST", f"/quarantine/{row['id']}/discard") == {"discarded": 1}
    assert api(gateway, "POST", "/quarantine/discard", {"all": True}) == {"discarded": 0}
    assert receiver.requests() == []


# -- who may ----------------------------------------------------------------------------------------


def test_a_token_is_asked_for(start_gateway):
    gateway = start_gateway(admin={"token": ADMIN_TOKEN})
    api(gateway, "GET", "/stats", status=401)
    api(gateway, "GET", "/nothing", status=401)
    for wrong in ("Bearer x", f"Basic {ADMIN_TOKEN}", f"Bearer {ADMIN_TOKEN}x", ADMIN_TOKEN, "Bearer"):
        api(gateway, "GET", "/stats", status=401, headers={"Authorization": wrong})
    right = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    assert api(gateway, "GET", "/stats", headers=right)["generation"] == 1
    # whoever knows the token is no strange page
    api(gateway, "GET", "/stats", headers=right | {"Origin": "https://console.example"})
    assert gateway.admin(API + "/stats").headers["WWW-Authenticate"].startswith("Bearer")
    assert gateway.admin("/metrics").status == 200
    assert ADMIN_TOKEN not in gateway.log_text()


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "evil.example"},
    {"Host": "evil.example:8026"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
])
def test_strange_pages_are_refused(gateway, headers):
    api(gateway, "GET", "/stats", status=403, headers=headers)
    api(gateway, "POST", "/targets/app/pause", status=403, headers=headers)
    assert api(gateway, "GET", "/targets/app")["paused"] is False


def test_own_pages_and_programs_are_served(gateway):
    own = f"127.0.0.1:{gateway.admin_port}"
    for headers in ({}, {"Origin": f"http://{own}"}, {"Sec-Fetch-Site": "same-origin"},
                    {"Sec-Fetch-Site": "none"}, {"Host": "localhost"}, {"Host": "LOCALHOST:99"},
                    {"Host": "[::1]:8026"}, {"Host": "127.0.0.1"}):
        api(gateway, "GET", "/stats", headers=headers)


def test_bodies_are_json(gateway):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", None):
        api(gateway, "POST", "/targets/app/pause", b"{}", status=415, headers={"Content-Type": content_type})
    api(gateway, "POST", "/targets/app/pause", b"{}", headers={"Content-Type": "application/json; charset=utf-8"})


def test_what_is_not_there(gateway):
    api(gateway, "GET", "/nothing", status=404)
    api(gateway, "GET", "", status=404)
    api(gateway, "PUT", "/stats", status=405)
    assert gateway.admin(API + "/stats", method="DELETE").headers["Allow"] == "GET, HEAD"
    assert gateway.admin("/api/v2/stats").status == 404
    assert gateway.admin("/api/v1x").status == 404
    head = gateway.admin(API + "/stats", method="HEAD")
    assert (head.status, head.body) == (200, b"")


def test_what_was_changed_is_logged(gateway):
    api(gateway, "GET", "/stats")
    api(gateway, "POST", "/targets/app/pause")
    api(gateway, "POST", "/targets/nobody/pause", status=404)
    lines = wait_until(lambda: len(gateway.log("admin.request")) > 1 and gateway.log("admin.request"), "two lines")
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/targets/app/pause", 200), ("POST", "/targets/nobody/pause", 404)]


def test_a_second_source_has_events_of_its_own(start_gateway, receiver):
    gateway = start_gateway(sources=[source(), source("other", "/webhooks/other")])
    event = events.delivered()
    gateway.post(event)
    gateway.post(event, path="/webhooks/other")
    gateway.wait_idle()
    rows = deliveries(gateway)
    assert sorted(row["source"] for row in rows) == ["bizmail", "other"]
    assert len({row["uuid"] for row in rows}) == 2
