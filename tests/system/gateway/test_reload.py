# SPDX-License-Identifier: MIT
"""SIGHUP: all or nothing, and nothing is lost, neither an event nor a connection."""

import itertools
import json
import signal
import ssl
import threading

import events
import pytest
import settings
from keys import Authority, SigningKey
from repostal import client_tls
from receiver import Receiver, Reply, server_tls
from reloads import changed, hang_up_signal, health, refused, reload
from senders import Senders
from settings import source, target
from waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.threads


def jwks(gateway):
    return [key["kid"] for key in gateway.request("GET", "/.well-known/jwks.json").json["keys"]]


@pytest.fixture
def tls_receiver_of(request):
    """A function that starts a TLS receiver with a certificate and a key."""

    def start(certificate, key, clients_of=None):
        receiver = Receiver(server_tls(certificate, key, clients_of))
        request.addfinalizer(receiver.close)
        return receiver

    return start


# -- what it is -------------------------------------------------------------------------------------


def test_the_fingerprint_tells_what_is_running(gateway, receiver):
    first = health(gateway)
    assert first["status"] == "ok"
    line = reload(gateway, shutdown_timeout="6s")
    second = health(gateway)
    assert (line["generation"], line["fingerprint"]) == (second["generation"], second["fingerprint"])
    assert second["generation"] == first["generation"] + 1
    assert second["fingerprint"] != first["fingerprint"]
    reload(gateway, shutdown_timeout="5s")
    third = health(gateway)
    assert third["fingerprint"] == first["fingerprint"], "the same settings, the same fingerprint"
    gateway.restart()
    assert health(gateway)["fingerprint"] == first["fingerprint"]
    public = gateway.request("GET", "/healthz")
    assert public.json["status"] == "ok"
    assert "fingerprint" not in public.json


def test_secrets_are_compared_but_not_shown(gateway, receiver):
    """What is shown is the same with any secret, or guesses could be checked against it."""
    before = health(gateway)["fingerprint"]
    line = reload(gateway, sources=[source(auth={"token": "another-secret"})],
                  targets=[target("app", receiver.url("/postal"), headers={"X-Api-Key": "another-key"})])
    assert line["fingerprint"] != before, "the header's name counts"
    before = line["fingerprint"]
    line = reload(gateway, sources=[source(auth={"token": "a-third-secret"})],
                  targets=[target("app", receiver.url("/postal"), headers={"X-Api-Key": "a-third-key"})])
    assert line["fingerprint"] == health(gateway)["fingerprint"] == before
    assert gateway.post(events.delivered()).status == 401
    assert gateway.post(events.delivered(),
                        headers={"Authorization": "Bearer a-third-secret"}).status == 200
    assert receiver.wait_one().header("X-Api-Key") == "a-third-key"
    for secret in ("another-secret", "another-key", "a-third-secret", "a-third-key"):
        assert secret not in gateway.log_text()


# -- all or nothing ---------------------------------------------------------------------------------


def test_a_bad_file_changes_nothing_and_says_why(gateway, receiver):
    error = refused(gateway, sources=[source("second", "/second")],
                    targets=[target("app", receiver.url("/new"), timeout="soon")])
    assert "timeout" in error and "repostal.conf" in error
    assert gateway.post(events.delivered()).result == "accepted"
    assert gateway.post(events.delivered(), path="/second").status == 404
    receiver.wait_count(1, "/postal")
    gateway.wait_idle()
    assert receiver.requests("/new") == []


def test_a_file_that_is_no_configuration(gateway, receiver):
    before = health(gateway)
    for text in ("", "targets: (", "\x00" * 100):
        gateway.config_path.write_text(text)
        assert hang_up_signal(gateway, "gateway.reload_failed")["error"]
        assert health(gateway) == before
    gateway.config_path.unlink()
    assert hang_up_signal(gateway, "gateway.reload_failed")["error"]
    gateway.post(events.delivered())
    receiver.wait_one()
    reload(gateway)


