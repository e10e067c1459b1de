/* SPDX-License-Identifier: MIT */
#include "offline_note.h"

#include <inttypes.h>
#include <stdio.h>

#include "api_client.h"
#include "cli/show/json_show.h"
#include "cli/show/terminal.h"
#include "repostal/buf.h"

enum {
	NOTE_SIZE_MAX = 16 * 1024
};

static void append_who(struct buf *note, const char *command, const struct admin_settings *admin)
{
	buf_printf(note, "repostal %s: no gateway ", command);
	if (admin->port == 0)
		buf_append_text(note, "can be asked (admin.port is 0)");
	else
		buf_printf(note, "runs at %s, port %d", admin->address, admin->port);
}

static void append_file(struct buf *note, const json_t *store)
{
	buf_append_text(note, "store '");
	show_append_printable(note, show_string(store, "path"), SHOW_ONE_LINE);
	buf_append_char(note, '\'');
	if (json_is_string(json_object_get(store, "changed"))) {
		buf_append_text(note, ", last written ");
		show_append_age(note, show_string(store, "changed"));
		buf_append_text(note, " ago");
	}
}

static void append_database(struct buf *note, const json_t *store)
{
	int64_t gateways = show_integer(store, "gateways");

	buf_append_text(note, "the PostgreSQL database");
	if (json_is_integer(json_object_get(store, "gateways")))
		buf_printf(note, ", where %" PRId64 " other%s at work", gateways,
			gateways == 1 ? " is" : "s are");
}

void offline_note_print(
	const char *command, const struct config *config, struct api_client *client, bool is_read)
{
	const json_t *store;
	json_t *stats = NULL;
	int http_status = 0;
	struct buf note;

	if (api_call(client, "GET", "/stats", NULL, NULL, &http_status, &stats, NULL) != STATUS_OK)
		return;
	buf_init(&note, NOTE_SIZE_MAX);
	append_who(&note, command, &config->admin);
	store = json_object_get(stats, "store");
	if (json_is_object(store)) {
		buf_append_text(&note, is_read ? "; read from " : "; changed in ");
		if (json_is_string(json_object_get(store, "path")))
			append_file(&note, store);
		else
			append_database(&note, store);
	}
	fprintf(stderr, "%s\n", note.data);
	buf_free(&note);
	json_decref(stats);
}
