# SPDX-License-Identifier: MIT
"""Reloads of a running gateway, each awaited by the log line that tells how it ended."""

import copy
import signal

from waiting import wait_until


def hang_up_signal(gateway, outcome):
    """Sends SIGHUP; returns the log line that tells how it ended."""
    seen = len(gateway.log(outcome))
    gateway.signal(signal.SIGHUP)

    def ended():
        assert gateway.process.poll() is None, gateway.log_text()
        return gateway.log(outcome)[seen:]

    return wait_until(ended, outcome)[0]


def changed(gateway, **changes):
    """The settings with these changes, as settings.complete() takes them."""
    result = copy.deepcopy(gateway.settings)
    for name, value in changes.items():
        is_group = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = result[name] | value if is_group else value
    return result


def reload(gateway, **changes):
    gateway.configure(changed(gateway, **changes))
    return hang_up_signal(gateway, "gateway.reloaded")


def refused(gateway, **changes):
    """The file has these changes for a moment, and the gateway says why it does not take them."""
    before, good = health(gateway), gateway.settings
    gateway.configure(changed(gateway, **changes))
    line = hang_up_signal(gateway, "gateway.reload_failed")
    gateway.configure(good)
    assert health(gateway) == before
    return line["error"]


def health(gateway):
    return gateway.admin("/healthz").json
