/* SPDX-License-Identifier: MIT */
/*
 * session.h - what queue, target and quarantine have in common
 *
 * Promise    One command's conversation with the admin API. Every function that returns an int
 *            returns EXIT_OK, or the exit code after it has said on standard error what is wrong.
 * Threads    The main thread.
 * Ownership  Answers belong to the caller (json_decref).
 */
#ifndef REPOSTAL_CLI_SESSION_H
#define REPOSTAL_CLI_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "repostal/buf.h"
#include "repostal/config.h"

enum {
	API_TARGET_SIZE_MAX = 16 * 1024, /* of a path, or of a query */
};

struct api_client;

struct session {
	const char *command;
	const char *config_path;
	bool json; /* results as JSON */
	struct config *config;
	struct api_client *client;
	bool is_noted; /* that no gateway runs */
};

/* command and config_path are set; loads the configuration. */
int session_open(struct session *session);
void session_close(struct session *session);

/*
 * Any answer but 2xx is a failure; 400 is wrong usage. The first answer without a gateway is announced on
 * standard error.
 */
int session_call(struct session *session, const char *method, const char *path, const char *query,
	const json_t *body, json_t **json_out);

/* One line of JSON, as the API gave it. */
void session_print_json(const json_t *json);

/*
 * Follows the pages of a list, up to limit entries (0: all). query may be changed. With session->json
 * prints one object, {"<list_name>":[...],"next":cursor or null}, else calls on_page, and says on
 * standard error when the limit left something out.
 */
int session_list(struct session *session, const char *path, struct buf *query,
	const char *list_name, int64_t limit, void (*on_page)(void *context, const json_t *entries),
	void *context);

#endif
