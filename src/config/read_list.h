/* SPDX-License-Identifier: MIT */
/*
 * read_list.h - values that are lists, and the group of headers
 *
 * Promise    As read.h. Arrays, [ ], and lists, ( ), are taken alike; a text alone is not a list.
 * Threads    One owner of everything.
 */
#ifndef REPOSTAL_CONFIG_READ_LIST_H
#define REPOSTAL_CONFIG_READ_LIST_H

#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

#include "refuse.h"
#include "repostal/give_up.h"
#include "repostal/retry.h"

bool read_events(const struct reading *reading, uint32_t *field, const config_setting_t *value);
bool read_retry(
	const struct reading *reading, struct retry_settings *field, const config_setting_t *value);
bool read_statuses(const struct reading *reading, struct give_up_settings *field,
	const config_setting_t *value);
bool read_texts(const struct reading *reading, void *base, const config_setting_t *value);
bool read_ranges(const struct reading *reading, void *base, const config_setting_t *value);
bool read_headers(const struct reading *reading, void *base, const config_setting_t *value);

#endif
