# SPDX-License-Identifier: MIT
"""queue retry --as-new: for receivers that remember uuids, and answer 200 to what they know without acting."""

import json
import uuid

import events
import pytest
from api import api, deliveries, finished_job, wait_states
from control import Control
from receiver import Reply
from settings import target
from waiting import wait_until

QUICK_RETRY = ["20ms"]
MANY = 120  # more than one portion of a job


class Mailbox:
    """What an application does by the envelopes it gets: nothing, for a uuid that it remembers."""

    def __init__(self, receiver, path="/postal"):
        self.acted = []
        self.is_broken = False  # takes everything, and forgets to act
        self.refusals = 0       # so many are answered 500 first
        self._known = set()
        receiver.answer(path, self._take)

    def _take(self, request):
        if self.refusals > 0:
            self.refusals -= 1
            return Reply(status=500)
        envelope = request.envelope
        if envelope["uuid"] not in self._known and not self.is_broken:
            self.acted.append(envelope["uuid"])
        self._known.add(envelope["uuid"])
        return Reply()


@pytest.fixture
def mailbox(receiver):
    return Mailbox(receiver)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request):
    return request.getfixturevalue("database").store() if request.param == "postgresql" else {}


def swallowed(gateway, mailbox, count=1):
    """Events that were delivered, and that the application did nothing about; their uuids."""
    mailbox.is_broken = True
    posted = [events.delivered(recipient=f"user{n}@example.com") for n in range(count)]
    assert {answer.result for answer in gateway.post_all(posted)} == {"accepted"}
    wait_states(gateway, ["delivered"] * count)
    mailbox.is_broken = False
    return [row["uuid"] for row in deliveries(gateway)]


def without_uuid(envelope):
    return {name: value for name, value in envelope.items() if name != "uuid"}


def test_an_ordinary_replay_is_swallowed_and_one_as_new_is_not(start_gateway, receiver, mailbox, store, signing_key):
    gateway = start_gateway(store=store)
    control = Control(gateway)
    own = swallowed(gateway, mailbox)[0]
    assert control.ok("queue", "retry", own, "--all") == "1 changed\n"
    receiver.wait_count(2)
    wait_states(gateway, ["delivered"])
    assert mailbox.acted == [], "that is what --as-new is for"
    assert control.ok("queue", "retry", own, "--as-new") == "1 changed\n"
    receiver.wait_count(3)
    wait_states(gateway, ["delivered"])
    first, _, third = receiver.requests()
    new = third.envelope["uuid"]
    assert mailbox.acted == [new] and new != own and uuid.UUID(new).version == 5
    assert without_uuid(third.envelope) == without_uuid(first.envelope)
    assert third.body == first.body.replace(own.encode(), new.encode())
    signature = third.header("X-Postal-Signature-256")
    assert signing_key.verifies("sha256", third.body, signature), "of the bytes that went out"
    assert not signing_key.verifies("sha256", first.body, signature)


def test_the_uuid_lasts_and_the_next_is_another(start_gateway, receiver, mailbox, store):
    gateway = start_gateway(store=store, targets=[target("app", receiver.url(), retry=["20ms", "20ms", "30m"])])
    control = Control(gateway)
    own = swallowed(gateway, mailbox)[0]
    mailbox.refusals = 3
    control.ok("queue", "retry", own, "--as-new")
    receiver.wait_count(4)
    wait_states(gateway, ["waiting"])
    gateway.kill9()
    gateway.start()
    control = Control(gateway)
    assert control.ok("queue", "retry", own) == "1 changed\n", "what waits, now, under the uuid that it has"
    receiver.wait_count(5)
    wait_states(gateway, ["delivered"])
    sent = [envelope["uuid"] for envelope in receiver.envelopes()]
    assert sent[0] == own and len(set(sent[1:])) == 1 and mailbox.acted == sent[-1:]
    control.ok("queue", "retry", own, "--as-new")
    receiver.wait_count(6)
    wait_states(gateway, ["delivered"])
    assert len(mailbox.acted) == 2 and len({own, *mailbox.acted}) == 3
    assert gateway.post(json.loads(control.json("queue", "show", own)["raw"])).result == "duplicate"


def test_the_event_is_found_by_each_uuid_that_it_had(start_gateway, receiver, mailbox, store):
    gateway = start_gateway(store=store)
    control = Control(gateway)
    own, another = swallowed(gateway, mailbox, 2)
    for count in (3, 4):
        control.ok("queue", "retry", own, "--as-new")
        receiver.wait_count(count)
        wait_states(gateway, ["delivered"] * 2)
    older, newer = mailbox.acted
    for name in (own, older, newer, newer.upper()):
        shown = control.json("queue", "show", name)
        assert (shown["uuid"], shown["deliveries"][0]["sent_as"]) == (own, newer)
    assert f"\n  as new, uuid {newer}\n" in control.ok("queue", "show", older)
    assert "as new" not in control.ok("queue", "show", another)
    assert {row["uuid"]: row["sent_as"] for row in deliveries(gateway)} == {own: newer, another: another}
    # What was found may be acted on.
    assert control.ok("queue", "retry", older, "--all") == "1 changed\n"
    receiver.wait_count(5)
    assert receiver.envelopes()[-1]["uuid"] == newer, "as it went out last"
    gateway.wait_idle()


