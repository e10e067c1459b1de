/* SPDX-License-Identifier: MIT */
/*
 * load_config.h - the configuration that a command works by
 *
 * Promise    What is wrong with it, and with an examiner also what is only a warning, is on standard error.
 * Threads    The main thread.
 * Ownership  config_free().
 */
#ifndef REPOSTAL_CLI_LOAD_CONFIG_H
#define REPOSTAL_CLI_LOAD_CONFIG_H

#include "repostal/config.h"

/* Both return EXIT_OK or EXIT_CONFIG; cli_examine_config() EXIT_FAILED for STATUS_BUSY, too. */
int cli_load_config(const char *path, enum config_secrets secrets, struct config **config_out);
int cli_examine_config(
	const char *path, config_examiner *examine, void *context, struct config **config_out);

#endif
