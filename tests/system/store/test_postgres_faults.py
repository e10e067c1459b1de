# SPDX-License-Identifier: MIT
"""A gateway dies, stands still or is cut off; the database is down, hangs or moves. Whatever happens, an
event that got its 200 arrives, senders do not hang, and nobody has to repair anything."""

import collections
import signal
import threading

import events
import pytest
from cable import Cable
from receiver import Reply
from senders import Senders
from settings import target
from waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.threads

LEASE_S = 30
TAKEN_OVER_S = 2 * LEASE_S + PATIENCE_S  # a lease, what it takes to notice its end, and a slow machine
SENDERS = 4
IN_WORK_MAX = 64  # of one process: sent, but not recorded yet (concurrency is 16)


def patient(receiver, **changes):
    """Retries that go on for long enough, with a receiver that takes some time."""
    return [target("app", receiver.url(), retry=["1s"] * 60, **changes)]


def arrivals(receiver):
    """{message id: how often it arrived}"""
    return collections.Counter(envelope["payload"]["message"]["message_id"] for envelope in receiver.envelopes())


def load_flows(senders, count=100, timeout=PATIENCE_S):
    goal = len(senders.acknowledged) + count
    wait_until(lambda: len(senders.acknowledged) >= goal or senders.unexpected, "the load flows", timeout)


def assert_all_arrived(senders, receiver, gateways, duplicates_max):
    """Twice may come only what a process that died or overslept its lease had sent and not recorded."""
    assert not senders.unexpected
    # What a process knows of the others' counts is up to a second old: the receiver knows better.
    wait_until(lambda: set(senders.acknowledged) <= set(arrivals(receiver)), "all arrives", TAKEN_OVER_S)
    for gateway in gateways:
        wait_until(lambda: gateway.queued() == 0, "nothing waits", TAKEN_OVER_S)
    arrived = arrivals(receiver)
    missing = set(senders.acknowledged) - set(arrived)
    assert not missing, f"{len(missing)} of {len(senders.acknowledged)} were lost"
    duplicates = sum(arrived.values()) - len(arrived)
    overslept = max(int(gateway.metric("store_leases_expired_total")) for gateway in gateways)
    print(f"{len(senders.acknowledged)} acknowledged, {duplicates} delivered twice")
    assert duplicates <= max(duplicates_max, overslept)
    for gateway in gateways:
        assert gateway.metric("queue_depth", target="app", state="dead") == 0


def post_during_outage(gateway):
    """Refused as it should be, while the outage lasts."""
    answer = gateway.post(events.delivered())
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["errors"][0]["msg"]


def assert_refused_at_once(gateway, cable, count=20):
    """The database is known to be lost: no event waits until one more attempt to reach it has failed."""
    attempts = cable.attempts
    for _ in range(count):
        post_during_outage(gateway)
    assert cable.attempts - attempts < count


def wait_refused(senders):
    """While the outage lasts, all who send are told so again and again, and do not wait for its end."""
    goal = len(senders.refused) + 2 * SENDERS
    wait_until(lambda: len(senders.refused) >= goal, "the senders are refused")


def recovers(gateway):
    wait_until(lambda: gateway.post(events.delivered()).status == 200, "events are taken again")
    wait_until(lambda: gateway.admin("/readyz").status == 200, "it is ready again")


# -- a gateway --------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_one_of_two_is_killed(new_pair, database, receiver):
    receiver.answer("/postal", Reply(200, delay=0.02))
    first, second = new_pair(database, targets=patient(receiver))
    with Senders(first, second) as senders:
        load_flows(senders)
        first.kill9()
        load_flows(senders)
    assert_all_arrived(senders, receiver, [second], IN_WORK_MAX)
    first.start()
    assert first.post(events.delivered()).result == "accepted"
    first.wait_idle()


@pytest.mark.heavy
def test_one_of_two_is_killed_again_and_again(new_pair, database, receiver):
    rounds = 5
    pair = new_pair(database, targets=patient(receiver))
    with Senders(*pair) as senders:
        for number in range(rounds):
            load_flows(senders)
            pair[number % 2].kill9()
            load_flows(senders, 20)
            pair[number % 2].start()
        load_flows(senders)
    assert_all_arrived(senders, receiver, pair, rounds * IN_WORK_MAX)