@pytest.mark.parametrize("name, broken", [
    ("key", {"signing": {"keys": ["/nonexistent/signing.key"]}}),
    ("certificate", {"listen": {"port": 0, "tls": {"certificate": "/nonexistent/c", "key": "/nonexistent/k"}}}),
    ("secret", {"sources": [source(auth={"token": "env:REPOSTAL_TEST_UNSET"})]}),
])
def test_a_file_that_names_what_is_not_there(gateway, receiver, name, broken):
    keys = jwks(gateway)
    assert refused(gateway, **({"targets": [target("app", receiver.url("/new"))]} | broken))
    gateway.post(events.delivered())
    receiver.wait_count(1, "/postal")
    assert jwks(gateway) == keys


def test_what_needs_a_restart_is_refused_by_name(gateway, tmp_path):
    for name, change in {
        "listen.port": {"listen": {"port": 9}},
        "listen.address": {"listen": {"address": "127.0.0.2"}},
        "listen.threads": {"listen": {"threads": 3}},
        "listen.max_connections": {"listen": {"max_connections": 17}},
        "admin.port": {"admin": {"port": 9}},
        "admin.address": {"admin": {"address": "127.0.0.2"}},
        "store.path": {"store": {"path": str(tmp_path / "other.db")}},
    }.items():
        assert name in refused(gateway, **change)


# -- targets ----------------------------------------------------------------------------------------


def test_a_target_comes(gateway, receiver):
    gateway.post(events.delivered())
    receiver.wait_count(1, "/postal")
    reload(gateway, targets=[target("app", receiver.url()), target("new", receiver.url("/new"))])
    gateway.post(events.delivered())
    receiver.wait_count(2, "/postal")
    receiver.wait_count(1, "/new")
    gateway.wait_idle("new")
    assert gateway.metric("deliveries_total", target="new", outcome="delivered") == 1
    assert gateway.metric("target_state", target="new", state="active") == 1
    assert len(receiver.requests("/new")) == 1, "what came before is not for it"


def test_a_target_goes_and_its_queue_waits_for_it(start_gateway, receiver):
    receiver.answer("/app", Reply(500))
    both = [target("app", receiver.url("/app"), retry=["100ms"] * 60), target("other", receiver.url("/other"))]
    gateway = start_gateway(targets=both)
    gateway.post_all([events.delivered() for _ in range(20)])
    wait_until(lambda: gateway.refused_attempts() >= 20, "retries")
    reload(gateway, targets=both[1:])
    wait_until(lambda: receiver.in_flight("/app") == 0, "nothing is under way any more")
    attempts = len(receiver.requests("/app"))
    gateway.post(events.delivered())
    receiver.wait_count(21, "/other")
    assert gateway.queued("app") == 20, "shown as long as it waits"
    gateway.restart()
    assert gateway.queued("app") == 20
    assert len(receiver.requests("/app")) == attempts
    receiver.answer("/app", Reply(200))
    reload(gateway, targets=both)
    receiver.wait_count(attempts + 20, "/app")
    gateway.wait_idle("app")
    assert len(receiver.requests("/app")) == attempts + 20, "not what was never for it"
    assert gateway.metric("queue_depth", target="app", state="dead") == 0


def test_a_target_moves_and_takes_its_queue_along(start_gateway, receiver):
    receiver.answer("/old", Reply(500))
    gateway = start_gateway(targets=[target("app", receiver.url("/old"), retry=["200ms"] * 60)])
    gateway.post_all([events.delivered() for _ in range(30)])
    wait_until(lambda: gateway.refused_attempts() >= 30, "retries")
    reload(gateway, targets=[target("app", receiver.url("/new"), retry=["200ms"] * 60)])
    receiver.wait_count(30, "/new")
    gateway.wait_idle()
    wait_until(lambda: receiver.in_flight("/old") == 0, "the old place is left")
    assert len({envelope["uuid"] for envelope in receiver.envelopes("/new")}) == 30
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 30


