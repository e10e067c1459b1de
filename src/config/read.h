/* SPDX-License-Identifier: MIT */
/*
 * read.h - one value of the file becomes the field of its setting
 *
 * Promise    All that is wrong with the value is added to the problems; the field is then as it
 *            was.
 * Threads    One owner of everything.
 * Ownership  What is read belongs to the struct; see settings_release().
 */
#ifndef REPOSTAL_CONFIG_READ_H
#define REPOSTAL_CONFIG_READ_H

#include <libconfig.h>
#include <stdbool.h>

#include "refuse.h"

/* For every kind but SETTING_ELEMENTS. False: there were problems. */
bool read_value(const struct reading *reading, void *base, const config_setting_t *value);

/* Whether text has the row's form. False: there was a problem. */
bool passes_format(const struct reading *reading, const config_setting_t *value, struct slice text);

/* A text that passes the row's limits and format, or NULL: also for headers, which have no row
 * each. Empty when it stands elsewhere and is not needed. */
char *read_secret(const struct reading *reading, const config_setting_t *value);
/* Remembers where the secret that is kept in field stands. */
void note_origin(const struct reading *reading, const void *field, const config_setting_t *value);

#endif
