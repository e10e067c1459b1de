# SPDX-License-Identifier: MIT
"""The gateway starts before its database: it listens, says what it waits for, and continues by itself."""

import events
import pytest
from api import API
from jwks import assert_jwks_answers
from postgres_fixtures import Database
from reloads import hang_up_signal, reload
from settings import source, target
from waiting import wait_until

SECRET = "database-secret-5e1f"


def reasons(gateway):
    answer = gateway.admin("/readyz")
    assert answer.status == 503
    return " ".join(answer.json["reasons"])


def becomes_ready(gateway):
    wait_until(lambda: gateway.log("gateway.ready"), "the gateway is ready")
    wait_until(lambda: gateway.admin("/readyz").status == 200, "it says so")


def assert_waits(gateway, text):
    """Everything that needs no database answers; everything else is refused in a way that can be repeated."""
    wait_until(lambda: text in reasons(gateway), text)
    assert gateway.request("GET", "/healthz").json == {"status": "ok"}
    assert_jwks_answers(gateway)
    assert gateway.admin("/healthz").json["generation"] >= 1
    assert gateway.metric("requests_rejected_total", reason="unavailable") >= 0
    refused = gateway.post(events.delivered())
    assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
    assert gateway.post(events.delivered(), headers={"Authorization": None}).status == 401
    assert gateway.request("POST", "/elsewhere").status == 404
    for path in ("/stats", "/targets", "/events"):
        refused = gateway.admin(API + path)
        assert refused.status == 503
        assert text in refused.json["errors"][0]["msg"]


@pytest.mark.parametrize("dsn, text", [
    ("host={folder} dbname={name} user=keyholder password=x" + SECRET, "password authentication failed"),
    ("postgresql://keyholder:x" + SECRET + "@/{name}?host={folder}", "password authentication failed"),
    ("host={folder} dbname=nowhere user=postgres password=" + SECRET, "nowhere"),
    ("host={folder} dbname={name} user=nobody-here password=" + SECRET, "nobody-here"),
    ("host=/nonexistent dbname={name} password=" + SECRET, "/nonexistent"),
    ("host=127.0.0.1 port=1 dbname={name} password=" + SECRET, "refused"),
    ("host=database.invalid dbname={name} password=" + SECRET, "database.invalid"),
], ids=["password", "password in a URI", "database", "user", "socket", "port", "name"])
def test_what_is_missing_is_waited_for(new_gateway, database, dsn, text):
    database.server.create_user(SECRET)
    dsn = dsn.format(folder=database.server.folder, name=database.name)
    gateway = new_gateway(store=database.store(dsn=dsn)).start("gateway.waiting")
    assert_waits(gateway, text)
    assert SECRET not in gateway.admin("/readyz").body.decode()
    assert gateway.stop() == 0
    assert text in gateway.log("store.waiting")[-1]["error"]
    assert SECRET not in gateway.log_text()


def test_it_continues_when_the_database_comes(new_gateway, postgres, receiver):
    name = "comes_later"
    store = {"backend": "postgresql", "dsn": postgres.dsn(name), "path": None}
    gateway = new_gateway(store=store).start("gateway.waiting")
    assert_waits(gateway, name)
    postgres.create_database(name)
    becomes_ready(gateway)
    assert gateway.post(events.delivered(id="first")).status == 200
    assert receiver.wait_one().envelope["payload"]["message"]["message_id"] == "first"
    assert [row["name"] for row in gateway.admin(f"{API}/targets").json["targets"]] == ["app"]
    gateway.wait_metric("events_received_total", 1, source="bizmail")
    assert gateway.restart().post(events.delivered(id="first")).result == "duplicate"


def test_it_continues_when_the_server_comes(new_gateway, own_database, receiver):
    own_database.server.stop()
    gateways = [new_gateway(store=own_database.store()).start("gateway.waiting") for _ in range(2)]
    for gateway in gateways:
        assert_waits(gateway, "No such file or directory")
    own_database.server.start()
    for number, gateway in enumerate(gateways):
        becomes_ready(gateway)
        assert gateway.post(events.delivered(id=str(number))).status == 200
    receiver.wait_count(len(gateways))


def test_it_continues_when_the_server_answers(new_gateway, cable, database, receiver):
    """As with a server that is starting up, or stands still: connections are taken, and nothing is said."""
    cable.hang()
    gateway = new_gateway(store=database.store(dsn=cable.dsn(database.name))).start("gateway.waiting")
    assert_waits(gateway, "no answer")
    cable.mend()
    becomes_ready(gateway)
    assert gateway.post(events.delivered()).status == 200
    receiver.wait_one()