def test_what_is_in_flight_comes_home(start_gateway, receiver):
    """Attempts that are under way are neither cut off nor made again, even when their target goes."""
    gate = threading.Event()
    receiver.answer("/app", Reply(gate=gate))
    receiver.answer("/gone", Reply(gate=gate))
    slow = [target(name, receiver.url(f"/{name}"), timeout="20s") for name in ("app", "gone")]
    gateway = start_gateway(targets=slow)
    gateway.post_all([events.delivered() for _ in range(5)])
    receiver.wait_count(5, "/app")
    receiver.wait_count(5, "/gone")
    reload(gateway, targets=[target("app", receiver.url("/new"), timeout="20s")])
    gateway.post(events.delivered())
    receiver.wait_count(1, "/new")
    assert receiver.in_flight("/app") == 5
    gate.set()
    gateway.wait_idle("app")
    gateway.wait_idle("gone")
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 6
    gateway.restart()
    gateway.wait_idle("app")
    assert [len(receiver.requests(path)) for path in ("/app", "/gone", "/new")] == [5, 5, 1]


def test_concurrency_changes(start_gateway, receiver):
    gate = threading.Event()
    receiver.answer("/app", Reply(gate=gate))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), concurrency=2, timeout="30s")])
    gateway.post_all([events.delivered() for _ in range(20)])
    wait_until(lambda: receiver.in_flight("/app") == 2, "two in flight")
    reload(gateway, targets=[target("app", receiver.url("/app"), concurrency=5, timeout="30s")])
    wait_until(lambda: receiver.in_flight("/app") >= 5, "more in flight")
    gate.set()
    gateway.wait_idle()
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 20


def test_a_target_that_changes_is_resumed(start_gateway, receiver):
    receiver.answer("/app", Reply(410))
    mine, other = target("app", receiver.url("/app")), target("other", receiver.url("/other"))
    gateway = start_gateway(targets=[mine, other])
    gateway.post(events.delivered())
    gateway.wait_metric("target_state", 1, target="app", state="paused")
    reload(gateway, targets=[mine, other | {"concurrency": 3}])
    gateway.post(events.delivered())
    receiver.wait_count(2, "/other")
    gateway.wait_idle("other")
    assert gateway.metric("target_state", target="app", state="paused") == 1, "it did not change"
    assert gateway.queued("app") == 2
    reload(gateway, targets=[mine | {"url": receiver.url("/moved")}, other])
    receiver.wait_count(2, "/moved")
    gateway.wait_idle("app")
    gateway.wait_metric("target_state", 1, target="app", state="active")
    gateway.restart()
    assert gateway.metric("target_state", target="app", state="active") == 1
    assert len(receiver.requests("/app")) == 1


def test_egress_is_checked_anew_for_open_connections(gateway, receiver):
    """A connection that was made before the address was forbidden is not used any more."""
    gateway.post(events.delivered())
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="delivered")
    reload(gateway, egress={"deny": ["127.0.0.0/8"]})
    gateway.post(events.delivered())
    gateway.wait_metric("queue_depth", 1, target="app", state="dead")
    assert len(receiver.requests()) == 1
    reload(gateway, egress={"deny": []})
    gateway.post(events.delivered())
    receiver.wait_count(2)


def test_sources_and_translation_change(gateway, receiver):
    reload(gateway, translate={"hard_bounce": "MessageBounced"},
           sources=[source(), source("second", "/second", defaults={"from": "second@example.com"})])
    assert gateway.post(events.delivered(), path="/second").result == "accepted"
    assert gateway.post(events.bounce()).result == "accepted"
    receiver.wait_count(2)
    found = {envelope["event"]: envelope["payload"] for envelope in receiver.envelopes()}
    assert found["MessageSent"]["message"]["from"] == "second@example.com"
    assert "bounce" in found["MessageBounced"]
    assert gateway.metric("events_received_total", source="second") == 1
    reload(gateway, sources=[source()])
    assert gateway.post(events.delivered(), path="/second").status == 404
    assert gateway.post(events.delivered()).result == "accepted"


# -- keys and certificates --------------------------------------------------------------------------


def test_keys_rotate(gateway, receiver, signing_key, tmp_path):
    new = SigningKey(tmp_path / "new.key")
    assert jwks(gateway) == [signing_key.key_id]
    reload(gateway, signing={"keys": [str(new.path), str(signing_key.path)]})
    assert jwks(gateway) == [new.key_id, signing_key.key_id]
    gateway.post_all([events.delivered() for _ in range(10)])
    for request in receiver.wait_count(10):
        assert request.header("X-Postal-Signature-KID") == new.key_id
        assert new.verifies("sha1", request.body, request.header("X-Postal-Signature"))
        assert new.verifies("sha256", request.body, request.header("X-Postal-Signature-256"))


