/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api_client.h"
#include "cli/command/command.h"
#include "cli/command/load_config.h"
#include "cli/command/message.h"
#include "cli/show/json_show.h"
#include "cli/show/terminal.h"
#include "offline_note.h"
#include "repostal/log.h"
#include "repostal/memory.h"
#include "repostal/url.h"

enum {
	MESSAGE_SIZE_MAX = 64 * 1024,
	PAGE_COUNT_MAX = 200,
	NUMBER_SIZE = 24,
};

int session_open(struct session *session)
{
	/* This process is no gateway: what its parts would log is not what was asked for. */
	static const struct log_settings quiet = { .level = LOG_LEVEL_ERROR };
	int exit_code;

	log_configure(&quiet);
	exit_code = cli_load_config(session->config_path, CONFIG_SECRETS_CONTROL, &session->config);
	if (exit_code != EXIT_OK)
		return exit_code;
	session->client = api_client_new(session->config);
	return EXIT_OK;
}

void session_close(struct session *session)
{
	api_client_free(&session->client);
	config_free(&session->config);
}

/* "--message-id: " of a parameter that an option set. */
static void append_option(struct buf *message, const json_t *error)
{
	static const char *const options[] = { "target", "state", "event", "since", "until",
		"message_id", "recipient", "rate" };
	const char *name = json_string_value(json_object_get(error, "param"));

	for (size_t i = 0; name != NULL && i < ARRAY_COUNT(options); i++) {
		if (strcmp(name, options[i]) != 0)
			continue;
		buf_append_text(message, "--");
		for (; *name != '\0'; name++)
			buf_append_char(message, *name == '_' ? '-' : *name);
		buf_append_text(message, ": ");
		return;
	}
}

static void append_refusals(struct buf *message, const json_t *json)
{
	const json_t *errors = json_object_get(json, "errors");
	const char *separator = "";
	const json_t *error;
	size_t i;

	json_array_foreach(errors, i, error)
	{
		const json_t *text = json_object_get(error, "msg");

		buf_append_text(message, separator);
		append_option(message, error);
		show_append_printable(message,
			slice_of(json_string_value(text), json_string_length(text)), SHOW_ONE_LINE);
		separator = "; ";
	}
}

static int report_refusal(const struct session *session, int http_status, const json_t *json)
{
	struct buf message;
	int exit_code;

	buf_init(&message, MESSAGE_SIZE_MAX);
	append_refusals(&message, json);
	if (message.size == 0)
		buf_printf(&message, "the gateway answered %d", http_status);
	if (http_status == 400)
		exit_code = cli_usage_error(session->command, "%s", message.data);
	else if (http_status == 401)
		exit_code = cli_failure(session->command,
			"the gateway does not take the token of %s: %s", session->config_path,
			message.data);
	else
		exit_code = cli_failure(session->command, "%s", message.data);
	buf_free(&message);
	return exit_code;
}

int session_call(struct session *session, const char *method, const char *path, const char *query,
	const json_t *body, json_t **json_out)
{
	json_t *json = NULL;
	int exit_code = EXIT_OK;
	int http_status = 0;
	struct error err;

	if (api_call(session->client, method, path, query, body, &http_status, &json, &err) !=
		STATUS_OK)
		return cli_failure(session->command, "%s", err.text);
	if (!session->is_noted && api_client_doubt(session->client) != NULL) {
		session->is_noted = true;
		fprintf(stderr, "repostal %s: %s\n", session->command,
			api_client_doubt(session->client));
	}
	if (!session->is_noted && !api_client_is_live(session->client)) {
		session->is_noted = true;
		offline_note_print(session->command, session->config, session->client,
			strcmp(method, "GET") == 0);
	}
	if (http_status < 200 || http_status > 299)
		exit_code = report_refusal(session, http_status, json);
	else
		*json_out = json_incref(json);
	json_decref(json);
	return exit_code;
}

void session_print_json(const json_t *json)
{
	show_print_json(json);
	putchar('\n');
}

/* EXIT_OK, or the exit code after the message. */
static int next_page(struct session *session, const char *path, struct buf *query,
	size_t query_size, int64_t wanted, const json_t *cursor, json_t **page_out)
{
	char number[NUMBER_SIZE];

	query->size = query_size;
	snprintf(number, sizeof(number), "%d",
		wanted < PAGE_COUNT_MAX ? (int)wanted : PAGE_COUNT_MAX);
	url_append_parameter(query, "limit", number);
	if (json_is_string(cursor))
		url_append_parameter(query, "cursor", json_string_value(cursor));
	if (query->overflowed)
		return cli_usage_error(session->command, "the options are too long");
	return session_call(session, "GET", path, query->data, NULL, page_out);
}

static void print_entries(const json_t *entries, int64_t printed)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		if (printed + (int64_t)i > 0)
			putchar(',');
		show_print_json(entry);
	}
}

/* That the list was cut must not be missed. */
static int say_more(struct session *session, const char *path, struct buf *query, size_t query_size,
	const json_t *cursor, int64_t limit)
{
	json_t *page = NULL;
	int exit_code = next_page(session, path, query, query_size, 1, cursor, &page);
	const char *certainty = "there are more";
	const json_t *list;
	const char *key;

	if (exit_code != EXIT_OK)
		return exit_code;
	json_object_foreach(page, key, list)
	{
		if (json_is_array(list) && json_array_size(list) == 0)
			certainty = json_is_string(json_object_get(page, "next"))
					    ? "there may be more"
					    : NULL;
	}
	json_decref(page);
	if (certainty == NULL)
		return EXIT_OK;
	fflush(stdout);
	fprintf(stderr,
		"repostal %s: these are the newest %" PRId64 ", %s: --limit %" PRId64
		" or --limit all shows them\n",
		session->command, limit, certainty, limit < INT32_MAX / 10 ? limit * 10 : limit);
	return EXIT_OK;
}

int session_list(struct session *session, const char *path, struct buf *query,
	const char *list_name, int64_t limit, void (*on_page)(void *context, const json_t *entries),
	void *context)
{
	size_t query_size = query->size;
	json_t *page = NULL;
	json_t *cursor = NULL;
	int64_t seen = 0;
	int exit_code;

	do {
		int64_t wanted = limit == 0 ? PAGE_COUNT_MAX : limit - seen;
		const json_t *entries;

		json_decref(page);
		page = NULL;
		exit_code = next_page(session, path, query, query_size, wanted, cursor, &page);
		if (exit_code != EXIT_OK)
			break;
		if (session->json && cursor == NULL)
			printf("{\"%s\":[", list_name);
		entries = json_object_get(page, list_name);
		if (session->json)
			print_entries(entries, seen);
		else
			on_page(context, entries);
		seen += (int64_t)json_array_size(entries);
		json_decref(cursor);
		cursor = json_incref(json_object_get(page, "next"));
		/* A reader that has seen enough closes the pipe: then the rest is not needed. */
	} while (json_is_string(cursor) && (limit == 0 || seen < limit) && fflush(stdout) == 0);
	if (!session->json && exit_code == EXIT_OK && json_is_string(cursor) && !ferror(stdout))
		exit_code = say_more(session, path, query, query_size, cursor, limit);
	if (session->json && exit_code == EXIT_OK) {
		fputs("],\"next\":", stdout);
		json_is_string(cursor) ? show_print_json(cursor) : (void)fputs("null", stdout);
		fputs("}\n", stdout);
	}
	json_decref(cursor);
	json_decref(page);
	return exit_code;
}
