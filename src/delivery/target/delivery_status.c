/* SPDX-License-Identifier: MIT */
#include "repostal/delivery_status.h"

const char *target_state_name(enum target_state state)
{
	switch (state) {
	case TARGET_ACTIVE:
		return "active";
	case TARGET_PAUSED:
		return "paused";
	case TARGET_OPEN:
		return "open";
	case TARGET_PROBING:
		return "probing";
	case TARGET_DISABLED:
		return "disabled";
	case TARGET_UNCONFIGURED:
		return "unconfigured";
	}
	return "unknown"; /* not reached: -Wswitch guards the cases */
}
