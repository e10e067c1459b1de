/* SPDX-License-Identifier: MIT */
/*
 * offline_note.h - telling people that no gateway was asked
 *
 * Promise    One line on standard error: which store is looked into or changed instead, and how old
 *            what is there may be.
 * Threads    The main thread.
 */
#ifndef REPOSTAL_CLI_OFFLINE_NOTE_H
#define REPOSTAL_CLI_OFFLINE_NOTE_H

#include <stdbool.h>

#include "repostal/config.h"

struct api_client;

void offline_note_print(
	const char *command, const struct config *config, struct api_client *client, bool is_read);

#endif
