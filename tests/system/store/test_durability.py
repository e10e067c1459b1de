# SPDX-License-Identifier: MIT
"""Acknowledged is durable: whatever happens to the process or the disk, an event that got its 200 arrives."""

import contextlib
import errno
import os
import random
import resource
import sqlite3
import subprocess
import threading

import events
import pytest
from jwks import assert_jwks_answers
from repostal import run
from receiver import Reply
from senders import Senders
from settings import source, target
from waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.threads


def message_ids(receiver, path=None):
    return [envelope["payload"]["message"]["message_id"] for envelope in receiver.envelopes(path)]


@pytest.mark.parametrize("rounds", [3, pytest.param(12, marks=pytest.mark.heavy)])
def test_kill_9_under_load_loses_nothing(start_gateway, receiver, rounds):
    gateway = start_gateway()
    dice = random.Random(rounds)
    with Senders(gateway, answer_timeout_s=PATIENCE_S) as senders:
        for _ in range(rounds):
            goal = len(senders.acknowledged) + dice.randint(20, 150)
            wait_until(lambda: len(senders.acknowledged) >= goal or senders.unexpected, "the load flows")
            gateway.kill9()
            gateway.start()
        goal = len(senders.acknowledged) + 20
        wait_until(lambda: len(senders.acknowledged) >= goal or senders.unexpected, "the load flows again")
    assert (senders.unexpected, senders.refused) == ([], [])
    gateway.wait_idle()
    acknowledged = set(senders.acknowledged)
    assert len(acknowledged) == len(senders.acknowledged)
    arrived = message_ids(receiver)
    assert acknowledged <= set(arrived)
    by_id = {}
    for envelope in receiver.envelopes():
        by_id.setdefault(envelope["payload"]["message"]["message_id"], set()).add(envelope["uuid"])
    assert all(len(uuids) == 1 for uuids in by_id.values()), "a repeat keeps its uuid over crashes"
    assert gateway.metric("queue_depth", target="app", state="dead") == 0


def test_what_is_done_is_not_done_again(gateway, receiver):
    gateway.post_all([events.delivered() for _ in range(50)])
    receiver.wait_count(50)
    gateway.wait_idle()
    gateway.kill9()
    gateway.start()
    gateway.post(events.delivered())
    receiver.wait_count(51)
    gateway.wait_idle()
    assert len(receiver.requests()) == 51


@pytest.mark.parametrize("end", ["stop", "kill9"])
def test_a_backlog_survives_a_restart(start_gateway, receiver, end):
    receiver.answer("/postal", Reply(503))
    gateway = start_gateway(targets=[target("app", receiver.url(), retry=["300ms"] * 50)])
    batch = [events.delivered() for _ in range(200)]
    assert {answer.result for answer in gateway.post_all(batch)} == {"accepted"}
    getattr(gateway, end)()
    before = len(receiver.requests())
    receiver.answer("/postal", Reply(200))
    gateway.start()
    receiver.wait_count(before + 200)
    gateway.wait_idle()
    after = [request.envelope["payload"]["message"]["message_id"] for request in receiver.requests()[before:]]
    assert sorted(after) == sorted(event["id"] for event in batch)


def test_a_backlog_larger_than_memory_holds_is_delivered(start_gateway, receiver):
    gate = threading.Event()
    receiver.answer("/postal", Reply(gate=gate))
    gateway = start_gateway(targets=[target("app", receiver.url(), concurrency=4, timeout="60s")])
    batch = [events.delivered() for _ in range(3000)]
    gateway.post_all(batch, connections=16)
    assert gateway.queued() == 3000
    wait_until(lambda: gateway.metric("queue_oldest_seconds", target="app") > 0, "the oldest grows older")
    gate.set()
    receiver.wait_count(3000, timeout=90)
    gateway.wait_idle()
    assert sorted(message_ids(receiver)) == sorted(event["id"] for event in batch)


def test_a_target_that_vanishes_keeps_its_queue(start_gateway, receiver):
    receiver.answer("/app", Reply(503))
    both = [target("app", receiver.url("/app"), retry=["500ms"] * 50),
            target("other", receiver.url("/other"))]
    gateway = start_gateway(targets=both)
    event = events.delivered()
    gateway.post(event)
    receiver.wait_count(1, "/app")
    receiver.wait_count(1, "/other")
    gateway.wait_idle("other")
    gateway.stop()
    gateway.configure(gateway.settings | {"targets": both[1:]})
    gateway.start()
    gateway.post(events.delivered())
    receiver.wait_count(2, "/other")
    gateway.stop()
    seen = len(receiver.requests("/app"))
    receiver.answer("/app", Reply(200))
    gateway.configure(gateway.settings | {"targets": both})
    gateway.start()
    late = receiver.wait_count(seen + 1, "/app")[seen]
    assert late.envelope["payload"]["message"]["message_id"] == event["id"]
    gateway.wait_idle("app")


def test_two_processes_on_one_file(gateway, new_gateway):
    second = new_gateway(store={"path": gateway.settings["store"]["path"]})
    second.launch()
    assert second.wait_exit() == 1
    assert gateway.settings["store"]["path"] in second.log_text()
    assert gateway.post(events.delivered()).result == "accepted", "the first one is not disturbed"
    gateway.kill9()
    second.start()
    assert second.post(events.delivered()).result == "accepted", "a dead owner's lock is void"


