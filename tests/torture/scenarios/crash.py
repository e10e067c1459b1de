# SPDX-License-Identifier: MIT
"""kill -9, at any moment and at exactly the bad ones."""

import events
from torture import (Senders, assert_all_arrive, assert_alive, assert_nothing_lost, scenario, wait_death)
from waiting import wait_until

LARGE = {"response": "250 " + "x" * 4000}  # fills the log fast, so that it is soon moved into the file

# Points that every event passes, and how far away the chosen one may be.
POINTS_OF_EVENTS = {
    "log_write": 40, "log_sync_before": 40, "log_sync_after": 40, "answer_before": 40, "answer_after": 40,
    "receiver_2xx": 40, "verdict_write": 40,
}
# Points that are passed only when the log is moved.
POINTS_OF_MOVES = {"file_write": 300, "file_sync_before": 2, "file_sync_after": 2}
# Points of a start; how often each is passed differs with the versions of SQLite.
POINTS_OF_STARTS = ["file_create", "log_write", "log_sync_before", "log_sync_after", "file_write",
                    "file_sync_before", "file_sync_after", "truncate", "unlink"]


@scenario("kill-random")
def kill_random(torture):
    """Under load, again and again; what is in the queue matters as much as what is being taken."""
    gateway = torture.start_gateway(targets=[torture.often()])
    with Senders(gateway) as senders:
        for _ in range(20 if torture.long else 4):
            torture.dice.choice((torture.app.heal, torture.app.refuse))()
            senders.wait_more(torture.dice.randint(1, 150))
            gateway.kill9()
            gateway.start()
            assert_nothing_lost(gateway, torture.app, list(senders.acknowledged))
        senders.wait_more(20)
    torture.app.heal()
    assert_all_arrive(gateway, torture.app, senders.acknowledged)
    assert_alive(gateway)


def die_under_load(torture, gateway, point, count, **fields):
    """Returns what was acknowledged by the time of the first death, and in all."""
    gateway.faults.kill_at(point, count)
    with Senders(gateway, **fields) as senders:
        wait_until(lambda: gateway.process.poll() is not None or senders.unexpected, f"it dies at {point}")
        wait_death(gateway)
        before = list(senders.acknowledged)
        gateway.faults.calm()
        gateway.start()
        assert_nothing_lost(gateway, torture.app, before)
        senders.wait_more(10)
    assert not senders.unexpected, senders.unexpected
    return senders.acknowledged


def kill_at_points(torture, points, **fields):
    gateway = torture.start_gateway(targets=[torture.often()])
    acknowledged = []
    for point, count_max in points.items():
        print(f"killed at {point}")
        acknowledged += die_under_load(torture, gateway, point, torture.dice.randint(1, count_max), **fields)
        assert_all_arrive(gateway, torture.app, acknowledged)
    assert len(acknowledged) == len(set(acknowledged))
    assert_alive(gateway)


@scenario("kill-points")
def kill_points(torture):
    """After the write and before the commit, after the commit and before the answer, after the
    receiver's 2xx and before the verdict, and in the middle of each."""
    kill_at_points(torture, POINTS_OF_EVENTS)


@scenario("kill-moving")
def kill_moving(torture):
    """While the log is moved into the file."""
    kill_at_points(torture, POINTS_OF_MOVES, **LARGE)


@scenario("kill-committed")
def kill_committed(torture):
    """What is committed and not yet answered is known when it comes again: one event, delivered once."""
    torture.app.refuse()
    gateway = torture.start_gateway(targets=[torture.often()])
    for point in ("log_sync_after", "answer_before"):
        event = events.delivered()
        gateway.faults.kill_at(point)
        try:
            gateway.post(event)
            raise AssertionError(f"an answer although it died at {point}")
        except OSError:
            wait_death(gateway)
        gateway.faults.calm()
        gateway.start()
        assert gateway.post(event).result == "duplicate", point
        assert_nothing_lost(gateway, torture.app, [event["id"]])
    gateway.faults.kill_at("log_sync_before")
    event = events.delivered()
    try:
        gateway.post(event)
        raise AssertionError("an answer before the commit")
    except OSError:
        wait_death(gateway)


@scenario("kill-starting")
def kill_starting(torture):
    """At every point of the very first start, and of the next; each time the one after it succeeds."""
    for point in POINTS_OF_STARTS:
        for count in range(1, 30) if torture.long else (torture.dice.randint(1, 3),):
            gateway = torture.new_gateway()
            gateway.faults.kill_at(point, count)
            gateway.launch()
            wait_until(lambda: gateway.process.poll() is not None or gateway.log("gateway.ready"),
                       f"it dies at {point} or is ready")
            if gateway.process.poll() is None:
                gateway.kill9()  # it never came there
                break
            wait_death(gateway)
            gateway.faults.calm()
            gateway.start()
            event = events.delivered()
            assert gateway.post(event).result == "accepted", (point, count)
            assert_all_arrive(gateway, torture.app, [event["id"]])
            gateway.kill9()


@scenario("kill-stopping")
def kill_stopping(torture):
    """A graceful stop moves the log and removes it; killed there, nothing is missing afterwards."""
    gateway = torture.new_gateway(targets=[torture.often()])
    acknowledged = []
    for point in ("file_write", "file_sync_before", "file_sync_after", "truncate", "unlink"):
        torture.app.refuse()
        gateway.start()
        batch = [events.delivered() for _ in range(30)]
        assert {answer.result for answer in gateway.post_all(batch)} == {"accepted"}
        acknowledged += [event["id"] for event in batch]
        gateway.faults.kill_at(point)
        gateway.signal(15)
        code = gateway.wait_exit()
        assert code in (0, -9), f"{point}: it ended with {code}"
        gateway.faults.calm()
        gateway.start()
        assert_nothing_lost(gateway, torture.app, acknowledged)
        torture.app.heal()
        assert_all_arrive(gateway, torture.app, acknowledged)
        gateway.stop()
