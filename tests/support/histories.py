# SPDX-License-Identifier: MIT
"""What happens to a message from first to last, and a receiver that notes in which order it heard of it."""

import collections
import random
import threading

import events
from receiver import Reply

SOFT_BOUNCES = 4
HISTORY = SOFT_BOUNCES + 1


def history(message=None, recipient="user@example.com"):
    """What happens to a message: soft bounces, then it arrives. The times fall, so that an order of
    arrival cannot be mistaken for an order of times."""
    message = message or events.message_id()
    bounces = [events.soft_bounce(id=message, to=recipient, time=events.TIME_S - n)
               for n in range(SOFT_BOUNCES)]
    return [*bounces, events.delivered(id=message, recipient=recipient, time=events.TIME_S - SOFT_BOUNCES)]


def place(request):
    """(message id, recipient) and the index in its history."""
    payload = request.envelope["payload"]
    message = payload["message"]
    return (message["message_id"], message["to"]), round(events.TIME_S - payload["timestamp"])


class Flaky:
    """A reply that refuses by chance, and notes what was tried and what was taken, message by message."""

    def __init__(self, share, seed=1):
        self.tried = collections.defaultdict(list)
        self.taken = collections.defaultdict(list)
        self.together = 0  # the most of one message in flight at once
        self._flying = collections.Counter()
        self._share = share
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._never = threading.Event()

    def __call__(self, request):
        message, index = place(request)
        with self._lock:
            self.tried[message].append(index)
            self._flying[message] += 1
            self.together = max(self.together, self._flying[message])
            refused = self._random.random() < self._share
        self._never.wait(0.002)
        with self._lock:
            self._flying[message] -= 1
            if not refused:
                self.taken[message].append(index)
        return Reply(500 if refused else 200)

    def assert_in_order(self, messages):
        assert len(self.taken) == messages
        assert all(taken == list(range(HISTORY)) for taken in self.taken.values()), self.taken
        assert all(tried == sorted(tried) for tried in self.tried.values()), "nothing overtakes a retry"
        assert self.together == 1
