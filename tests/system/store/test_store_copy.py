# SPDX-License-Identifier: MIT
"""repostal store copy: a queue moves from SQLite to PostgreSQL, or to another file, and nothing is lost."""

import json
import sqlite3
import subprocess
from collections import Counter
from contextlib import suppress

import events
import pytest
from offline import without_note
from histories import HISTORY, history, place
from repostal import BINARY, run
from receiver import Reply
from settings import render, source, target

GOOD, DEAD, SLOW, STORIES, PARKED, STRANGE = 5, 4, 3, 2, 2, 2
WHOLE_QUEUE = ["queue", "list", "--json", "--limit", "0"]
SHOWN = ("uuid", "event", "target", "state", "received", "message_id", "recipient", "source", "result")


def named(name, count):
    return [events.delivered(id=f"{name}{n}@x") for n in range(count)]


def path_of(name):
    return f"/in/{name}"


def setup_of(receiver, retry="3s"):
    """A source for each target; the first target has none of its retries left, and /line keeps an order."""
    names = ["app", "slow", "line", "parked"]
    changes = {"app": {"retry": ["1ms"]}, "line": {"ordering": "message"}}
    return {
        "sources": [source(name, path_of(name)) for name in names],
        "targets": [target(name, receiver.url(f"/{name}"), sources=[name],
                           **({"retry": [retry] * 30} | changes.get(name, {}))) for name in names],
    }


def command(gateway, *arguments):
    """A command beside no gateway, with its configuration."""
    return run(*arguments, "-c", gateway.config_path)


def told(gateway, *arguments):
    result = command(gateway, *arguments)
    assert (result.returncode, without_note(result.stderr)) == (0, ""), result
    return result.stdout


def queue(gateway):
    """All deliveries, oldest first, without what belongs to their store."""
    return json.loads(told(gateway, *WHOLE_QUEUE))["deliveries"][::-1]


def quarantine(gateway):
    """All that is there with its bytes, oldest first."""
    ids = [entry["id"] for entry in json.loads(told(gateway, "quarantine", "list", "--json"))["quarantine"]]
    entries = [json.loads(told(gateway, "quarantine", "show", number, "--json")) for number in sorted(ids)]
    return [{name: value for name, value in entry.items() if name != "id"} for entry in entries]


def copy(gateway, path):
    """The summary, as (label, number) pairs."""
    lines = told(gateway, "store", "copy", "--from", path).splitlines()
    return [(line.split()[0], int(line.split()[1])) for line in lines]


def store_path(gateway):
    return gateway.directory / "repostal.db"


@pytest.fixture
def filled(new_gateway, receiver):
    """A gateway that was stopped with something of everything in its store."""
    gateway = new_gateway(**setup_of(receiver)).start()
    receiver.answer("/app", lambda request: Reply(200 if place(request)[0][0].startswith("good") else 500, body=b"no!"))
    receiver.answer("/slow", Reply(503))
    receiver.answer("/line", Reply(503))
    told_live(gateway, "target", "pause", "parked", "--reason", "the flat is being painted")
    for name, count in (("good", GOOD), ("dead", DEAD)):
        for event in named(name, count):
            assert gateway.post(event, path_of("app")).result == "accepted"
    for name, count in (("slow", SLOW), ("parked", PARKED)):
        for event in named(name, count):
            assert gateway.post(event, path_of(name)).result == "accepted"
    for number in range(STORIES):
        for event in history(f"story{number}@x"):
            assert gateway.post(event, path_of("line")).result == "accepted"
    for number in range(STRANGE):
        strange = {"event": "frobnicated", "id": f"strange{number}@x", "recipient": "a@b.c"}
        assert gateway.post(strange, path_of("app")).result == "quarantined"
    gateway.wait_metric("deliveries_total", GOOD, target="app", outcome="delivered")
    gateway.wait_metric("deliveries_total", DEAD, target="app", outcome="dead")
    receiver.wait_count(SLOW, "/slow")
    receiver.wait_count(STORIES, "/line")
    assert gateway.stop() == 0
    discarded = next(row for row in queue(gateway) if row["message_id"] == "dead0@x")
    told(gateway, "queue", "discard", discarded["uuid"])
    return gateway


def told_live(gateway, *arguments):
    """A command to a running gateway, whose port the system chose."""
    path = gateway.directory / "live.conf"
    path.write_text(render(gateway.settings | {"admin": gateway.settings["admin"] | {"port": gateway.admin_port}}))
    result = run(*arguments, "-c", path)
    assert (result.returncode, result.stderr) == (0, ""), result


@pytest.fixture(params=["postgresql", "sqlite"])
def store(request):
    """Changes to a store group, or none: another file."""
    return request.getfixturevalue("database").store() if request.param == "postgresql" else {}


@pytest.fixture
def moved(filled, new_gateway, receiver, store):
    """The gateway on the destination, not started."""
    return new_gateway(store=store, **setup_of(receiver, retry="100ms"))


def shown(rows):
    return [{name: row.get(name) for name in SHOWN} for row in rows]