@pytest.mark.heavy
def test_one_stands_still_for_longer_than_its_lease(new_pair, database, receiver):
    """The other takes over; when the first is back, its late verdicts change nothing."""
    stopped = threading.Event()
    gate = threading.Event()
    receiver.answer("/postal", lambda _: Reply(200, gate=gate if stopped.is_set() else None))
    first, second = new_pair(database, targets=patient(receiver, timeout="20s"))
    with Senders(first, second) as senders:
        load_flows(senders)
        stopped.set()
        in_flight = len(receiver.requests())
        receiver.wait_count(in_flight + 20)
        first.signal(signal.SIGSTOP)
        stopped.clear()
        gate.set()
        load_flows(senders)
        wait_until(lambda: second.metric("store_leases_expired_total") > 0, "the lease is over", TAKEN_OVER_S)
        first.signal(signal.SIGCONT)
        load_flows(senders)
        wait_until(lambda: first.post(events.delivered()).status == 200, "the first is back")
    assert_all_arrived(senders, receiver, [first, second], IN_WORK_MAX)
    assert first.metric("store_verdicts_late_total") > 0, "it heard of deliveries that were no longer its own"
    assert first.metric("store_verdicts_late_total") <= second.metric("store_leases_expired_total")


@pytest.mark.parametrize("manner", ["cut", "hang"])
def test_one_of_two_is_cut_off_from_the_database(new_gateway, database, cable, receiver, manner):
    far = new_gateway(store=database.store(dsn=cable.dsn(database.name)), targets=patient(receiver)).start()
    near = new_gateway(store=database.store(), targets=patient(receiver)).start()
    with Senders(far, near, answer_timeout_s=PATIENCE_S) as senders:
        load_flows(senders)
        getattr(cable, manner)()
        wait_until(lambda: far.admin("/readyz").status == 503, "it knows that it is alone")
        load_flows(senders)
        assert senders.refused, "they were told, and went to the other"
        assert_refused_at_once(far, cable)
        assert near.admin("/readyz").status == 200
        cable.mend()
        recovers(far)
        load_flows(senders)
    assert_all_arrived(senders, receiver, [near, far], 0)
    assert None not in senders.refused


@pytest.mark.heavy
def test_one_is_cut_off_for_longer_than_its_lease(new_gateway, database, cable, receiver):
    """What it could not record is delivered again, and its own late verdicts are refused."""
    far = new_gateway(store=database.store(dsn=cable.dsn(database.name)), targets=patient(receiver)).start()
    gate = threading.Event()
    receiver.answer("/postal", Reply(200, gate=gate))
    batch = [events.delivered() for _ in range(10)]
    assert {answer.result for answer in far.post_all(batch)} == {"accepted"}
    receiver.wait_count(10)
    near = new_gateway(store=database.store(), targets=patient(receiver)).start()
    cable.cut()
    gate.set()
    wait_until(lambda: near.metric("store_leases_expired_total") >= 10 and near.queued() == 0,
               "the other has taken over", TAKEN_OVER_S)
    cable.mend()
    recovers(far)
    far.wait_idle()
    arrived = arrivals(receiver)
    assert {arrived[event["id"]] for event in batch} == {2}
    assert far.metric("store_verdicts_late_total") == 10


def test_connections_are_lost_under_load(new_pair, database, receiver):
    pair = new_pair(database, targets=patient(receiver))
    with Senders(*pair) as senders:
        for _ in range(5):
            load_flows(senders, 50)
            assert database.disconnect() > 0
        load_flows(senders)
    assert_all_arrived(senders, receiver, pair, 0)


# -- the database -----------------------------------------------------------------------------------


@pytest.fixture
def own_cable(own_database):
    """To the server that the test may break."""
    cable = Cable(own_database.server)
    yield cable
    cable.close()