def test_it_stops_while_nothing_is_said(new_gateway, cable, database):
    cable.hang()
    gateway = new_gateway(store=database.store(dsn=cable.dsn(database.name))).start("gateway.waiting")
    assert gateway.stop() == 0


def test_it_continues_when_the_server_takes_the_password(new_gateway, database, receiver):
    user = "latecomer"
    database.execute(f"CREATE ROLE {user}")
    dsn = f"host={database.server.folder} dbname={database.name} user={user}"
    gateway = new_gateway(store=database.store(dsn=dsn)).start("gateway.waiting")
    assert_waits(gateway, "not permitted to log in")
    database.execute(f"ALTER ROLE {user} LOGIN")
    assert_waits(gateway, "permission denied")
    database.execute(f"GRANT CREATE ON DATABASE {database.name} TO {user}")
    becomes_ready(gateway)
    assert gateway.post(events.delivered()).status == 200
    receiver.wait_one()
    gateway.stop()
    database.execute(f"DROP OWNED BY {user}")
    database.execute(f"DROP ROLE {user}")


def test_a_database_that_goes_away_later_is_told_with_its_reason(new_gateway, own_database):
    gateway = new_gateway(store=own_database.store()).start()
    own_database.server.stop()
    wait_until(lambda: gateway.admin("/readyz").status == 503, "it is missed")
    wait_until(lambda: "the store is not writable: store: PostgreSQL" in reasons(gateway), "with the reason")
    assert gateway.post(events.delivered()).status == 503
    assert_jwks_answers(gateway)
    own_database.server.start()
    wait_until(lambda: gateway.admin("/readyz").json == {"status": "ready", "reasons": []}, "it is ready again")


def test_a_reload_while_it_waits(new_gateway, postgres, receiver):
    name = "reloaded_first"
    store = {"backend": "postgresql", "dsn": postgres.dsn(name), "path": None}
    gateway = new_gateway(store=store).start("gateway.waiting")
    line = reload(gateway, sources=[source(auth={"token": "another"}), source("second", "/second", auth="none")],
                  targets=[target("other", receiver.url("/other"))])
    assert (line["generation"], line["sources"], line["targets"]) == (2, 2, 1)
    assert gateway.post(events.delivered()).status == 401
    assert gateway.post(events.delivered(), "/second").status == 503
    good = gateway.settings
    gateway.configure(good | {"log": {"level": "nonsense"}})
    hang_up_signal(gateway, "gateway.reload_failed")
    gateway.configure(good)
    postgres.create_database(name)
    becomes_ready(gateway)
    assert gateway.log("gateway.ready")[-1]["targets"] == 1
    assert gateway.post(events.delivered(), "/second").status == 200
    receiver.wait_one("/other")
    assert gateway.admin("/healthz").json["generation"] == 2
    reload(gateway, targets=[target("third", receiver.url("/third"))])
    assert gateway.post(events.delivered(), "/second").status == 200
    receiver.wait_one("/third")


def test_what_can_never_succeed_ends_it(new_gateway, database, postgres):
    """Also when that shows only after a wait."""
    newer = ("CREATE SCHEMA repostal; CREATE TABLE repostal.meta (key text PRIMARY KEY, value bigint NOT NULL);"
             "INSERT INTO repostal.meta VALUES ('version', 9000), ('oldest', 9000)")
    database.execute(newer)
    gateway = new_gateway(store=database.store())
    gateway.launch()
    assert gateway.wait_exit() == 1
    assert "changed by a newer repostal" in gateway.log("gateway.failed")[-1]["error"]
    name = "newer_later"
    late = new_gateway(store={"backend": "postgresql", "dsn": postgres.dsn(name), "path": None})
    late.start("gateway.waiting")
    template = Database(postgres)
    template.execute(newer)
    postgres.execute(f"ALTER DATABASE {template.name} RENAME TO {name}")
    assert late.wait_exit() == 1
    assert "changed by a newer repostal" in late.log("gateway.failed")[-1]["error"]


def test_what_is_not_there_now_ends_it_to_be_started_again(new_gateway, receiver, tmp_path):
    """1, not 78, which tells the service manager to leave it."""
    rows = {
        "a port that is taken": ({"listen": {"port": receiver.port}}, "Address already in use"),
        "an admin port that is taken": ({"admin": {"port": receiver.port}}, "Address already in use"),
        "an address that is not there": ({"listen": {"address": "192.0.2.1"}}, "Cannot assign requested address"),
        "a folder that is not there": ({"store": {"path": str(tmp_path / "none" / "x.db")}}, "folder is missing"),
    }
    for row, (changes, text) in rows.items():
        gateway = new_gateway(**changes)
        gateway.launch()
        assert gateway.wait_exit() == 1, row
        assert text in gateway.log("gateway.failed")[-1]["error"], row