def dues(rows):
    """Of what is neither held nor without an attempt: in these there is nothing to keep."""
    return {row["uuid"]: row["due"] for row in rows if row["target"] == "slow"}


def ends(rows):
    return {row["uuid"]: row["finished"] for row in rows if row["finished"]}


def test_what_is_copied(filled, moved):
    before = queue(filled)
    states = Counter(row["state"] for row in before)
    assert states == {"delivered": GOOD, "dead": DEAD - 1, "discarded": 1, "ready": PARKED,
                      "waiting": SLOW + STORIES, "held": STORIES * (HISTORY - 1)}
    waiting = PARKED + SLOW + STORIES * HISTORY
    assert copy(moved, store_path(filled)) == [
        ("events", GOOD + DEAD + waiting), ("skipped", 0), ("waiting", waiting), ("delivered", GOOD),
        ("dead", DEAD - 1), ("discarded", 1), ("quarantined", STRANGE), ("paused", 1)]
    after = queue(moved)
    # The first of an order waits as if it had never been tried.
    for row in before:
        if row["target"] == "line" and row["state"] == "waiting":
            row["state"], row["result"] = "ready", next(r for r in after if r["uuid"] == row["uuid"]).get("result")
    assert shown(after) == shown(before)
    assert dues(after) == dues(before)
    assert ends(after) == ends(before)
    assert [json.loads(entry["raw"])["id"] for entry in quarantine(moved)] == [f"strange{n}@x" for n in range(STRANGE)]
    assert quarantine(moved) == quarantine(filled)
    parked = next(t for t in json.loads(told(moved, "target", "list", "--json"))["targets"]
                  if t["name"] == "parked")
    assert (parked["state"], parked["reason"]) == ("paused", "the flat is being painted")
    dead = next(row for row in after if row["state"] == "dead")
    assert "no!" in told(moved, "queue", "show", dead["uuid"])


def test_twice_changes_nothing(filled, moved):
    first = copy(moved, store_path(filled))
    everything = queue(moved), quarantine(moved), told(moved, "target", "list")
    again = copy(moved, store_path(filled))
    assert again[:2] == [("events", 0), ("skipped", dict(first)["events"])]
    assert again[2:] == [("waiting", 0), ("delivered", 0), ("dead", 0), ("discarded", 0), ("quarantined", 0),
                         ("skipped", STRANGE), ("paused", 0)]
    assert (queue(moved), quarantine(moved), told(moved, "target", "list")) == everything


def test_the_gateway_goes_on(filled, moved, receiver):
    copy(moved, store_path(filled))
    before = Counter(request.path for request in receiver.requests())
    for path in ("/app", "/slow", "/line", "/parked"):
        receiver.answer(path, Reply(200))
    moved.start()
    receiver.wait_count(before["/slow"] + SLOW, "/slow")
    receiver.wait_count(before["/line"] + STORIES * HISTORY, "/line")
    assert moved.post(named("good", 1)[0], path_of("app")).result == "duplicate"
    assert moved.post(named("slow", 1)[0], path_of("slow")).result == "duplicate"
    assert receiver.requests("/parked") == []
    told_live(moved, "target", "resume", "parked")
    receiver.wait_count(PARKED, "/parked")
    for name in ("app", "slow", "line", "parked"):
        moved.wait_idle(name)
    assert len(receiver.requests("/app")) == before["/app"], "what was delivered or dead does not go again"
    assert len(receiver.requests("/slow")) == before["/slow"] + SLOW
    assert len(receiver.requests("/parked")) == PARKED
    line = [place(request) for request in receiver.requests("/line")[before["/line"]:]]
    for number in range(STORIES):
        assert [index for (message, _), index in line if message == f"story{number}@x"] == list(range(HISTORY))
    told_live(moved, "queue", "retry", "--state", "dead")
    receiver.wait_count(before["/app"] + DEAD - 1, "/app")
    moved.wait_idle("app")


def test_many_events_and_what_cannot_be_read(new_gateway, receiver, store):
    """More than a portion, and more than a page of one event's deliveries."""
    names = [f"t{n:02}" for n in range(40)]
    targets = [target(name, receiver.url(f"/{name}"), sources=["wide"]) for name in names]
    targets.append(target("app", receiver.url("/app"), sources=["app"]))
    setup = {"sources": [source("app", path_of("app")), source("wide", path_of("wide"))], "targets": targets}
    gateway = new_gateway(**setup).start()
    for event in named("wide", 3):
        gateway.post(event, path_of("wide"))
    with gateway.client() as client:
        for event in named("good", 700):
            assert client.post(event, path_of("app")).result == "accepted"
    gateway.wait_metric("deliveries_total", 700 + 3 * 40, outcome="delivered")
    assert gateway.stop() == 0
    with sqlite3.connect(store_path(gateway)) as db:
        db.execute("UPDATE event SET raw = CAST('{\"event\":\"frobnicated\",\"id\":\"old@x\"}' AS BLOB) WHERE id = "
                   "(SELECT max(id) FROM event)")
    db.close()
    moved = new_gateway(store=store, **setup)
    summary = told(moved, "store", "copy", "--from", store_path(gateway))
    numbers = [int(line[12:23]) for line in summary.splitlines()]
    assert numbers == [702, 0, 0, 699 + 3 * 40, 0, 0, 1, 1, 0], summary
    assert [entry["reason"] for entry in quarantine(moved)] == ["unknown_kind"]
    rows = queue(moved)
    assert Counter(row["state"] for row in rows) == {"delivered": 699 + 120}
    assert [row["message_id"] for row in rows if row["source"] == "app"] == [f"good{n}@x" for n in range(699)]


