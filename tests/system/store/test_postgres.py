# SPDX-License-Identifier: MIT
"""Several gateways on one PostgreSQL: each takes events, each delivers, and together they are one."""

import threading
from pathlib import Path

import events
import pytest
from api import api, deliveries, finished_job, wait_states
from control import Control
from histories import HISTORY, Flaky, history
from postgres import PASSWORD_USER
from repostal import run
from receiver import Reply
from settings import source, target
from waiting import wait_until

pytestmark = pytest.mark.threads

SECRET = "dsn-secret-93ab"
DELIVERY_DEAD_MAX = 5100  # rows that the table may have before it is tidied


def delivered_by(gateway):
    return gateway.metric("deliveries_total", target="app", outcome="delivered")


def follows(gateway, state):
    """The API reads the database and knows at once; this is what the process itself works by."""
    wait_until(lambda: gateway.metric("target_state", target="app", state=state) == 1, "the other follows")


def wait_paused(gateway, paused=True):
    """What the API shows is in the database at once; those who deliver hear of it a little later."""
    wait_until(lambda: gateway.metric("target_state", target="app", state="paused") == paused,
               f"it heard of the {'pause' if paused else 'end of the pause'}")


def post_to_all(gateways, event):
    """The same event to each at the same moment; what became of it, sorted."""
    barrier = threading.Barrier(len(gateways))
    results = []

    def post(gateway):
        with gateway.client() as client:
            client.connection.connect()
            barrier.wait()
            results.append(client.post(event).result)

    threads = [threading.Thread(target=post, args=(gateway,)) for gateway in gateways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(results)


# -- together ---------------------------------------------------------------------------------------


def test_each_takes_and_each_delivers(new_pair, database, receiver):
    pair = new_pair(database)
    batches = [[events.delivered() for _ in range(100)] for _ in pair]
    for gateway, batch in zip(pair, batches):
        assert {answer.result for answer in gateway.post_all(batch)} == {"accepted"}
    for gateway in pair:
        gateway.wait_idle()
    assert sorted(receiver.message_ids()) == sorted(event["id"] for batch in batches for event in batch)
    assert min(map(delivered_by, pair)) > 0
    assert sum(map(delivered_by, pair)) == 200


def test_what_one_took_the_other_delivers(new_pair, database, receiver):
    """A backlog belongs to nobody, also when whoever took it has stopped."""
    receiver.answer("/postal", Reply(503))
    first, second = new_pair(database, targets=[target("app", receiver.url(), retry=["1s"] * 50)])
    batch = [events.delivered() for _ in range(100)]
    first.post_all(batch)
    receiver.wait_count(100)
    assert first.stop() == 0
    before = len(receiver.requests())
    receiver.answer("/postal", Reply(200))
    wait_until(lambda: delivered_by(second) == 100, "the other delivers all of it")
    second.wait_idle()
    after = receiver.message_ids()[before:]
    assert sorted(after) == sorted(event["id"] for event in batch), "each once"


def test_the_same_event_at_several_at_once(new_pair, database, receiver):
    pair = new_pair(database)
    for _ in range(50):
        assert post_to_all(pair, events.delivered()) == ["accepted", "duplicate"]
    for gateway in pair:
        gateway.wait_idle()
    assert len(receiver.requests()) == 50


def test_order_holds_across_processes(new_pair, database, receiver):
    messages = 20
    flaky = Flaky(0.3)
    receiver.answer("/postal", flaky)
    pair = new_pair(database, targets=[
        target("app", receiver.url(), ordering="message", retry=["30ms"] * 60)])
    histories = [history() for _ in range(messages)]
    for step in range(HISTORY):
        half = messages // 2
        for index, gateway in enumerate(pair if step % 2 == 0 else reversed(pair)):
            mine = histories[index * half:(index + 1) * half]
            assert {answer.result for answer in gateway.post_all([story[step] for story in mine])} == {"accepted"}
    wait_until(lambda: sum(map(delivered_by, pair)) == messages * HISTORY, "all is delivered", 60)
    flaky.assert_in_order(messages)
    assert min(map(delivered_by, pair)) > 0, "both took part"


def test_a_pause_is_followed_by_the_others(new_pair, database, receiver):
    first, second = new_pair(database)
    api(first, "POST", "/targets/app/pause", {"reason": "their release"})
    follows(second, "paused")
    assert api(second, "GET", "/targets/app")["reason"] == "their release"
    for gateway in (first, second):
        assert gateway.post(events.delivered()).result == "accepted"
    wait_states(second, ["ready", "ready"])
    assert receiver.requests() == []
    api(second, "POST", "/targets/app/resume")
    receiver.wait_count(2)
    follows(first, "active")
    first.wait_idle()


def test_what_died_at_one_is_retried_at_the_other(new_pair, database, receiver):
    receiver.answer("/postal", Reply(400))
    first, second = new_pair(database, targets=[target("app", receiver.url(), retry=["10ms"])])
    first.post_all([events.delivered() for _ in range(20)])
    wait_states(second, ["dead"] * 20)
    receiver.answer("/postal", Reply(200))
    job = finished_job(second, {"action": "retry", "state": "dead"})
    assert (job["state"], job["changed"]) == ("done", 20)
    wait_states(first, ["delivered"] * 20)
    assert len({envelope["uuid"] for envelope in receiver.envelopes()}) == 20


def test_counts_are_those_of_all(new_pair, database, receiver):
    pair = new_pair(database)
    api(pair[0], "POST", "/targets/app/pause")
    follows(pair[1], "paused")
    for gateway in pair:
        gateway.post_all([events.delivered() for _ in range(10)])
        gateway.post({"event": "opened", "id": events.message_id(), "recipient": "a@example.com"})
    for gateway in pair:
        wait_until(lambda: gateway.queued() == 20, "it knows of all that waits")
        assert len(deliveries(gateway)) == 20
        assert len(api(gateway, "GET", "/quarantine")["quarantine"]) == 2
    api(pair[1], "POST", "/targets/app/resume")
    receiver.wait_count(20)
    for gateway in pair:
        gateway.wait_idle()


def test_a_backlog_that_is_full_is_full_for_all(new_gateway, database, receiver):
    pair = [new_gateway(store=database.store(max_backlog=20), sources=[source(), source("other", "/other")],
                        targets=[target("app", receiver.url(), max_backlog=100)]).start() for _ in range(2)]
    api(pair[0], "POST", "/targets/app/pause")
    follows(pair[1], "paused")
    assert [answer.status for answer in pair[0].post_all([events.delivered() for _ in range(10)])] == [200] * 10
    wait_until(lambda: pair[1].post(events.delivered()).status == 503, "the source's half is used up for both")
    assert pair[0].post(events.delivered(), "/other").status == 200
    wait_until(lambda: pair[0].post(events.delivered(), "/other").status == 503, "all of it is used up")
    wait_until(lambda: pair[1].post(events.delivered(), "/other").status == 503, "the other is full too")
    api(pair[0], "POST", "/targets/app/resume")
    wait_until(lambda: pair[1].post(events.delivered()).status == 200, "there is room again")


def test_a_targets_share_is_one_for_all(new_gateway, database, receiver):
    """What one process has accepted counts at the other; what is beyond is dead, and no 503."""
    receiver.answer("/away", Reply(503))
    targets = [target("away", receiver.url("/away"), retry=["1h"]), target("well", receiver.url("/well"))]
    pair = [new_gateway(store=database.store(max_backlog=20), targets=targets).start() for _ in range(2)]
    for _ in range(10):
        assert pair[0].post(events.delivered()).result == "accepted"
        pair[0].wait_idle("well")
    wait_until(lambda: pair[1].queued("away") == 10, "the other knows")
    for _ in range(5):
        assert pair[1].post(events.delivered()).result == "accepted"
        pair[1].wait_idle("well")
    assert pair[1].metric("deliveries_total", target="away", outcome="dead") == 5
    assert {row["reason"] for row in deliveries(pair[0], "&state=dead")} == {"backlog_full"}


def test_a_target_that_another_process_has_is_not_forgotten(new_gateway, database, receiver):
    one, two = target("one", receiver.url("/one")), target("two", receiver.url("/two"))
    pair = [new_gateway(store=database.store(), targets=targets).start() for targets in ([one, two], [one])]
    wait_until(lambda: pair[1].log("store.config_differs"), "it knows that they differ")
    assert "configured differently" in Control(pair[1]).refused(1, "target", "forget", "two")
    pair[0].stop()
    wait_until(lambda: pair[1].log("store.config_agrees"), "it is alone")
    assert Control(pair[1]).ok("target", "forget", "two") == "two: forgotten\n"


def test_many_start_at_once_on_an_empty_database(new_gateway, database, receiver):
    several = [new_gateway(store=database.store()) for _ in range(4)]
    for gateway in several:
        gateway.launch()
    for gateway in several:
        wait_until(lambda: gateway._ready("gateway.ready", 0), "it is ready")
        ready = gateway.log("gateway.ready")[-1]
        gateway.know(ready)
    for gateway in several:
        assert gateway.post(events.delivered()).result == "accepted"
    receiver.wait_count(4)
    assert database.execute("SELECT name FROM repostal.target") == "app"


def test_an_event_is_found_while_nobody_runs(new_gateway, database):
    gateway = new_gateway(store=database.store()).start()
    event = events.delivered(recipient="somebody@example.com")
    gateway.post(event)
    gateway.wait_idle()
    gateway.stop()
    found = run("queue", "list", "-c", gateway.config_path, "--recipient", "somebody@example.com", "--json")
    assert found.returncode == 0, found.stderr
    assert event["id"] in found.stdout


# -- versions ---------------------------------------------------------------------------------------


def test_newer_tables_that_still_fit_are_used(new_gateway, database, receiver):
    gateway = new_gateway(store=database.store()).start()
    gateway.stop()
    database.execute("UPDATE repostal.meta SET value = 1000 WHERE key = 'version'")
    gateway.start()
    assert gateway.post(events.delivered()).result == "accepted"
    receiver.wait_one()


def test_newer_tables_that_do_not_fit_are_refused(new_gateway, database):
    gateway = new_gateway(store=database.store()).start()
    gateway.stop()
    database.execute("UPDATE repostal.meta SET value = 1000")
    gateway.launch()
    assert gateway.wait_exit() == 1
    assert "newer" in gateway.log_text()


# -- what is kept -----------------------------------------------------------------------------------


@pytest.mark.heavy
def test_size_is_bounded_under_churn(new_gateway, database, receiver):
    """Rounds of events that are soon done with: what the first round left is used again by the others, after
    each time that the database has tidied up by itself. It may not while the yardstick is made."""
    database.server.configure("autovacuum_naptime", "1s")
    database.server.configure("autovacuum", "off")
    gateway = new_gateway(store=database.store(keep_delivered="1s", dedup_window="4s")).start()
    sizes, rounds, count = [], 5, 1500

    def size():
        return int(database.execute(
            "SELECT pg_total_relation_size('repostal.event') + pg_total_relation_size('repostal.delivery')"))

    def tidy(deleted):
        """As the thresholds of src/store/postgres/connection/schema.c have it."""
        return database.execute(
            "SELECT bool_and(n_tup_del >= %d AND n_dead_tup <= CASE relname WHEN 'event' THEN %d ELSE %d END) "
            "FROM pg_stat_user_tables WHERE schemaname = 'repostal' AND relname IN ('event', 'delivery')"
            % (deleted, count // 2, DELIVERY_DEAD_MAX)) == "t"

    for number in range(1, rounds + 1):
        gateway.post_all([events.delivered(response="250 " + "x" * 500) for _ in range(count)], connections=8)
        gateway.wait_idle()
        sizes.append(size())
        wait_until(lambda: database.count("event") == 0, "delivered rows go", 300)
        database.server.configure("autovacuum", "on")
        wait_until(lambda: tidy(number * count), "autovacuum has been", 300)
    sizes.append(size())
    assert len(receiver.requests()) == rounds * count
    assert database.count("delivery") == 0
    assert max(sizes) < 3 * sizes[0], f"without reuse it would be {rounds} times as much: {sizes}"


# -- secrets ----------------------------------------------------------------------------------------


def process_texts(gateway):
    """What others on the machine may read of it."""
    return Path(f"/proc/{gateway.process.pid}/cmdline").read_text()


@pytest.mark.parametrize("form", ["literal", "env", "file", "uri"])
def test_the_password_is_never_shown(new_gateway, database, receiver, tmp_path, form):
    database.server.create_user(SECRET)
    folder = database.server.folder
    dsn = f"host={folder} dbname={database.name} user={PASSWORD_USER} password={SECRET}"
    if form == "uri":
        dsn = f"postgresql://{PASSWORD_USER}:{SECRET}@/{database.name}?host={folder}"
    (tmp_path / "dsn").write_text(dsn + "\n")
    written = {"env": "env:REPOSTAL_TEST_SECRET_DSN", "file": f"file:{tmp_path / 'dsn'}"}.get(form, dsn)
    environment = {"REPOSTAL_TEST_SECRET_DSN": dsn}
    gateway = new_gateway(store=database.store(dsn=written), log={"level": "debug", "format": "json"},
                          env=environment).start()
    gateway.post(events.delivered())
    receiver.wait_one()
    gateway.wait_idle()
    assert SECRET not in process_texts(gateway)
    database.disconnect()
    wait_until(lambda: gateway.post(events.delivered()).status == 200, "it has connected again")
    for path in ("/api/v1/stats", "/api/v1/targets", "/metrics", "/healthz", "/readyz"):
        assert SECRET.encode() not in gateway.admin(path).body
    gateway.stop()
    for arguments in (["check"], ["check", "--print"], ["queue", "stats"]):
        shown = run(*arguments, "-c", gateway.config_path, env=environment)
        assert shown.returncode == 0, shown.stderr
        assert SECRET not in shown.stdout + shown.stderr
    assert SECRET not in gateway.log_text()


# -- what cannot be used ----------------------------------------------------------------------------


@pytest.mark.parametrize("store, named", [
    ({"dsn": ""}, "dsn"),
    ({"dsn": None}, "dsn"),
    ({"backend": "mysql", "dsn": None}, "mysql"),
], ids=["empty", "missing", "backend"])
def test_a_wrong_store_group_is_a_wrong_configuration(new_gateway, store, named):
    gateway = new_gateway(store={"backend": "postgresql", "path": None} | store)
    for command in ("check", "serve"):
        shown = run(command, "-c", gateway.config_path)
        assert shown.returncode == 78
        assert named in shown.stderr


@pytest.mark.parametrize("dsn", [f"host=/tmp password={SECRET} nonsense", f"postgresql://u:{SECRET}@[broken/x"])
def test_what_libpq_cannot_read_is_not_quoted(new_gateway, dsn):
    gateway = new_gateway(store={"backend": "postgresql", "dsn": dsn, "path": None})
    for command in ("check", "serve"):
        shown = run(command, "-c", gateway.config_path)
        assert shown.returncode == 78
        assert "store.dsn" in shown.stderr
        assert SECRET not in shown.stdout + shown.stderr


def test_a_standby_alone_is_refused(new_gateway, new_postgres):
    standby = new_postgres(primary=new_postgres())
    gateway = new_gateway(store={"backend": "postgresql", "dsn": standby.dsn(), "path": None})
    gateway.start("gateway.waiting")
    assert "read-only" in gateway.log_text()