def test_keys_rotate_for_what_waits(start_gateway, receiver, signing_key, tmp_path):
    """A retry is signed with the key of its time: the receiver may know the old one no more."""
    receiver.answer("/postal", Reply(500), Reply(200))
    new = SigningKey(tmp_path / "new.key")
    gateway = start_gateway(targets=[target("app", receiver.url(), retry=["1s"])])
    gateway.post(events.delivered())
    wait_until(lambda: gateway.refused_attempts() == 1, "it is refused")
    reload(gateway, signing={"keys": [str(new.path)]})
    old, again = receiver.wait_count(2)
    assert old.body == again.body
    assert signing_key.verifies("sha1", old.body, old.header("X-Postal-Signature"))
    assert new.verifies("sha1", again.body, again.header("X-Postal-Signature"))


def test_the_listeners_certificate_is_read_again(start_gateway, tmp_path):
    """Under the same name, as certificate robots renew it."""
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    certificate, key = old.issue("listener")
    gateway = start_gateway(listen={"tls": {"certificate": str(certificate), "key": str(key)}})
    gateway.tls = client_tls(old)
    with gateway.client() as open_before:
        assert open_before.post(events.delivered()).result == "accepted"
        assert new.issue("listener") == (certificate, key)
        hang_up_signal(gateway, "gateway.reloaded")
        assert open_before.post(events.delivered()).result == "accepted", "the connection goes on"
        with pytest.raises(ssl.SSLCertVerificationError):
            gateway.post(events.delivered())
        gateway.tls = client_tls(new)
        assert gateway.post(events.delivered()).result == "accepted"
        certificate.write_text("not a certificate")
        assert "certificate" in hang_up_signal(gateway, "gateway.reload_failed")["error"]
        assert gateway.post(events.delivered()).result == "accepted", "the one in memory is still good"
        assert open_before.post(events.delivered()).result == "accepted"


def test_a_certificate_that_is_exchanged_meanwhile_is_taken_whole_or_not_at_all(start_gateway, tmp_path):
    """Certificate and key are two files: whoever renews them exchanges one after the other."""
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    certificate, key = old.issue("listener")
    pairs = [[(path, path.read_bytes()) for path in (certificate, key)]]
    gateway = start_gateway(listen={"tls": {"certificate": str(certificate), "key": str(key)}})
    assert new.issue("listener") == (certificate, key)
    pairs.append([(path, path.read_bytes()) for path in (certificate, key)])
    gateway.tls = client_tls(old)
    gateway.tls.load_verify_locations(cafile=new.certificate)
    stop = threading.Event()

    def renew():
        for pair in itertools.cycle(pairs):
            for path, content in pair:
                fresh = path.with_suffix(".fresh")
                fresh.write_bytes(content)
                fresh.chmod(0o600)
                fresh.rename(path)
            if stop.is_set():
                return

    robot = threading.Thread(target=renew)
    robot.start()
    try:
        for _ in range(20):
            seen = len(gateway.log("gateway.reloaded")) + len(gateway.log("gateway.reload_failed"))
            gateway.signal(signal.SIGHUP)
            wait_until(lambda: len(gateway.log("gateway.reloaded")) + len(gateway.log("gateway.reload_failed"))
                       > seen, "the reload is over")
            assert gateway.post(events.delivered()).result == "accepted", "a pair that belongs together"
    finally:
        stop.set()
        robot.join()
    hang_up_signal(gateway, "gateway.reloaded")
    assert gateway.post(events.delivered()).result == "accepted"