def test_the_database_is_down(own_database, own_cable, new_gateway, receiver):
    gate = threading.Event()
    receiver.answer("/postal", Reply(200, gate=gate))
    gateway = new_gateway(store=own_database.store(dsn=own_cable.dsn(own_database.name)), targets=patient(receiver)).start()
    assert gateway.post(events.delivered()).result == "accepted"
    receiver.wait_one()
    own_database.server.stop("immediate")
    post_during_outage(gateway)
    assert_refused_at_once(gateway, own_cable)
    assert gateway.admin("/readyz").status == 503
    assert gateway.request("GET", "/healthz").status == 200
    gate.set()
    own_database.server.start()
    recovers(gateway)
    gateway.wait_idle()
    assert max(arrivals(receiver).values()) == 1, "what was under way is recorded when it is back"


def test_the_database_restarts_under_load(own_database, new_pair, receiver):
    server = own_database.server
    pair = new_pair(own_database, targets=patient(receiver))
    with Senders(*pair) as senders:
        for end in (lambda: server.stop("fast"), lambda: server.stop("immediate"), server.kill9):
            load_flows(senders)
            end()
            wait_refused(senders)
            server.start()
        load_flows(senders)
    assert_all_arrived(senders, receiver, pair, 0)


def test_the_database_hangs(own_database, own_cable, new_gateway, receiver):
    gateway = new_gateway(store=own_database.store(dsn=own_cable.dsn(own_database.name)), targets=patient(receiver)).start()
    assert gateway.post(events.delivered()).result == "accepted"
    gateway.wait_idle()
    own_database.server.pause()
    post_during_outage(gateway)
    assert_refused_at_once(gateway, own_cable)
    assert gateway.admin("/readyz").status == 503
    gateway.admin("/api/v1/stats")  # has an answer, whatever it is
    own_database.server.resume()
    recovers(gateway)
    gateway.wait_idle()


def test_a_stop_while_the_database_is_down(own_database, new_gateway, receiver):
    gateway = new_gateway(store=own_database.store(), targets=patient(receiver), shutdown_timeout="10m").start()
    assert gateway.post(events.delivered()).result == "accepted"
    gateway.wait_idle()
    own_database.server.stop("immediate")
    post_during_outage(gateway)
    assert gateway.stop() == 0


def test_a_start_while_the_database_is_down(own_database, new_gateway):
    gateway = new_gateway(store=own_database.store())
    own_database.server.stop()
    gateway.start("gateway.waiting")
    assert "PostgreSQL" in gateway.log_text()
    own_database.server.start()
    recovers(gateway)
    assert gateway.post(events.delivered()).result == "accepted"


# -- a standby --------------------------------------------------------------------------------------


@pytest.fixture
def cluster(new_postgres):
    """A primary and its synchronous standby."""
    primary = new_postgres()
    return primary, new_postgres(primary)


def cluster_store(primary, standby):
    hosts = f"{primary.folder},{standby.folder}"
    return {"backend": "postgresql", "path": None,
            "dsn": f"host={hosts} dbname=postgres user={primary.user} target_session_attrs=read-write"}


def test_a_commit_waits_for_the_standby(cluster, new_gateway, receiver):
    """Without its confirmation there is no 200; the repeat is harmless whatever became of the first."""
    primary, standby = cluster
    gateway = new_gateway(store=cluster_store(primary, standby), targets=patient(receiver)).start()
    assert gateway.post(events.delivered()).result == "accepted"
    gateway.wait_idle()
    standby.pause()
    event = events.delivered()
    assert gateway.post(event).status == 503
    standby.resume()
    wait_until(lambda: gateway.post(event).result in ("accepted", "duplicate"), "the repeat is taken")
    receiver.wait_count(2)
    gateway.wait_idle()
    assert arrivals(receiver)[event["id"]] == 1


@pytest.mark.heavy
def test_failover_under_load(cluster, new_pair, receiver):
    primary, standby = cluster
    receiver.answer("/postal", Reply(200, delay=0.01))
    pair = new_pair(cluster_store(primary, standby), targets=patient(receiver))
    with Senders(*pair) as senders:
        load_flows(senders, 300)
        primary.kill9()
        wait_refused(senders)
        standby.promote()
        load_flows(senders, 300)
    assert_all_arrived(senders, receiver, pair, 0)
    stored = int(standby.execute("SELECT count(*) FROM repostal.event"))
    assert stored >= len(set(senders.acknowledged))