def test_whatever_cuts_it_short(new_gateway, receiver, store):
    """Killed at any moment: what is in the destination is whole, and the next run adds the rest."""
    setup = setup_of(receiver)
    gateway = new_gateway(**setup).start()
    told_live(gateway, "target", "pause", "parked")
    with gateway.client() as client:
        for number in range(600):
            for name in ("app", "parked"):
                event = events.delivered(id=f"{name}{number}@x")
                assert client.post(event, path_of(name)).result == "accepted"
    gateway.wait_metric("deliveries_total", 600, target="app", outcome="delivered")
    assert gateway.stop() == 0
    before = shown(queue(gateway))
    expected = {row["uuid"]: row for row in before}
    moved = new_gateway(store=store, **setup)
    arguments = [BINARY, "store", "copy", "-c", moved.config_path, "--from", store_path(gateway)]
    for milliseconds in range(10, 500, 10):
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(milliseconds / 1000)
        process.kill()
        process.wait()
        result = command(moved, *WHOLE_QUEUE)
        if result.returncode != 0:  # there is no store yet
            continue
        rows = shown(json.loads(result.stdout)["deliveries"])
        for row in rows:
            assert row == expected[row["uuid"]]
        if len(rows) == len(before):
            break
    told(moved, "store", "copy", "--from", store_path(gateway))
    assert shown(queue(moved)) == before


def test_a_full_destination_goes_on_when_it_is_larger(filled, new_gateway, receiver, store):
    small = new_gateway(store=store | {"max_backlog": 3}, **setup_of(receiver))
    result = command(small, "store", "copy", "--from", store_path(filled))
    assert (result.returncode, result.stdout) == (1, "")
    assert "store.max_backlog is 3" in result.stderr
    small.configure(small.settings | {"store": small.settings["store"] | {"max_backlog": 1000}})
    assert dict(copy(small, store_path(filled)))["waiting"] == PARKED + SLOW + STORIES * HISTORY


def test_a_store_in_use_is_refused(gateway, new_gateway, receiver):
    moved = new_gateway(**setup_of(receiver))
    result = command(moved, "store", "copy", "--from", store_path(gateway))
    assert (result.returncode, result.stdout) == (1, "")
    assert f"is in use by process {gateway.process.pid}" in result.stderr
    assert not store_path(moved).exists()


def test_a_destination_in_use_is_refused(filled, gateway):
    result = command(gateway, "store", "copy", "--from", store_path(filled))
    assert (result.returncode, result.stdout) == (1, "")
    assert "is in use by process" in result.stderr


@pytest.mark.parametrize("make, text", [
    (lambda path: None, "No such file or directory"),
    (lambda path: path.mkdir(), "is not a store"),
    (lambda path: path.write_bytes(b""), "is not a store"),
    (lambda path: path.write_text("listen: { port = 80; };\n"), "is not a store"),
    (lambda path: sqlite3.connect(path).execute("CREATE TABLE other (a)").connection.close(), "another program"),
], ids=["missing", "folder", "empty", "text", "another-database"])
def test_what_is_no_store_is_refused(new_gateway, tmp_path, make, text):
    moved = new_gateway()
    path = tmp_path / "from.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    result = command(moved, "store", "copy", "--from", path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("repostal store: ") and str(path) in result.stderr, result.stderr
    assert text in result.stderr, result.stderr
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not store_path(moved).exists()


def test_the_store_itself_is_refused(filled):
    result = command(filled, "store", "copy", "--from", store_path(filled))
    assert (result.returncode, result.stdout) == (1, "")
    assert "the one that the configuration names" in result.stderr


@pytest.mark.parametrize("arguments, code, text", [
    ([], 2, "copy or backup is missing"), (["move"], 2, "'move' is not one of copy, backup"), (["copy"], 2, "--from PATH is missing"),
    (["copy", "--from"], 2, "needs a value"), (["copy", "this", "--from", "x"], 2, "unexpected argument 'this'"),
    (["copy", "--to", "x"], 2, "unknown option '--to'"),
    (["copy", "--from", "x", "-c", "/nonexistent"], 78, "/nonexistent"),
])
def test_usage(arguments, code, text):
    result = run("store", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert text in result.stderr


@pytest.mark.parametrize("arguments", [["store", "--help"], ["store", "copy", "--help"]])
def test_help(arguments):
    result = run(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    assert "Usage: repostal store copy" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert "  store " in run("--help").stdout
