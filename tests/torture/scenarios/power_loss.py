# SPDX-License-Identifier: MIT
"""The power goes: what was not synced is gone, there, or torn, as the disk likes."""

import errno
from pathlib import Path

from power import MANNERS, Disk
from torture import (Senders, assert_all_arrive, assert_alive, assert_nothing_lost, lost, scenario,
                     wait_death)
from scenarios.crash import LARGE
from waiting import wait_until

POINTS = ["log_write", "log_sync_before", "log_sync_after", "answer_before", "answer_after", "receiver_2xx",
          "file_write", "file_sync_before", "file_sync_after"]


def store_of(gateway):
    return Path(gateway.settings["store"]["path"])


def begin(gateway):
    """Starts it with a journal; returns the disk as it was before."""
    disk = Disk(store_of(gateway))
    gateway.faults.record()
    gateway.start()
    return disk


def lose_power(torture, gateway, disk, honest=True):
    manner = torture.dice.choice(MANNERS)
    print(f"the power goes; the disk's manner is {manner}")
    disk.replay(gateway.faults.journal, torture.dice, honest)
    disk.lose_power(torture.dice, manner)


def run(torture, spoil, rounds, **fields):
    """spoil(gateway, senders) ends in the gateway's death."""
    gateway = torture.new_gateway(targets=[torture.often()])
    disk = begin(gateway)
    with Senders(gateway, **fields) as senders:
        for _ in range(rounds):
            torture.dice.choice((torture.app.heal, torture.app.refuse))()
            spoil(gateway, senders)
            gateway.faults.calm()
            before = list(senders.acknowledged)
            lose_power(torture, gateway, disk)
            disk = begin(gateway)
            assert_nothing_lost(gateway, torture.app, before)
        senders.wait_more(20)
    assert not senders.unexpected, senders.unexpected
    torture.app.heal()
    assert_all_arrive(gateway, torture.app, senders.acknowledged)
    assert_alive(gateway)


@scenario("power-random")
def power_random(torture):
    """At any moment, the first one included: that of a store that has only just been made."""

    def spoil(gateway, senders):
        senders.wait_more(torture.dice.choice((0, 1, 10, 100, 1000)))
        gateway.kill9()

    run(torture, spoil, 20 if torture.long else 4, **(LARGE if torture.dice.random() < 0.5 else {}))


@scenario("power-points")
def power_points(torture):
    """At the bad moments."""
    points = iter(torture.dice.sample(POINTS, len(POINTS)))

    def spoil(gateway, senders):
        point = next(points)
        print(f"at {point}")
        torture.dice.choice((torture.app.heal, torture.app.refuse))()
        if point == "receiver_2xx":
            torture.app.heal()
        gateway.faults.kill_at(point, torture.dice.randint(1, 3 if "file" in point else 40))
        wait_until(lambda: gateway.process.poll() is not None or senders.unexpected, f"it dies at {point}")
        wait_death(gateway)

    run(torture, spoil, len(POINTS) if torture.long else 4, **LARGE)


@scenario("power-failed-sync")
def power_failed_sync(torture):
    """A sync fails, then succeeds again, then the power goes: what Linux could not write is not on the
    disk, although the second sync says nothing of it. Whatever got its 200 has been written again."""

    def spoil(gateway, senders):
        senders.wait_more(20)
        gateway.faults.page.errors_after = torture.dice.randint(0, 20)
        gateway.faults.page.errno_sync = errno.EIO
        wait_until(lambda: gateway.faults.page.errors_given > 0, "a sync fails")
        wait_until(lambda: gateway.log("store.failing"), "it is noticed")
        gateway.faults.calm()
        senders.wait_more(torture.dice.choice((1, 50, 500)))
        gateway.kill9()

    run(torture, spoil, 8 if torture.long else 2, **LARGE)


@scenario("power-lying-disk")
def power_lying_disk(torture):
    """The test of this test: on a disk that says that it has synced, and has not, events must be lost."""
    gateway = torture.start_gateway(targets=[torture.often()])
    gateway.stop()
    torture.app.refuse()
    disk = begin(gateway)
    with Senders(gateway) as senders:
        senders.wait_more(50)
        gateway.kill9()
    disk.replay(gateway.faults.journal, torture.dice, honest=False)
    disk.lose_power(torture.dice, "drop")
    gateway.start()
    missing = lost(gateway, torture.app, senders.acknowledged)
    assert missing == set(senders.acknowledged), "a loss that nobody noticed"
