# SPDX-License-Identifier: MIT
"""Every module here adds its scenarios to torture.SCENARIOS."""

from scenarios import (bad_receivers, bad_senders, corruption, crash, descriptors, disk,  # noqa: F401
                       names, power_loss, wall_clock)