def test_a_targets_authority_is_read_again(start_gateway, tmp_path, tls_receiver_of):
    """Under the same name too: the file that was wrong is mended, the settings are not touched."""
    stranger, authority = Authority(tmp_path, "stranger"), Authority(tmp_path, "authority")
    receiver = tls_receiver_of(*authority.issue("receiver"))
    trusted = tmp_path / "trusted.crt"
    trusted.write_bytes(stranger.certificate.read_bytes())
    gateway = start_gateway(targets=[
        target("app", receiver.url(), tls={"ca": str(trusted)}, retry=["200ms"] * 60)])
    gateway.post(events.delivered())
    wait_until(lambda: gateway.metric("attempts_total", target="app", result="tls") >= 2, "it is refused")
    assert receiver.requests() == []
    trusted.write_bytes(authority.certificate.read_bytes())
    hang_up_signal(gateway, "gateway.reloaded")
    receiver.wait_one()
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="delivered")


def test_our_certificate_for_a_target_is_read_again(start_gateway, tmp_path, tls_receiver_of):
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    receiver = tls_receiver_of(*new.issue("receiver"), clients_of=new)
    certificate, key = old.issue("gateway")
    gateway = start_gateway(targets=[target("app", receiver.url(), retry=["200ms"] * 60, tls={
        "ca": str(new.certificate), "certificate": str(certificate), "key": str(key)})])
    gateway.post(events.delivered())
    wait_until(lambda: gateway.refused_attempts() >= 2, "it is refused")
    assert receiver.requests() == []
    assert new.issue("gateway") == (certificate, key)
    hang_up_signal(gateway, "gateway.reloaded")
    receiver.wait_one()
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="delivered")


# -- connections and load ---------------------------------------------------------------------------


def test_connections_stay(gateway, receiver):
    with gateway.client() as one, gateway.client() as two:
        for n in range(5):
            assert one.post(events.delivered()).result == "accepted"
            reload(gateway, shutdown_timeout=f"{6 + n}s")
            assert two.post(events.delivered()).result == "accepted"
    receiver.wait_count(10)
    wait_until(lambda: gateway.queued() == 0, "nothing waits")
    assert receiver.connections() <= 4, "and those to a target that did not change"


def test_a_request_that_is_under_way_is_answered(gateway, receiver):
    """Its head came before the reload, its body after."""
    body = json.dumps(events.delivered()).encode()
    with gateway.client() as client:
        connection = client.connection
        connection.putrequest("POST", settings.PATH)
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Authorization", f"Bearer {settings.TOKEN}")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:20])
        reload(gateway, sources=[source("another", "/another"), source()],
               targets=[target("app", receiver.url("/moved"))])
        connection.send(body[20:])
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
    receiver.wait_one("/moved")


@pytest.mark.heavy
def test_a_reload_under_load_loses_nothing(start_gateway, receiver, signing_key, tmp_path):
    """Targets come, go, move and change, keys rotate, sources come and go, twenty times, while events pour
    in. A target that is there all the time gets every event; one that moves gets each at one of its places."""
    new = SigningKey(tmp_path / "new.key")
    flaky = FlakyOnce()
    receiver.answer("/stays", flaky)

    def layout(turn):
        targets = [target("stays", receiver.url("/stays"), concurrency=4 + turn % 3, retry=["50ms"] * 20),
                   target("moves", receiver.url(f"/moves{turn % 2}"), retry=["50ms"] * 20)]
        if turn % 3:
            targets.append(target("visits", receiver.url("/visits")))
        keys = [signing_key.path, new.path] if turn % 2 else [new.path, signing_key.path]
        sources = [source()] if turn % 4 else [source(), source("second", "/second")]
        return {"targets": targets, "sources": sources, "signing": {"keys": [str(key) for key in keys]}}

    gateway = start_gateway(**layout(0))
    with Senders(gateway, answer_timeout_s=PATIENCE_S) as senders:
        for turn in range(1, 21):
            already = len(senders.acknowledged)
            reload(gateway, **layout(turn))
            wait_until(lambda: len(senders.acknowledged) >= already + 20, "load after a reload")
    assert (senders.unexpected, senders.refused) == ([], [])
    for name in ("stays", "moves"):
        gateway.wait_idle(name)
    acknowledged = set(senders.acknowledged)
    assert len(acknowledged) == len(senders.acknowledged), "each event was answered at its first post"
    assert arrived(receiver, "/stays") == acknowledged
    assert arrived(receiver, "/moves0") | arrived(receiver, "/moves1") == acknowledged
    assert arrived(receiver, "/visits") < acknowledged
    assert gateway.metric("deliveries_total", target="stays", outcome="delivered") == len(acknowledged)
    assert gateway.metric("deliveries_total", outcome="dead") == 0
    refusals = len(flaky.refused)
    assert len(receiver.requests("/stays")) == len(acknowledged) + refusals, "nothing arrived twice"


