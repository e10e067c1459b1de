# SPDX-License-Identifier: MIT
"""What an operator sees of a running gateway: starting, stopping, metrics, health, logs."""

import json
import signal
import socket
import threading

import events
import pytest
from receiver import Reply
from secrets_everywhere import SECRETS, assert_no_secret, secretive
from settings import PATH, target
from waiting import wait_until

pytestmark = pytest.mark.threads

# -- starting ---------------------------------------------------------------------------------------


def test_a_port_in_use_is_1_and_named(new_gateway):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for listener in ("listen", "admin"):
            gateway = new_gateway(**{listener: {"port": port}})
            gateway.launch()
            assert gateway.wait_exit() == 1
            assert str(port) in gateway.log_text()


def test_all_log_lines_are_json(gateway, receiver):
    gateway.post(events.delivered())
    gateway.post(b"{")
    receiver.wait_one()
    gateway.restart()
    for line in gateway.log_text().splitlines():
        entry = json.loads(line)
        assert {"time", "level", "event"} <= set(entry)
        assert entry["level"] in ("debug", "info", "warn", "error")


def test_the_text_format_is_one_line_an_event(new_gateway):
    gateway = new_gateway(log={"format": "text"})
    gateway.launch()
    wait_until(lambda: "gateway.ready" in gateway.log_text(), "the ready line")
    gateway.stop()
    assert all("=" in line or "." in line for line in gateway.log_text().splitlines())


# -- stopping ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_with_nothing_to_do_waits_for_nothing(start_gateway, number):
    gateway = start_gateway(shutdown_timeout="10m")
    gateway.signal(number)
    assert gateway.wait_exit() == 0


def test_a_stop_finishes_what_is_in_flight(gateway, receiver):
    gate = threading.Event()
    receiver.answer("/postal", Reply(gate=gate))
    gateway.post(events.delivered())
    receiver.wait_one()
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: refuses_connections(gateway.port), "nothing is accepted any more")
    assert gateway.process.poll() is None
    gate.set()
    assert gateway.wait_exit() == 0
    gateway.start()
    gateway.wait_idle()
    assert len(receiver.requests()) == 1, "it was recorded as delivered"


def refuses_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


def test_a_stop_does_not_wait_for_ever(start_gateway, receiver):
    receiver.answer("/postal", Reply(manner="hang"))
    gateway = start_gateway(shutdown_timeout="500ms", targets=[target("app", receiver.url(), timeout="10m")])
    gateway.post(events.delivered())
    receiver.wait_one()
    assert gateway.stop() == 0
    receiver.answer("/postal", Reply(200))
    gateway.start()
    first, second = receiver.wait_count(2)
    assert first.body == second.body
    gateway.wait_idle()


def test_a_second_signal_stops_at_once_and_loses_nothing(start_gateway, receiver):
    receiver.answer("/postal", Reply(manner="hang"))
    gateway = start_gateway(shutdown_timeout="10m", targets=[target("app", receiver.url(), timeout="10m")])
    gateway.post(events.delivered())
    receiver.wait_one()
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: refuses_connections(gateway.port), "the first signal is seen")
    gateway.signal(signal.SIGTERM)
    gateway.wait_exit()
    receiver.answer("/postal", Reply(200))
    gateway.start()
    receiver.wait_count(2)
    gateway.wait_idle()


def test_a_stop_under_load_loses_nothing(gateway, receiver):
    acknowledged = []
    stopped = threading.Event()

    def pour():
        try:
            with gateway.client() as client:
                while not stopped.is_set():
                    event = events.delivered()
                    if client.post(event).status == 200:
                        acknowledged.append(event["id"])
        except Exception:
            stopped.wait(1)  # refused or cut off: that event was not acknowledged

    threads = [threading.Thread(target=pour) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(acknowledged) > 200, "the load flows")
    code = gateway.stop()
    stopped.set()
    for thread in threads:
        thread.join()
    assert code == 0
    gateway.start()
    gateway.wait_idle()
    arrived = [e["payload"]["message"]["message_id"] for e in receiver.envelopes()]
    assert set(acknowledged) <= set(arrived)
    assert len(arrived) == len(set(arrived)), "a graceful stop repeats nothing"


def test_sigpipe_and_sighup_do_not_kill(gateway):
    gateway.signal(signal.SIGPIPE)
    assert gateway.post(events.delivered()).result == "accepted"
    assert gateway.process.poll() is None


# -- the admin listener -----------------------------------------------------------------------------


@pytest.mark.smoke
def test_health_and_readiness(gateway):
    for path in ("/healthz", "/readyz"):
        answer = gateway.admin(path)
        assert answer.status == 200
        assert answer.json["status"] in ("ok", "ready")


def test_the_public_pages_are_not_on_the_admin_listener(gateway):
    assert gateway.admin(PATH, method="POST").status in (404, 405)
    assert gateway.admin("/nowhere").status == 404
    assert gateway.admin("/metrics", method="POST").status == 405


def test_on_loopback_the_pages_need_no_token(start_gateway):
    gateway = start_gateway(admin={"port": 0, "token": "admin-token"})
    assert gateway.admin("/metrics").status == 200
    assert gateway.admin("/healthz").status == 200


def own_address():
    """One of this machine that is not loopback; connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
        return None if address.startswith("127.") else address


def test_elsewhere_the_metrics_need_the_token(start_gateway):
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    gateway = start_gateway(admin={"address": "0.0.0.0", "port": 0, "token": "admin-token"})

    def status(path, authorization=None):
        headers = {"Authorization": authorization} if authorization else {}
        return gateway.admin(path, headers, address=address).status

    assert status("/metrics") == 401
    assert status("/metrics", "Bearer wrong") == 401
    assert status("/metrics", "Bearer admin-token") == 200
    assert status("/healthz") == 200, "a health check carries no secrets"


# -- logs -------------------------------------------------------------------------------------------


def test_logs_hold_no_secret_no_body_and_no_address(start_gateway, receiver, tmp_path):
    """At the most talkative level, through successes, refusals and failures."""
    receiver.answer("/postal", Reply(500, body=b"answer-of-the-receiver"), Reply(200))
    gateway = start_gateway(env={"REPOSTAL_TEST": SECRETS["env"]}, log={"format": "json", "level": "debug"},
                            **secretive(tmp_path, receiver.url()))
    event = events.bounce(to="private.person@example.com", response="550 words-of-the-reply",
                          returnPath="return.path@example.com")
    bearer = {"Authorization": f"Bearer {SECRETS['token']}"}
    assert gateway.post(event, headers=bearer).result == "accepted"
    none = {"Authorization": None}
    assert gateway.post(event, f"{PATH}?token={SECRETS['token']}", none).result == "duplicate"
    assert gateway.post(event, f"{PATH}/{SECRETS['token']}", none).result == "duplicate"
    assert gateway.post(event, f"/nowhere/{SECRETS['token']}", bearer).status == 404
    assert gateway.post(b"not-json-but-private", headers=bearer).status == 400
    assert gateway.post(event, headers={"Authorization": f"Bearer x{SECRETS['token']}"}).status == 401
    receiver.wait_count(2)
    gateway.restart()
    text = gateway.log_text()
    assert_no_secret(text)
    for private in ("private.person", "return.path", "words-of-the-reply", "not-json-but-private"):
        assert private not in text
