# SPDX-License-Identifier: MIT
"""A thousand targets, or too few file descriptors: places in flight are shared out, nobody is blamed."""

import os
import resource
import threading
from pathlib import Path

import events
import pytest
from receiver import Reply
from settings import target
from waiting import wait_until

TARGETS = 1000
PLACES = 1024


def sum_of(gateway, name, **labels):
    return gateway.metrics().sum(name, **labels)


def wait_delivered(gateway, count):
    wait_until(lambda: sum_of(gateway, "deliveries_total", outcome="delivered") == count,
               f"all {count} are delivered", timeout=300)


@pytest.mark.heavy
def test_a_thousand_targets_share_the_places_in_flight(new_gateway, receiver):
    """While nobody answers, each target has its attempt in flight, and no more are than there are places."""
    batches = 3
    answers = threading.Event()
    receiver.answer("/all", Reply(200, gate=answers))
    gateway = new_gateway(targets=[
        target(f"t{index}", receiver.url("/all")) for index in range(TARGETS)]).start()
    gateway.post_all([events.delivered() for _ in range(batches)])
    wait_until(lambda: receiver.in_flight("/all") >= TARGETS, "every target has its place", timeout=300)
    wait_until(lambda: receiver.in_flight("/all") >= PLACES, "the others are given in turn", timeout=300)
    in_flight = gateway.metrics().series("queue_depth", state="inflight")
    assert min(in_flight.values()) >= 1, "none is left out"
    answers.set()
    wait_delivered(gateway, batches * TARGETS)
    assert receiver.in_flight_max("/all") <= PLACES
    assert sum_of(gateway, "attempts_total") == batches * TARGETS, "each was made once"
    assert sum_of(gateway, "target_state", state="active") == TARGETS


def test_few_descriptors_are_shared_out_in_turn(new_gateway, receiver):
    """Fewer places than targets: each gets its turn, and nothing is tried twice."""
    targets, count, descriptors = 100, 4, 256
    gateway = new_gateway(
        listen={"max_connections": 32}, targets=[
            target(f"t{index}", receiver.url("/all")) for index in range(targets)],
        popen={"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))}).start()
    gateway.post_all([events.delivered() for _ in range(count)])
    wait_delivered(gateway, targets * count)
    assert receiver.in_flight_max("/all") <= (descriptors - 64) // 4
    assert sum_of(gateway, "attempts_total") == targets * count
    gateway.stop()


def set_descriptors(gateway, count):
    _, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (count or hard, hard))


def lowest_unused(gateway):
    used = {int(name) for name in os.listdir(Path("/proc") / str(gateway.process.pid) / "fd")}
    return min(set(range(len(used) + 1)) - used)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_lack_of_descriptors_is_nobodys_failure(start_gateway, receiver, host):
    """Neither the socket nor the look-up of the name gets one: no attempt, no breaker, no lost event."""
    count = 20
    answers = threading.Event()
    receiver.answer("/app", Reply(200), Reply(200, gate=answers))
    gateway = start_gateway(targets=[
        target("app", receiver.url("/app", host=host), breaker={"failures": 1, "cooldown": "5m"}, retry=["1h"])])
    with gateway.client() as inside:
        assert inside.post(events.delivered()).result == "accepted"
        gateway.wait_metric("deliveries_total", 1, target="app", outcome="delivered")
        set_descriptors(gateway, lowest_unused(gateway) + 1)  # some come free by themselves
        for _ in range(count):
            assert inside.post(events.delivered()).result == "accepted"
        wait_until(lambda: gateway.log("delivery.descriptors_short"), "the log says what is short")
        set_descriptors(gateway, None)
        answers.set()
        gateway.wait_metric("deliveries_total", count + 1, target="app", outcome="delivered")
    assert gateway.metric("attempts_total", target="app") == count + 1
    assert gateway.metric("attempts_total", target="app", result="2xx") == count + 1
    assert not gateway.log("target.failing")
