# SPDX-License-Identifier: MIT
"""A stop has one deadline, also for those who ask the admin API."""

import socket
import threading

import events
import pytest
from api import API
from repostal import LocalConnection
from receiver import Reply
from settings import target
from waiting import wait_until

WAITING = 40


def refuses_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


class Asker:
    """A request to the admin API on a connection of its own, whose answer comes later."""

    def __init__(self, gateway, method, path):
        self.connection = LocalConnection(gateway.admin_socket)
        self.connection.connect()
        self.connection.request(method, API + path)

    def status(self):
        try:
            return self.connection.getresponse().status
        finally:
            self.connection.close()


def busy_gateway(start_gateway, receiver, shutdown_timeout):
    """The worker of the API is held by a receiver that does not answer; reads of a large event wait behind it."""
    gate = threading.Event()
    receiver.answer("/held", Reply(gate=gate))
    gateway = start_gateway(shutdown_timeout=shutdown_timeout, listen={"max_body": "2MiB"}, targets=[
        target("app", receiver.url()), target("held", receiver.url("/held"), events=["MessageHeld"])])
    gateway.post(events.delivered() | {"filler": 900_000 * "x"})
    uuid = receiver.wait_one("/postal").envelope["uuid"]
    holder = Asker(gateway, "POST", "/targets/held/test")
    wait_until(lambda: receiver.in_flight("/held") == 1, "the worker is held")
    readers = [Asker(gateway, "GET", f"/events/{uuid}") for _ in range(WAITING)]
    return gateway, gate, holder, readers


def test_what_waits_is_refused_when_the_gateway_stops(start_gateway, receiver):
    gateway, gate, holder, readers = busy_gateway(start_gateway, receiver, "60s")
    gateway.signal(15)
    wait_until(lambda: refuses_connections(gateway.port), "it stops")
    gate.set()  # the worker is free, and there is time left: all the same nobody is served any more
    statuses = [status_or_none(reader) for reader in readers]
    assert 503 in statuses and set(statuses) <= {503, None}, statuses  # None: it had not been read yet
    assert holder.status() == 200
    assert gateway.wait_exit() == 0


def test_a_stop_does_not_wait_for_the_queue(start_gateway, receiver):
    """The worker is held beyond shutdown_timeout."""
    gateway, gate, holder, readers = busy_gateway(start_gateway, receiver, "1s")
    gateway.signal(15)
    assert gateway.wait_exit() == 0
    gate.set()
    assert all(status in (None, 503) for status in map(status_or_none, readers))
    gateway.start()
    gateway.wait_idle()
    assert len(receiver.requests("/postal")) == 1, "it was recorded as delivered"


def status_or_none(reader):
    try:
        return reader.status()
    except OSError:
        return None


def test_new_requests_are_refused_too(start_gateway, receiver):
    gate = threading.Event()
    receiver.answer("/postal", Reply(gate=gate))
    gateway = start_gateway(shutdown_timeout="60s")
    gateway.post(events.delivered())
    receiver.wait_one()
    gateway.signal(15)
    wait_until(lambda: gateway.admin(f"{API}/stats").status == 503, "the API says that it stops")
    assert gateway.admin("/metrics").status == 200
    gate.set()
    assert gateway.wait_exit() == 0


@pytest.mark.parametrize("change", [{}, {"backend": "postgresql"}], ids=["sqlite", "postgresql"])
def test_a_stop_with_a_full_api_queue_loses_nothing(start_gateway, receiver, request, change):
    if change:
        change = request.getfixturevalue("database").store()
    gateway = start_gateway(store=change)
    for _ in range(20):
        gateway.post(events.delivered())
    readers = [Asker(gateway, "GET", "/deliveries?limit=200") for _ in range(WAITING)]
    assert gateway.stop() == 0
    assert all(status in (None, 200, 503) for status in map(status_or_none, readers))
    gateway.start()
    gateway.wait_idle()
    receiver.wait_count(20)
