# SPDX-License-Identifier: MIT
"""Conditions are awaited; nothing in the tests sleeps for a fixed time and hopes."""

import time

PATIENCE_S = 90.0  # how long a condition may take on a loaded machine under a sanitizer


def wait_until(predicate, what, timeout=PATIENCE_S):
    """Returns the first true value of predicate(); fails, saying what was awaited, when there is none."""
    deadline = time.monotonic() + timeout
    pause = 0.001
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
