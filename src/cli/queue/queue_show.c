/* SPDX-License-Identifier: MIT */
#include "queue_show.h"

#include <inttypes.h>

#include "cli/show/json_show.h"
#include "cli/show/terminal.h"

enum {
	INDENT_SIZE = 2,
};

static void append_line(struct buf *out, const char *title, struct slice text)
{
	buf_printf(out, "%-12s", title);
	show_append_printable(out, text.size > 0 ? text : SLICE_LITERAL("-"), SHOW_ONE_LINE);
	buf_append_char(out, '\n');
}

static void append_envelope(struct buf *out, const json_t *event)
{
	const json_t *envelope = json_object_get(event, "envelope");

	if (!json_is_object(envelope)) {
		buf_append_text(out, "\nNo envelope can be made of it. Its bytes:\n");
		show_append_block(out, show_string(event, "raw"), INDENT_SIZE);
		return;
	}
	buf_append_text(out, "\nEnvelope\n");
	show_append_json(out, envelope, INDENT_SIZE);
}

static void append_attempt(struct buf *out, const json_t *attempt)
{
	buf_printf(out, "  %" PRId64 ".  ", show_integer(attempt, "number"));
	show_append_time(out, show_string(attempt, "started"));
	buf_printf(out, "  %" PRId64 " ms  ", show_integer(attempt, "duration_ms"));
	show_append_result(out, attempt);
	buf_append_char(out, '\n');
	show_append_block(out, show_string(attempt, "answer"), 3 * INDENT_SIZE);
}

static void append_time_of(
	struct buf *out, const char *title, const json_t *delivery, const char *name)
{
	struct slice time = show_string(delivery, name);

	if (time.size == 0)
		return;
	buf_printf(out, ", %s ", title);
	show_append_time(out, time);
}

static void append_delivery(struct buf *out, const json_t *delivery, struct slice uuid)
{
	int64_t attempts = show_integer(delivery, "attempts");
	const json_t *attempt;
	size_t i;

	buf_append_text(out, "\nDelivery to ");
	show_append_printable(out, show_string(delivery, "target"), SHOW_ONE_LINE);
	buf_append_text(out, ": ");
	buf_append_slice(out, show_string(delivery, "state"));
	buf_printf(out, ", %" PRId64 " attempt%s", attempts, attempts == 1 ? "" : "s");
	if (json_is_integer(json_object_get(delivery, "status"))) {
		buf_append_text(out, ", last answered ");
		show_append_result(out, delivery);
	}
	if (show_string(delivery, "reason").size > 0) {
		buf_append_text(out, ", because of ");
		buf_append_slice(out, show_string(delivery, "reason"));
	}
	append_time_of(out, "due", delivery, "due");
	append_time_of(out, "finished", delivery, "finished");
	buf_append_char(out, '\n');
	if (json_is_string(json_object_get(delivery, "sent_as")) &&
		!slice_equal(show_string(delivery, "sent_as"), uuid)) {
		buf_append_text(out, "  as new, uuid ");
		buf_append_slice(out, show_string(delivery, "sent_as"));
		buf_append_char(out, '\n');
	}
	json_array_foreach(json_object_get(delivery, "history"), i, attempt)
		append_attempt(out, attempt);
}

void queue_show_append(struct buf *out, const json_t *event)
{
	const json_t *delivery;
	size_t i;

	append_line(out, "UUID", show_string(event, "uuid"));
	append_line(out, "Event", show_string(event, "event"));
	append_line(out, "Source", show_string(event, "source"));
	append_line(out, "Kind", show_string(event, "kind"));
	buf_printf(out, "%-12s", "Received");
	show_append_time(out, show_string(event, "received"));
	buf_append_char(out, '\n');
	append_line(out, "Message id", show_string(event, "message_id"));
	append_line(out, "Recipient", show_string(event, "recipient"));
	append_envelope(out, event);
	json_array_foreach(json_object_get(event, "deliveries"), i, delivery)
		append_delivery(out, delivery, show_string(event, "uuid"));
	if (json_array_size(json_object_get(event, "deliveries")) == 0)
		buf_append_text(out, "\nNo target wants it.\n");
}