def test_a_file_that_is_no_store_is_left_alone(new_gateway):
    gateway = new_gateway()
    path = gateway.settings["store"]["path"]
    text = b"precious notes of somebody else, and long enough to have been a header\n" * 100
    with open(path, "wb") as file:
        file.write(text)
    gateway.launch()
    assert gateway.wait_exit() == 1
    assert path in gateway.log_text()
    with open(path, "rb") as file:
        assert file.read() == text


def test_the_store_directory_must_exist_and_the_message_says_which(new_gateway, tmp_path):
    path = str(tmp_path / "missing" / "repostal.db")
    gateway = new_gateway(store={"path": path})
    gateway.launch()
    assert gateway.wait_exit() == 1
    assert path in gateway.log_text()


def test_a_full_backlog_is_503_and_ends_by_itself(start_gateway, receiver):
    receiver.answer("/postal", Reply(503))
    paths = ["/one", "/two", "/three"]  # each source has half of the backlog
    gateway = start_gateway(store={"max_backlog": 50}, sources=[source(path[1:], path) for path in paths],
                            targets=[target("app", receiver.url(), retry=["300ms"] * 60, max_backlog=100)])
    accepted = []
    for path in paths:
        answer = None
        for _ in range(500):
            event = events.delivered()
            answer = gateway.post(event, path)
            if answer.status != 200:
                break
            accepted.append(event["id"])
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "30"
        assert answer.json["errors"][0]["msg"]
    assert len(accepted) >= 50
    assert gateway.admin("/readyz").status == 503
    assert gateway.request("GET", "/healthz").status == 200
    receiver.answer("/postal", Reply(200))
    wait_until(lambda: gateway.post(events.delivered(), "/three").status == 200, "events are taken again")
    wait_until(lambda: gateway.admin("/readyz").status == 200, "readiness comes back")
    gateway.wait_idle()
    assert set(accepted) <= set(message_ids(receiver))


def assert_survives_a_full_disk(gateway, receiver, fill, empty):
    """fill() lets no more bytes be written to the store, empty() ends that."""
    acknowledged = []

    def post():
        event = events.delivered(response="250 " + "x" * 2000)
        answer = gateway.post(event)
        if answer.status == 200:
            acknowledged.append(event["id"])
        else:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "30"
            assert answer.json["errors"]
        return answer.status

    assert post() == 200
    fill()
    wait_until(lambda: post() == 503, "a full disk is noticed")
    wait_until(lambda: gateway.admin("/readyz").status == 503, "it is not ready")
    assert gateway.metric("store_failing") == 1
    assert gateway.request("GET", "/healthz").status == 200
    assert_jwks_answers(gateway)
    empty()
    wait_until(lambda: post() == 200, "it recovers by itself")
    wait_until(lambda: gateway.admin("/readyz").status == 200, "it is ready again")
    assert gateway.metric("store_failing") == 0
    gateway.wait_idle()
    assert set(acknowledged) <= set(message_ids(receiver))
    gateway.kill9()
    gateway.start()
    assert post() == 200, "the store is sound after all that"
    gateway.wait_idle()
    assert acknowledged[-1] in message_ids(receiver)


def test_a_limit_on_file_size_is_survived(new_gateway, receiver):
    """restore_signals=False keeps SIGXFSZ ignored, as Python has it: the limit is met as an error then."""
    gateway = new_gateway(popen={"restore_signals": False}).start()
    path = gateway.settings["store"]["path"]

    def limit(size):
        _, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    def fill():
        sizes = [os.path.getsize(path + suffix) for suffix in ("", "-wal") if os.path.exists(path + suffix)]
        limit(min(sizes) + 8192)

    assert_survives_a_full_disk(gateway, receiver, fill, lambda: limit(resource.RLIM_INFINITY))


@pytest.fixture
def small_disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", path], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


def test_a_full_disk_is_survived(small_disk, new_gateway, receiver):
    gateway = new_gateway(store={"path": str(small_disk / "repostal.db")}).start()
    ballast = small_disk / "ballast"

    def fill():
        with open(ballast, "wb", buffering=0) as file:
            for size in (65536, 4096):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError as problem:
                    assert problem.errno == errno.ENOSPC

    assert_survives_a_full_disk(gateway, receiver, fill, ballast.unlink)


def test_the_quarantine_survives_too(gateway):
    """What was acknowledged as quarantined is in the file after a crash."""
    marker = events.message_id()
    opened = {"event": "opened", "id": marker, "recipient": "a@example.com"}
    assert gateway.post(opened).result == "quarantined"
    gateway.kill9()
    raw = b""
    for suffix in ("", "-wal"):
        path = gateway.settings["store"]["path"] + suffix
        if os.path.exists(path):
            with open(path, "rb") as file:
                raw += file.read()
    assert marker.encode() in raw
    gateway.start()
    assert gateway.post(events.delivered()).result == "accepted"


def test_the_store_is_private(gateway):
    """Events hold addresses: nobody else on the machine needs to read them."""
    assert os.stat(gateway.settings["store"]["path"]).st_mode & 0o077 == 0


def test_a_store_of_the_future_is_refused(gateway):
    path = gateway.settings["store"]["path"]
    gateway.stop()
    with contextlib.closing(sqlite3.connect(path)) as store:
        store.execute("PRAGMA user_version = 999999")
    gateway.launch()
    assert gateway.wait_exit() == 1
    assert path in gateway.log_text()


def test_check_does_not_touch_the_store(gateway):
    assert run("check", "-c", gateway.config_path).returncode == 0
    assert gateway.post(events.delivered()).result == "accepted"
