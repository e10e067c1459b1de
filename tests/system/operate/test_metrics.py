# SPDX-License-Identifier: MIT
"""/metrics: exactly the families, labels and values that are promised, in the format that Prometheus reads."""

import ssl
import threading

import events
from api import api, wait_states
from keys import Authority, openssl
from metrics import lint
from receiver import Reply
from reloads import hang_up_signal, refused, reload
from settings import source, target
from waiting import wait_until

COUNTERS = {
    "events_received_total": {"source", "kind"},
    "events_duplicate_total": {"source"},
    "events_quarantined_total": {"source", "reason"},
    "requests_rejected_total": {"reason", "source"},
    "jwks_requests_total": set(),
    "deliveries_total": {"target", "outcome"},
    "attempts_total": {"target", "result"},
    "log_lines_suppressed_total": set(),
    "accept_pauses_total": set(),
    "store_leases_expired_total": set(),
    "store_verdicts_late_total": set(),
}
GAUGES = {
    "queue_depth": {"target", "state"},
    "queue_oldest_seconds": {"target"},
    "target_state": {"target", "state"},
    "target_next_probe_seconds": {"target"},
    "config_reload_success": set(),
    "config_reload_timestamp_seconds": set(),
    "store_failing": set(),
    "tls_certificate_expiry_timestamp_seconds": {"file"},
    "store_max_backlog": set(),
    "store_config_mismatch": set(),
    "store_bytes": set(),
    "quarantine_events": set(),
    "connections": set(),
    "build_info": {"version"},
}
HISTOGRAMS = {
    "attempt_duration_seconds": {"target"},
    "event_latency_seconds": set(),
    "request_duration_seconds": {"listener", "code"},
    "store_commit_seconds": set(),
    "store_batch_events": set(),
}
PROCESS = {
    "process_cpu_seconds_total": "counter",
    "process_open_fds": "gauge",
    "process_max_fds": "gauge",
    "process_virtual_memory_bytes": "gauge",
    "process_virtual_memory_max_bytes": "gauge",
    "process_resident_memory_bytes": "gauge",
    "process_heap_bytes": "gauge",
    "process_start_time_seconds": "gauge",
    "process_threads": "gauge",
}
STATES = {"active", "paused", "open", "probing", "disabled", "unconfigured"}


def busy(gateway, receiver):
    """Something of everything."""
    event = events.delivered()
    gateway.post(event)
    gateway.post(event)
    gateway.post({"event": "opened"})
    gateway.post(event, "/nowhere")
    receiver.wait_one()
    gateway.wait_idle()


def families():
    """{name: (type, label names)} as promised."""
    ours = [("counter", COUNTERS), ("gauge", GAUGES), ("histogram", HISTOGRAMS)]
    return ({f"repostal_{name}": (kind, frozenset(labels)) for kind, group in ours for name, labels in group.items()}
            | {name: (kind, frozenset()) for name, kind in PROCESS.items()})


def test_the_page_has_what_is_promised_and_nothing_else(start_gateway, receiver, tmp_path):
    certificate, key = Authority(tmp_path).issue("client")
    gateway = start_gateway(targets=[target("app", receiver.url(), tls=client(certificate, key))])
    busy(gateway, receiver)
    metrics = gateway.metrics()
    found = {name: (kind, *metrics.label_names(name)) for name, kind in metrics.types.items()}
    assert found == families()