def test_each_target_has_its_own(start_gateway, receiver, store):
    left, right = Mailbox(receiver, "/left"), Mailbox(receiver, "/right")
    gateway = start_gateway(store=store, targets=[target("left", receiver.url("/left")),
                                                  target("right", receiver.url("/right"))])
    control = Control(gateway)
    assert gateway.post(events.delivered()).result == "accepted"
    wait_states(gateway, ["delivered"] * 2)
    own = left.acted[0]
    assert control.ok("queue", "retry", own, "--target", "left", "--as-new") == "1 changed\n"
    receiver.wait_count(2, "/left")
    wait_states(gateway, ["delivered"] * 2)
    assert len(left.acted) == 2 and right.acted == [own]
    assert control.ok("queue", "retry", left.acted[1], "--as-new") == "2 changed\n"
    receiver.wait_count(3, "/left")
    receiver.wait_count(2, "/right")
    gateway.wait_idle()
    assert len({*left.acted, *right.acted}) == 4, "one receiver behind two targets would swallow the second"


def test_many_by_a_filter(start_gateway, receiver, mailbox, store):
    gateway = start_gateway(store=store)
    control = Control(gateway)
    swallowed(gateway, mailbox, MANY)
    assert control.ok("queue", "retry", "--target", "app", "--as-new") == "0 changed\n", "none is dead or waits"
    question = control.ok("queue", "retry", "--state", "delivered", "--as-new", "--dry-run")
    assert question == f"{MANY} deliveries with state delivered would be retried under new uuids\n"
    assert control.ok("queue", "retry", "--state", "delivered", "--as-new") == f"{MANY} changed\n"
    receiver.wait_count(2 * MANY)
    wait_states(gateway, ["delivered"] * MANY)
    assert len(set(mailbox.acted)) == MANY
    assert {row["sent_as"] for row in deliveries(gateway)} == set(mailbox.acted)
    assert " retry as new " in control.ok("queue", "jobs")


def test_the_api(start_gateway, receiver, mailbox):
    gateway = start_gateway(targets=[target("app", receiver.url(), retry=QUICK_RETRY)])
    own = swallowed(gateway, mailbox)[0]
    assert api(gateway, "POST", f"/events/{own}/retry", {"as_new": True}) == {"changed": 1}
    receiver.wait_count(2)
    wait_states(gateway, ["delivered"])
    job = finished_job(gateway, {"action": "retry", "state": "delivered", "as_new": True})
    assert (job["state"], job["changed"], job["as_new"]) == ("done", 1, True)
    assert job["filter"] == {"state": "delivered"}
    receiver.wait_count(3)
    wait_states(gateway, ["delivered"])
    assert len(set(mailbox.acted)) == 2
    api(gateway, "POST", f"/events/{own}/retry", {"as_new": 1}, status=400)
    api(gateway, "POST", "/jobs", {"action": "discard", "all": True, "as_new": True}, status=400)
    api(gateway, "POST", "/jobs", {"action": "retry", "all": True, "as_new": "yes"}, status=400)


def test_the_dead_and_the_log(start_gateway, receiver, mailbox):
    gateway = start_gateway(targets=[target("app", receiver.url(), retry=QUICK_RETRY)])
    control = Control(gateway)
    mailbox.refusals = 4
    assert gateway.post(events.delivered()).result == "accepted"
    wait_states(gateway, ["dead"])
    own = deliveries(gateway)[0]["uuid"]
    control.ok("queue", "retry", own, "--as-new")
    receiver.wait_count(4)
    wait_states(gateway, ["dead"])
    new = deliveries(gateway)[0]["sent_as"]
    assert [envelope["uuid"] for envelope in receiver.envelopes()] == [own, own, new, new]
    wait_until(lambda: [line["uuid"] for line in gateway.log("delivery.dead")] == [own, new],
               "the log names what was sent")
    control.ok("queue", "retry", new)
    receiver.wait_count(5)
    wait_states(gateway, ["delivered"])
    assert mailbox.acted == [new], "no new one was asked for"


def test_offline(start_gateway, receiver, mailbox, store):
    gateway = start_gateway(store=store)
    control = Control(gateway)
    own = swallowed(gateway, mailbox, 3)[0]
    assert gateway.stop() == 0
    assert control.ok("queue", "retry", own, "--as-new") == "1 changed\n"
    new = next(row["sent_as"] for row in control.deliveries() if row["uuid"] == own)
    assert control.json("queue", "show", new)["uuid"] == own
    assert control.ok("queue", "retry", "--state", "delivered", "--as-new") == "2 changed\n"
    gateway.start()
    receiver.wait_count(6)
    wait_states(gateway, ["delivered"] * 3)
    assert len(mailbox.acted) == 3 and new in mailbox.acted


def test_a_copied_store_keeps_them(start_gateway, new_gateway, receiver, mailbox, store):
    gateway = start_gateway()
    control = Control(gateway)
    own = swallowed(gateway, mailbox)[0]
    for count in (2, 3):
        control.ok("queue", "retry", own, "--as-new")
        receiver.wait_count(count)
        wait_states(gateway, ["delivered"])
    older, newer = mailbox.acted
    assert gateway.stop() == 0
    moved = new_gateway(store=store)
    moved.admin_port = 9  # nobody listens there
    control = Control(moved)
    control.ok("store", "copy", "--from", gateway.directory / "repostal.db")
    for name in (own, older, newer):
        assert control.json("queue", "show", name)["deliveries"][0]["sent_as"] == newer
    moved.start()
    Control(moved).ok("queue", "retry", own, "--as-new")
    receiver.wait_count(4)
    moved.wait_idle()
    assert len(set(mailbox.acted)) == 3, "none that the receiver knows"


@pytest.mark.parametrize("arguments", [
    ["discard", "--all", "--as-new"], ["list", "--as-new"], ["jobs", "--as-new"], ["retry", "--as-new"],
    ["show", "00000000-0000-5000-8000-000000000000", "--as-new"],
])
def test_it_is_for_retry(gateway, arguments):
    Control(gateway).refused(2, "queue", *arguments)
