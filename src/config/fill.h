/* SPDX-License-Identifier: MIT */
/*
 * fill.h - walks the parsed file along the tables, and fills in defaults
 *
 * Promise    Every setting of the file is read or refused, unknown ones included; every other
 *            setting that has a default gets it.
 * Threads    One owner of everything.
 */
#ifndef REPOSTAL_CONFIG_FILL_H
#define REPOSTAL_CONFIG_FILL_H

#include <libconfig.h>
#include <stdbool.h>

#include "problems.h"
#include "repostal/config.h"

struct filling_rules {
	enum config_secrets secrets;
	bool world_readable; /* the file */
};

/* config is all zero. */
void fill_config(struct config *config, const config_setting_t *root,
	const struct filling_rules *rules, struct problems *problems);

#endif
