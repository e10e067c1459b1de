# SPDX-License-Identifier: MIT
"""What the service manager is told, from READY=1 to STOPPING=1, and when the watchdog is not fed."""

import contextlib

import pytest
from reloads import hang_up_signal, reload
from settings import target
from supervisor import NotifySocket, StoppedThread
from waiting import wait_until

WATCHDOG_S = 1  # fed four times in that
SILENCE_S = 3
THREADS = ("store", "delivery", "http 0", "admin 0")
REASONS = {"store": "the store is stuck", "delivery": "delivery is stuck", "http 0": "the listener is stuck"}


@pytest.fixture
def new_manager(tmp_path):
    managers = []

    def make():
        managers.append(NotifySocket(tmp_path / f"notify{len(managers)}"))
        return managers[-1]

    yield make
    for manager in managers:
        manager.close()


def watched(new_gateway, manager, **changes):
    environment = manager.environment | {"WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)}
    return new_gateway(env=environment, listen={"port": 0, "threads": 1}, **changes)


def test_its_life_is_told(new_gateway, new_manager, receiver):
    manager = new_manager()
    gateway = new_gateway(env=manager.environment).start()
    ready = manager.wait(lambda message: "READY" in message, "it is ready")
    assert ready == {"READY": "1", "STATUS": "Ready: sources 1, targets 1, generation 1"}
    reload(gateway, targets=[target("app", receiver.url()), target("other", receiver.url())])
    reloading = manager.wait(lambda message: "RELOADING" in message, "a reload begins")
    assert int(reloading["MONOTONIC_USEC"]) > 0
    manager.wait(lambda message: message.get("STATUS", "").endswith("targets 2, generation 2"), "and has ended")
    good = gateway.settings
    gateway.configure(good | {"shutdown_timeout": "soon"})
    hang_up_signal(gateway, "gateway.reload_failed")
    failed = manager.wait(lambda message: "reload failed" in message.get("STATUS", ""), "it failed")
    assert failed["READY"] == "1"
    assert "generation 2" in failed["STATUS"]
    gateway.configure(good)
    assert gateway.stop() == 0
    manager.wait(lambda message: message == {"STOPPING": "1"}, "it stops")
    assert manager.feeds() == 0, "nobody asked for it"


def test_a_wait_for_the_database_is_ready_and_says_so(new_gateway, new_manager, tmp_path):
    manager = new_manager()
    store = {"backend": "postgresql", "dsn": f"host={tmp_path}", "path": None}
    gateway = watched(new_gateway, manager, store=store).start("gateway.waiting")
    ready = manager.wait(lambda message: str(tmp_path) in message.get("STATUS", ""), "it waits")
    assert ready["READY"] == "1"
    assert ready["STATUS"].startswith("Waiting for the database")
    manager.wait_feeds(8)
    assert gateway.stop() == 0


def test_the_watchdog_is_fed_while_all_threads_go_round(new_gateway, new_manager):
    """Each thread stands still in a gateway of its own, all at the same time."""
    managers = [new_manager() for _ in THREADS]
    gateways = [watched(new_gateway, manager).start() for manager in managers]
    for manager in managers:
        manager.wait_feeds(8)
    with contextlib.ExitStack() as stack:
        for name, gateway in zip(THREADS, gateways):
            stack.enter_context(StoppedThread(gateway.process.pid, name))
        for name, gateway, manager in zip(THREADS, gateways, managers):
            manager.wait_silence(SILENCE_S)
            if name in REASONS:
                wait_until(lambda: gateway.admin("/readyz").json["reasons"] == [REASONS[name]], REASONS[name])
    for manager in managers:
        manager.wait_feeds(8)