def test_the_page_obeys_the_rules_of_promtool(gateway, receiver):
    busy(gateway, receiver)
    answer = gateway.admin("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert list(lint(gateway.metrics())) == []


def test_the_process_is_measured(gateway):
    metrics = gateway.metrics()
    for name in PROCESS.keys() - {"process_heap_bytes"}:  # a sanitizer's malloc() tells nothing
        assert metrics.sum(name) > 0, name
    assert metrics.sum("process_max_fds") >= metrics.sum("process_open_fds")
    assert metrics.sum("process_virtual_memory_bytes") >= metrics.sum("process_resident_memory_bytes")


def test_the_numbers_are_right(gateway, receiver):
    receiver.answer("/postal", Reply(500), Reply(200))
    gateway.post_all([events.delivered(), events.delivered(), events.bounce(), events.drop()])
    receiver.wait_count(5)
    gateway.wait_idle()
    metrics = gateway.metrics()
    assert metrics.sum("events_received_total", kind="delivered") == 2
    assert metrics.sum("events_received_total", kind="bounce") == 1
    assert metrics.sum("events_received_total", kind="drop") == 1
    assert metrics.series("deliveries_total") == {
        frozenset({("target", "app"), ("outcome", outcome)}): count
        for outcome, count in [("delivered", 4), ("dead", 0), ("discarded", 0)]}
    assert metrics.sum("attempts_total") == 5
    assert metrics.sum("attempt_duration_seconds_count", target="app") == 5
    assert metrics.sum("store_batch_events_sum") == 4
    assert metrics.sum("store_bytes") > 0
    assert metrics.sum("store_failing") == 0
    assert metrics.sum("store_max_backlog") == 10_000_000
    assert metrics.sum("queue_oldest_seconds", target="app") == 0


def test_the_states_of_a_queue_add_up(start_gateway, receiver):
    receiver.answer("/app", Reply(500))
    gate = threading.Event()
    receiver.answer("/slow", Reply(gate=gate))
    gateway = start_gateway(targets=[
        target("app", receiver.url("/app"), retry=["1h"]),
        target("slow", receiver.url("/slow"), concurrency=2, timeout="60s")])
    gateway.post_all([events.delivered() for _ in range(10)])
    gateway.wait_metric("queue_depth", 10, target="app", state="waiting")
    gateway.wait_metric("queue_depth", 2, target="slow", state="inflight")
    depth = gateway.metrics().series("queue_depth", target="slow")
    assert {dict(labels)["state"]: count for labels, count in depth.items()} == {
        "ready": 8, "waiting": 0, "inflight": 2, "dead": 0}
    wait_until(lambda: gateway.metric("queue_oldest_seconds", target="slow") > 0.1, "the oldest grows older")
    gate.set()
    gateway.wait_idle("slow")


# -- what targets are doing -------------------------------------------------------------------------


def states(gateway):
    """{target: its state}; each is in exactly one."""
    found = {}
    for labels, value in gateway.metrics().series("target_state").items():
        found.setdefault(dict(labels)["target"], {})[dict(labels)["state"]] = value
    for name, of_target in found.items():
        assert of_target.keys() == STATES, name
        assert sorted(of_target.values()) == [0] * (len(STATES) - 1) + [1], name
    return {name: max(of_target, key=of_target.get) for name, of_target in found.items()}


def wait_target_states(gateway, **wanted):
    wait_until(lambda: states(gateway) == wanted, f"targets are {wanted}")


def test_a_target_is_in_exactly_one_state(start_gateway, receiver):
    gate = threading.Event()
    receiver.answer("/open", Reply(500))
    receiver.answer("/probing", Reply(500), Reply(200, gate=gate))
    failing = {"failures": 1, "cooldown": "5m"}
    targets = [
        target("active", receiver.url()),
        target("paused", receiver.url()),
        target("open", receiver.url("/open"), breaker=failing, retry=["1h"]),
        target("probing", receiver.url("/probing"), breaker={"failures": 1, "cooldown": "10ms"}, retry=["1ms"],
               timeout="60s"),
        target("off", receiver.url(), enabled=False),
        target("turned-off", receiver.url("/open"), breaker=failing, retry=["1h"]),
        target("gone", receiver.url("/open"), breaker=failing, retry=["1h"])]
    gateway = start_gateway(targets=targets)
    api(gateway, "POST", "/targets/paused/pause")
    gateway.post(events.delivered())
    before = {"active": "active", "paused": "paused", "open": "open", "probing": "probing", "off": "disabled"}
    wait_target_states(gateway, **before, **{"turned-off": "open", "gone": "open"})
    assert gateway.metric("target_next_probe_seconds", target="open") > 200
    assert gateway.metric("target_next_probe_seconds", target="active") == 0
    assert {entry["name"]: entry["state"] for entry in api(gateway, "GET", "/targets")["targets"]} == (
        before | {"turned-off": "open", "gone": "open"})

    targets[5]["enabled"] = False
    reload(gateway, targets=targets[:6])
    wait_target_states(gateway, **before, **{"turned-off": "disabled", "gone": "unconfigured"})
    for name in ("turned-off", "gone"):
        assert gateway.metric("target_next_probe_seconds", target=name) == 0
    reload(gateway, targets=targets[:5])
    wait_target_states(gateway, **before, **{"turned-off": "unconfigured", "gone": "unconfigured"})
    gate.set()
    gateway.restart()
    after = before | {"probing": "active", "turned-off": "unconfigured", "gone": "unconfigured"}
    after["open"] = states(gateway)["open"]  # closed at the start, and open again once something is due
    wait_target_states(gateway, **after)


# -- latency ----------------------------------------------------------------------------------------


def test_latency_is_of_what_went_well_at_once(start_gateway, receiver):
    """Neither what needed a retry nor what an operator replayed: their wait is the receiver's."""
    receiver.answer("/postal", Reply(500), Reply(500), Reply(200))
    gateway = start_gateway(targets=[target("app", receiver.url(), retry=["1ms"])])
    gateway.post(events.delivered())
    gateway.wait_metric("deliveries_total", 1, target="app", outcome="dead")
    assert gateway.metric("event_latency_seconds_count") == 0
    api(gateway, "POST", "/jobs", {"action": "retry", "state": "dead"}, status=202)
    wait_states(gateway, ["delivered"])
    assert gateway.metric("event_latency_seconds_count") == 0, "a replay"
    gateway.post(events.delivered())
    gateway.wait_metric("event_latency_seconds_count", 1)
    wait_states(gateway, ["delivered", "delivered"])
    api(gateway, "POST", "/jobs", {"action": "retry", "state": "delivered"}, status=202)
    gateway.wait_metric("deliveries_total", 4, target="app", outcome="delivered")
    assert gateway.metric("event_latency_seconds_count") == 1, "replays of what had gone well"


def test_what_operators_discard_is_counted(start_gateway, receiver):
    receiver.answer("/app", Reply(500))
    gateway = start_gateway(targets=[target("app", receiver.url("/app"), retry=["1h"]),
                                     target("other", receiver.url("/other"))])
    gateway.post_all([events.delivered() for _ in range(3)])
    gateway.wait_metric("queue_depth", 3, target="app", state="waiting")
    api(gateway, "POST", "/jobs", {"action": "discard", "target": "app"}, status=202)
    gateway.wait_metric("deliveries_total", 3, target="app", outcome="discarded")
    assert gateway.metric("deliveries_total", target="other", outcome="discarded") == 0


# -- requests ---------------------------------------------------------------------------------------


def test_rejected_requests_have_a_reason_and_a_source(start_gateway):
    gateway = start_gateway(sources=[source(), source("second", "/second"),
                                     source("closed", "/closed", auth={"allow": ["192.0.2.0/24"]})],
                            listen={"port": 0, "max_body": "64KiB"})
    event = events.delivered()
    gateway.post(event, headers={"Authorization": "Bearer wrong"})
    gateway.post(event, "/second", headers={"Authorization": None})
    gateway.post(event, "/second", headers={"Content-Type": "image/png"})
    gateway.post(event, "/closed")
    gateway.post(event, "/nowhere")
    gateway.request("GET", "/second")
    gateway.request("POST", "/healthz")
    gateway.post(b"x" * (65 * 1024))
    found = {(dict(labels)["reason"], dict(labels)["source"]): count
             for labels, count in gateway.metrics().series("requests_rejected_total").items() if count}
    assert found == {("unauthorized", "bizmail"): 1, ("unauthorized", "second"): 1, ("media_type", "second"): 1,
                     ("forbidden", "closed"): 1, ("not_found", ""): 1, ("method", "second"): 1,
                     ("method", ""): 1, ("too_large", ""): 1}


def requests_of(gateway, listener):
    return {dict(labels)["code"]: count for labels, count in
            gateway.metrics().series("request_duration_seconds_count", listener=listener).items()}


def test_requests_are_timed_by_listener_and_code(gateway, receiver):
    assert requests_of(gateway, "public") == {}
    busy(gateway, receiver)
    gateway.post(events.delivered(), headers={"Authorization": None})
    gateway.raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n")
    assert requests_of(gateway, "public") == {"200": 3, "404": 1, "401": 1, "400": 1}
    before = requests_of(gateway, "admin")
    gateway.admin("/nothing")
    after = requests_of(gateway, "admin")
    assert after["404"] == 1 and after["200"] > before["200"], "the page itself is counted"
    assert gateway.metric("request_duration_seconds_sum", listener="public") > 0


# -- configuration and store ------------------------------------------------------------------------


def test_a_reload_that_failed_is_seen(gateway):
    began = gateway.metric("config_reload_timestamp_seconds")
    assert began >= gateway.metric("process_start_time_seconds")
    assert gateway.metric("config_reload_success") == 1
    refused(gateway, listen={"port": 0, "threads": 3})
    assert gateway.metric("config_reload_success") == 0
    assert gateway.metric("config_reload_timestamp_seconds") == began
    reload(gateway, log={"format": "json", "level": "debug"})
    assert gateway.metric("config_reload_success") == 1
    assert gateway.metric("config_reload_timestamp_seconds") > began


def test_certificates_say_when_they_expire(start_gateway, receiver, tmp_path):
    """Those that we present; each file once, and read again at a reload."""
    authority = Authority(tmp_path)
    server, client_old = authority.issue("server", days=30), authority.issue("client", days=3)
    gateway = start_gateway(listen={"port": 0, "tls": {"certificate": str(server[0]), "key": str(server[1])}},
                            targets=[target("app", receiver.url(), tls=client(*client_old)),
                                     target("same", receiver.url("/same"), tls=client(*client_old)),
                                     target("none", receiver.url("/none"))])
    before = expiries(gateway)
    assert before == {str(path): end_of(path) for path in (server[0], client_old[0])}
    client_new = authority.issue("client", days=20)
    assert client_new == client_old, "in the same place"
    hang_up_signal(gateway, "gateway.reloaded")
    assert expiries(gateway) == {str(path): end_of(path) for path in (server[0], client_new[0])} != before


def client(certificate, key):
    return {"certificate": str(certificate), "key": str(key)}


def expiries(gateway):
    return {dict(labels)["file"]: value
            for labels, value in gateway.metrics().series("tls_certificate_expiry_timestamp_seconds").items()}


def end_of(path):
    """As openssl tells it."""
    text = openssl("x509", "-in", path, "-noout", "-enddate").decode().strip().removeprefix("notAfter=")
    return ssl.cert_time_to_seconds(text)


def test_label_values_are_escaped_or_names_are_refused(new_gateway, receiver):
    gateway = new_gateway(targets=[target('a"b\\c', receiver.url())])
    gateway.launch()
    code = wait_until(lambda: gateway.process.poll() if gateway.process.poll() is not None
                      else bool(gateway.log("gateway.ready")), "ready or refused")
    if code is True:
        ready = gateway.log("gateway.ready")[-1]
        gateway.know(ready)
        assert gateway.metrics().series("target_state")
    else:
        assert gateway.wait_exit() == 78
