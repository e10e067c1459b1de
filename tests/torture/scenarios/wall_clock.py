# SPDX-License-Identifier: MIT
"""The wall clock jumps."""

import contextlib

import events
from torture import Senders, assert_all_arrive, assert_alive, cpu_seconds, scenario

DAY_US = 86400 * 1_000_000
JUMPS_US = [-DAY_US, DAY_US, -3600 * 1_000_000, 3600 * 1_000_000, -5_000_000, 5_000_000]
STORM_ATTEMPTS = 40  # for one event, in the time of ten delays


@scenario("clock-load")
def load(torture):
    """Back and forth under load: nothing stops, nothing is lost."""
    gateway = torture.start_gateway(targets=[torture.often()])
    with Senders(gateway) as senders:
        for _ in range(20 if torture.long else 5):
            torture.dice.choice((torture.app.heal, torture.app.refuse))()
            gateway.faults.page.clock_offset_us += torture.dice.choice(JUMPS_US)
            senders.wait_more(50)
        torture.app.heal()
    assert not senders.unexpected, senders.unexpected
    assert_all_arrive(gateway, torture.app, senders.acknowledged)
    assert_alive(gateway)


def retries(torture, jump_us, restart=False):
    """Events wait for their retries when the clock jumps."""
    torture.app.refuse()
    gateway = torture.start_gateway(targets=[torture.often()])
    batch = [events.delivered() for _ in range(20)]
    gateway.post_all(batch)
    torture.receiver.wait_count(40)
    gateway.faults.page.clock_offset_us += jump_us
    if restart:
        gateway.kill9()
        gateway.start()
    before, used = len(torture.receiver.requests()), cpu_seconds(gateway)
    torture.receiver.wait_count(before + 20 * 3)
    storm = len(torture.receiver.requests()) - before
    assert storm < 20 * STORM_ATTEMPTS, f"{storm} attempts at once"
    assert cpu_seconds(gateway) - used < 2, "it does not spin"
    torture.app.heal()
    assert_all_arrive(gateway, torture.app, [event["id"] for event in batch])
    assert_alive(gateway)


@scenario("clock-forwards")
def forwards(torture):
    """A day ahead while retries wait: they come, not all of their schedule at once."""
    retries(torture, DAY_US)


@scenario("clock-backwards")
def backwards(torture):
    """A day back while retries wait: they come when they would have, not a day later."""
    retries(torture, -DAY_US)


@scenario("clock-backwards-connections")
def connections(torture):
    """A day back while connections are idle: those who drip are cut off all the same."""
    gateway = torture.start_gateway(listen={"request_timeout": "1s"})
    idle = torture.connect(gateway)
    idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
    assert idle.recv(65536).startswith(b"HTTP/1.1 200")
    gateway.faults.page.clock_offset_us -= DAY_US
    dripping = torture.connect(gateway)
    dripping.sendall(b"POST / HTTP/1.1\r\nHost: t\r\n")
    for connection in (dripping, idle):
        connection.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(65536):
                pass  # 408, and then the end
    assert_alive(gateway)
