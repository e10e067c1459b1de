# SPDX-License-Identifier: MIT
"""How long the gateway waits between attempts, told in a way that holds on any machine.

A pause that was decided is compared exactly: the log has it. Of what the receiver sees only the least is
compared. The receiver notes the time of a request before it answers, so that two of its times are apart by
at least the pause that the first answer caused; a busy machine adds to that, and cannot take away.
"""

EARLY_S = 0.01  # clocks count milliseconds, and rounding takes some of them


def gaps(requests):
    return [later.at - earlier.at for earlier, later in zip(requests, requests[1:])]


def retry_delays_ms(gateway, target="app"):
    """As decided after each failed attempt. The log has a limit: five lines a second of a target."""
    return [line["retry_in_ms"] for line in gateway.log("delivery.retry", target=target)]


def assert_paused(requests, pauses_s):
    """Between neighbours, at least this long."""
    for number, (gap, pause_s) in enumerate(zip(gaps(requests), pauses_s), 1):
        assert gap >= pause_s - EARLY_S, f"{gap:.3f} s after request {number} instead of {pause_s} s"


def assert_rate(requests, begin, burst, per_second):
    """No request came before its turn. begin: a time.monotonic() from before the first event was posted,
    when the burst was still whole."""
    for number, request in enumerate(requests, 1):
        turn_s = (number - burst) / per_second
        assert request.at - begin >= turn_s - EARLY_S, f"request {number} after {request.at - begin:.3f} s"