class FlakyOnce:
    """A reply that refuses every tenth event at its first attempt."""

    def __init__(self):
        self.refused = set()
        self._count = 0
        self._lock = threading.Lock()

    def __call__(self, request):
        uuid = request.envelope["uuid"]
        with self._lock:
            if uuid in self.refused:
                return Reply(200)
            self._count += 1
            if self._count % 10:
                return Reply(200)
            self.refused.add(uuid)
            return Reply(500)


def arrived(receiver, path):
    return {envelope["payload"]["message"]["message_id"] for envelope in receiver.envelopes(path)}


def test_hang_ups_in_a_row_are_all_heeded(gateway, receiver):
    """Signals may melt into one; the last file is what counts in the end."""
    for n in range(10):
        gateway.configure(changed(gateway, targets=[target("app", receiver.url(f"/{n}"))]))
        gateway.signal(signal.SIGHUP)

    def moved():
        gateway.post(events.delivered())
        return receiver.requests("/9")

    wait_until(moved, "the last configuration")
    gateway.wait_idle()


def test_a_reload_while_it_stops_is_harmless(start_gateway, receiver):
    gate = threading.Event()
    receiver.answer("/postal", Reply(gate=gate))
    gateway = start_gateway()
    gateway.post(events.delivered())
    receiver.wait_one()
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: gateway.log("gateway.stopping"), "it stops")
    gateway.signal(signal.SIGHUP)
    gate.set()
    assert gateway.wait_exit() == 0


@pytest.mark.parametrize("round_number", range(6))
def test_a_storm_of_hang_ups_does_not_turn_a_stop_into_a_kill(start_gateway, round_number):
    """One that was pending when the signals were let through used to end the process."""
    gateway = start_gateway()
    for _ in range(40):
        gateway.signal(signal.SIGHUP)
    gateway.signal(signal.SIGTERM)
    while gateway.process.poll() is None:
        gateway.signal(signal.SIGHUP)
    assert gateway.wait_exit() == 0


def test_a_stop_comes_before_a_reload_that_was_asked_for_earlier(start_gateway):
    """The kernel hands out the lowest signal first: hang-ups would hold back a stop."""
    gateway = start_gateway()
    gateway.signal(signal.SIGSTOP)
    gateway.signal(signal.SIGHUP)
    gateway.signal(signal.SIGTERM)
    gateway.signal(signal.SIGCONT)
    assert gateway.wait_exit() == 0
    assert gateway.log("gateway.reloaded") == []


# -- deliveries without their target ------------------------------------------------------------------


@pytest.mark.parametrize("left", ["removed", "disabled"])
def test_a_backlog_without_its_target_is_said(gateway, receiver, left):
    receiver.answer("/postal", *[Reply(503)] * 3)
    for number in range(3):
        assert gateway.post(events.delivered(id=f"waits-{number}")).status == 200
    gateway.wait_metric("queue_depth", 3, target="app", state="waiting")
    before = gateway.settings
    others = [target("other", receiver.url("/other"))]
    if left == "disabled":
        others.append(target("app", receiver.url("/postal"), enabled=False))
    assert reload(gateway, targets=others)["stranded"] == 3
    reason = {"removed": "not configured", "disabled": "disabled"}[left]
    gateway.restart()
    said = wait_until(lambda: gateway.log("target.stranded")[1:], "the start says it as well")
    for line in (gateway.log("target.stranded")[0], said[0]):
        assert (line["level"], line["target"], line["reason"], line["waiting"]) == ("warn", "app", reason, 3)
    gateway.configure(before)
    assert hang_up_signal(gateway, "gateway.reloaded")["stranded"] == 0
    assert len(gateway.log("target.stranded")) == 2
