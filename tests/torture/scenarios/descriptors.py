# SPDX-License-Identifier: MIT
"""No file descriptors left, and ten thousand connections that say nothing."""

import contextlib
import resource
import socket
import time

import events
from torture import (Senders, assert_all_arrive, assert_alive, assert_memory, cpu_seconds, scenario)
from waiting import wait_until

IDLE_MAX = 10_000
IDLE_RESIDENT_MAX_BYTES = 160 << 20
LOOK_S = 0.5
BUSY_SHARE_MAX = 0.5  # of one core, while it can do nothing


def limit(gateway, count):
    _, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (count, hard))


@scenario("descriptors-none")
def none_left(torture):
    """Senders and receivers want more than there are; when the crowd goes, all is as before."""
    gateway = torture.start_gateway(targets=[torture.often()])
    _, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
    acknowledged = []
    for _ in range(5 if torture.long else 1):
        with gateway.client() as inside, contextlib.ExitStack() as crowd:
            assert inside.post(events.delivered()).result == "accepted"
            torture.app.refuse()
            batch = [events.delivered() for _ in range(20)]
            gateway.post_all(batch)
            limit(gateway, torture.dice.randint(40, 60))
            for _ in range(100):
                crowd.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=5))
            event = events.delivered()
            assert inside.post(event).result == "accepted", "those inside are served"
            acknowledged += [event["id"], *(other["id"] for other in batch)]
            used, begin = cpu_seconds(gateway), time.monotonic()
            wait_until(lambda: time.monotonic() - begin > LOOK_S, "a moment")
            busy = (cpu_seconds(gateway) - used) / (time.monotonic() - begin)
            print(f"busy while nothing can be accepted: {busy:.2f} of a core")
            assert busy < BUSY_SHARE_MAX  # on any machine: others take from the share, they add nothing to it
        torture.app.heal()
        assert_all_arrive(gateway, torture.app, acknowledged)
        assert_alive(gateway)
        limit(gateway, hard)


@scenario("descriptors-idle")
def idle(torture):
    """Ten thousand idle connections, or as many as this machine allows; a sender is served all the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(IDLE_MAX, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        gateway = torture.start_gateway(listen={"max_connections": count + 100, "request_timeout": "60s"})
        with contextlib.ExitStack() as crowd:
            for _ in range(count):
                crowd.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=10))
            wait_until(lambda: int(gateway.metric("process_open_fds")) > count, "all of them are accepted")
            with Senders(gateway) as senders:
                senders.wait_more(200)
            assert not senders.unexpected
            assert_memory(gateway, IDLE_RESIDENT_MAX_BYTES)
            print(f"{count} idle connections")
        assert_all_arrive(gateway, torture.app, senders.acknowledged)
        wait_until(lambda: int(gateway.metric("process_open_fds")) < 100, "they are gone")
        with gateway.client() as client:
            assert client.post(events.delivered()).result == "accepted"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
