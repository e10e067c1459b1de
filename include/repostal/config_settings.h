/* SPDX-License-Identifier: MIT */
/*
 * config_settings.h - what can be set, for those who explain it
 *
 * Promise    Every setting of repostal.conf once, groups together, in the order of the table that loads the
 *            file: so what is said here is what is loaded.
 * Threads    Any.
 */
#ifndef REPOSTAL_CONFIG_SETTINGS_H
#define REPOSTAL_CONFIG_SETTINGS_H

#include <stdbool.h>

struct config_setting {
	const char *name;     /* "listen.tls.key"; "targets.timeout" of each element of a list */
	const char *expected; /* "a duration from \"10ms\" to \"10m\", in quotes with its unit" */
	const char *fallback; /* as it is written in the file; NULL: none */
	const char *example;  /* another good value; NULL: of the lists themselves */
	const char *meaning;  /* one line */
	bool required;
};

/* Texts are valid during the visit. */
typedef void config_settings_visit(void *context, const struct config_setting *setting);
void config_settings_walk(config_settings_visit *visit, void *context);

#endif
