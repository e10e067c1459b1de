/* SPDX-License-Identifier: MIT */
/*
 * refuse.h - says that one value of the file will not do
 *
 * Promise    The line, the setting, what is expected, and what was given unless it may be a secret
 *            in the wrong place.
 * Threads    One owner.
 */
#ifndef REPOSTAL_CONFIG_REFUSE_H
#define REPOSTAL_CONFIG_REFUSE_H

#include <libconfig.h>
#include <stdbool.h>

#include "problems.h"
#include "repostal/error.h"
#include "setting.h"

/* The work on one value: what is read, for which row, and who is told. */
struct reading {
	struct problems *problems;
	const struct setting *row;
	const char *name;    /* "targets.timeout" */
	bool is_needed;      /* secrets are resolved, files must be readable */
	bool world_readable; /* the configuration file */
};

/* "'targets.timeout' must be ..., not ...". Returns false, for its caller to return. */
bool refuse_value(const struct reading *reading, const config_setting_t *value);
/* "'targets.url' " and the text; value gives the line. Returns false. */
bool refuse_with(const struct reading *reading, const config_setting_t *value, const char *format,
	...) __attribute__((format(printf, 3, 4)));

#endif
