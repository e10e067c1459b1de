/* SPDX-License-Identifier: MIT */
/*
 * One event, by the uuid of its envelope. The same event may be in the store more than once, when it
 * came again behind the dedup window: all of them are meant.
 */
#include <stdlib.h>
#include <string.h>

#include "control_private.h"
#include "repostal/event_envelope.h"
#include "repostal/event_row.h"
#include "repostal/memory.h"
#include "repostal/outcome.h"
#include "repostal/search_key.h"

enum {
	DELIVERIES_MAX = STORE_TARGETS_MAX,
	HISTORY_SIZE_MAX = 1024 * 1024,
	PAGE_COUNT = 64,
};

struct found_delivery {
	struct store_row row; /* only the first has its bytes */
	struct buf history;   /* JSON, without the brackets */
};

struct found_event {
	const struct names *names;
	struct slice uuid;          /* that is looked for */
	char owner[UUID_TEXT_SIZE]; /* "", or of the event that was sent under it as new */
	struct found_delivery *deliveries;
	size_t count;
	char *content_type; /* of the newest, whose row points to these */
	char *raw;
};

/* Whether it is a delivery of the event that is looked for; another's uuid is noted. */
static bool is_meant(struct found_event *found, const struct store_row *row)
{
	struct event_record record =
		event_record_of_row(row, names_source(found->names, row->source));
	struct slice target = names_target(found->names, row->target);
	struct parsed_event parsed;
	bool is_it;

	(void)event_parse(&record, &parsed);
	is_it = slice_is_nocase(found->uuid, parsed.uuid);
	if (!is_it && parsed_event_was_sent_as(&parsed, target, row->as_new, found->uuid))
		memcpy(found->owner, parsed.uuid, sizeof(found->owner));
	parsed_event_release(&parsed);
	return is_it;
}

static void on_row(void *context, const struct store_row *row)
{
	struct found_event *found = context;
	struct found_delivery *delivery;

	if (!is_meant(found, row) || found->count == DELIVERIES_MAX)
		return;
	if (found->raw == NULL) {
		found->raw = memory_copy_bytes(row->raw.data, row->raw.size);
		found->content_type =
			memory_copy_bytes(row->content_type.data, row->content_type.size);
	}
	found->deliveries =
		memory_regrow(found->deliveries, found->count + 1, sizeof(struct found_delivery));
	delivery = &found->deliveries[found->count++];
	delivery->row = *row;
	delivery->row.raw.data = found->count == 1 ? found->raw : NULL;
	delivery->row.content_type.data = found->count == 1 ? found->content_type : NULL;
	buf_init(&delivery->history, HISTORY_SIZE_MAX);
}

static void free_event(struct found_event *found)
{
	for (size_t i = 0; i < found->count; i++)
		buf_free(&found->deliveries[i].history);
	free(found->deliveries);
	free(found->content_type);
	free(found->raw);
}

static void refuse_uuid(struct call *call)
{
	struct uuid uuid;

	call_refuse(call, 404, "uuid", "path",
		uuid_parse(call->parameter, &uuid) ? "there is no event of uuid '%.*s'"
						   : "not a uuid: '%.*s'",
		(int)call->parameter.size, call->parameter.data);
}

static enum status look_for(
	struct call *call, struct found_event *found, struct slice uuid, struct error *err)
{
	const struct store_filter filter = {
		.target = -1,
		.type = -1,
		.search_key = search_key_uuid(uuid),
	};
	enum status status = STATUS_OK;
	struct store_page page = { .count_max = PAGE_COUNT };

	found->uuid = uuid;
	do {
		status = store_reader_list(
			call->control->reader, &filter, &page, on_row, found, err);
	} while (status == STATUS_OK && page.next != 0 && found->count < DELIVERIES_MAX);
	return status;
}

/* False: refused. A uuid that one of its deliveries was sent under as new names the event as well. */
static bool find_event(struct call *call, struct found_event *found)
{
	struct error err;
	enum status status;

	found->names = &call->names;
	status = look_for(call, found, call->parameter, &err);
	if (status == STATUS_OK && found->count == 0 && found->owner[0] != '\0')
		status = look_for(call, found, slice_text(found->owner), &err);
	if (status != STATUS_OK)
		call_refuse_status(call, status, &err);
	else if (found->count == 0)
		refuse_uuid(call);
	return status == STATUS_OK && found->count > 0;
}

struct history {
	struct found_event *found;
	int64_t event;
};

/* Without an answer the store has the cause in its place. */
static void write_cause(struct buf *out, const struct store_attempt *attempt)
{
	const struct outcome outcome = {
		.transport = (enum transport)attempt->transport,
		.http_status = attempt->http_status,
	};
	const struct cause cause = {
		.kind = CAUSE_ANSWER,
		.http_status = attempt->http_status,
		.answer = attempt->answer,
	};
	char text[CAUSE_SIZE];

	if (outcome.http_status == 0 && outcome.transport != TRANSPORT_OK) {
		out_text(out, "cause", attempt->answer);
	} else if (outcome.http_status == 0 || outcome_result(&outcome) == ATTEMPT_2XX) {
		out_null(out, "cause");
	} else {
		cause_print(&cause, NULL, text);
		out_text(out, "cause", slice_text(text));
	}
}

static void on_attempt(void *context, const struct store_attempt *attempt)
{
	const struct history *history = context;
	struct buf *out = NULL;

	for (size_t i = 0; i < history->found->count; i++)
		if (history->found->deliveries[i].row.event == history->event &&
			history->found->deliveries[i].row.target == attempt->target)
			out = &history->found->deliveries[i].history;
	if (out == NULL || out->overflowed)
		return;
	out_open(out, '{');
	out_int(out, "number", attempt->number);
	out_time_ms(out, "started", attempt->started_ms);
	out_int(out, "duration_ms", attempt->duration_ms);
	delivery_write_result(out, 1, attempt->http_status, attempt->transport);
	out_text(out, "answer", attempt->answer);
	write_cause(out, attempt);
	out_close(out, '}');
}

static enum status read_history(struct call *call, struct found_event *found, struct error *err)
{
	struct history history = { .found = found };
	enum status status = STATUS_OK;

	/* The deliveries of one event stand together. */
	for (size_t i = 0; i < found->count && status == STATUS_OK; i++) {
		if (found->deliveries[i].row.event == history.event)
			continue;
		history.event = found->deliveries[i].row.event;
		status = store_reader_attempts(
			call->control->reader, history.event, on_attempt, &history, err);
	}
	return status;
}

/* As it would be sent now. */
static void write_envelope(struct call *call, const struct parsed_event *parsed)
{
	static const struct known_message known;
	struct buf envelope;

	buf_init(&envelope, ENVELOPE_SIZE_MAX);
	if (parsed->problem == BIZMAIL_PROBLEM_NONE &&
		event_envelope(&call->snapshot->rules, parsed, &known, &envelope)) {
		out_key(&call->answer->body, "envelope");
		buf_append_slice(&call->answer->body, buf_slice(&envelope));
	} else {
		out_null(&call->answer->body, "envelope");
	}
	buf_free(&envelope);
}

static void write_deliveries(
	struct call *call, const struct found_event *found, const struct parsed_event *parsed)
{
	struct buf *out = &call->answer->body;

	out_open_at(out, "deliveries", '[');
	for (size_t i = 0; i < found->count; i++) {
		out_open(out, '{');
		delivery_write_members(out, &call->names, &found->deliveries[i].row, parsed);
		out_open_at(out, "history", '[');
		buf_append_slice(out, buf_slice(&found->deliveries[i].history));
		out_close(out, ']');
		out_close(out, '}');
	}
	out_close(out, ']');
}

static void write_event(struct call *call, const struct found_event *found)
{
	const struct store_row *row = &found->deliveries[0].row;
	struct event_record record =
		event_record_of_row(row, names_source(&call->names, row->source));
	struct buf *out = &call->answer->body;
	struct parsed_event parsed;

	(void)event_parse(&record, &parsed);
	out_open(out, '{');
	out_text_or_null(out, "uuid", slice_text(parsed.uuid));
	out_text(out, "event",
		slice_text(row->type < POSTAL_EVENT_TYPE_COUNT
				   ? postal_event_type_name((enum postal_event_type)row->type)
				   : ""));
	out_text(out, "source", record.source_name);
	out_text(out, "kind", slice_text(bizmail_kind_name((enum bizmail_kind)row->kind)));
	out_time_ms(out, "received", row->received_us / 1000);
	out_text(out, "message_id", parsed.event.id);
	out_text(out, "recipient", parsed.event.recipient);
	write_envelope(call, &parsed);
	out_text(out, "raw", record.raw);
	out_text(out, "content_type", record.content_type);
	write_deliveries(call, found, &parsed);
	out_close(out, '}');
	parsed_event_release(&parsed);
}

void event_show(struct call *call)
{
	struct found_event found = { 0 };
	struct error err;
	enum status status;

	if (!call_take_query_end(call) || !find_event(call, &found))
		goto out;
	status = read_history(call, &found, &err);
	if (status == STATUS_OK)
		write_event(call, &found);
	else
		call_refuse_status(call, status, &err);
out:
	free_event(&found);
}

/* False: refused. */
static bool take_target(struct call *call, int *target_out)
{
	enum filter_set set = FILTER_SET;
	struct filter filter;
	struct slice name;
	struct error err;

	filter_init(&filter);
	if (query_take(&call->query, "target", &name))
		set = filter_set(
			&filter, &call->names, SLICE_LITERAL("target"), name, call->now_us, &err);
	*target_out = filter.store.target;
	filter_free(&filter);
	if (set == FILTER_SET)
		return call_take_query_end(call);
	call_refuse(call, 400, "target", "query", "%s", err.text);
	return false;
}

struct event_change {
	enum store_change_kind kind;
	uint32_t states; /* of the deliveries that are meant; 0: any */
	bool as_new;
};

/* False: refused. */
static bool take_switch(struct call *call, const char *key, const json_t *value,
	struct event_change *change, bool *is_all)
{
	bool *taken = strcmp(key, "all") == 0      ? is_all
		      : strcmp(key, "as_new") == 0 ? &change->as_new
						   : NULL;

	if (taken != NULL && json_is_boolean(value)) {
		*taken = json_is_true(value);
		return true;
	}
	call_refuse(call, 400, key, "body", "%s",
		taken != NULL ? "true or false is expected" : "there is no such member here");
	return false;
}

/*
 * What a retry is for; what was delivered is sent again only when the body says so. As new it is: a receiver
 * that took it without acting is why there is such a thing.
 */
static bool take_retry(struct call *call, struct event_change *change)
{
	json_t *body = NULL, *value;
	const char *key;
	bool is_good = call_take_body(call, &body);
	bool is_all = false;

	json_object_foreach(body, key, value)
	{
		is_good = take_switch(call, key, value, change, &is_all);
		if (!is_good)
			break;
	}
	json_decref(body);
	change->states = 1 << DELIVERY_WAITING | 1 << DELIVERY_DEAD | 1 << DELIVERY_DISCARDED;
	if (is_all || change->as_new)
		change->states |= 1 << DELIVERY_DELIVERED;
	return is_good;
}

static struct change_item item_of(const struct found_event *found, const struct store_row *row,
	const struct event_change *change)
{
	struct change_item item = {
		.event = row->event,
		.target = row->target,
		.states = change->states,
		.target_name = names_target(found->names, row->target),
	};

	/* What has no uuid cannot have another one. */
	item.as_new = change->as_new && uuid_parse(found->uuid, &item.uuid);
	return item;
}

static void change_event(struct call *call, const struct event_change *change)
{
	struct found_event found = { 0 };
	struct change_item *items = NULL;
	struct error err;
	enum status status;
	size_t changed, count = 0;
	int target;

	if (!take_target(call, &target) || !find_event(call, &found))
		goto out;
	items = memory_array(found.count, sizeof(*items));
	for (size_t i = 0; i < found.count; i++)
		if (target < 0 || found.deliveries[i].row.target == target)
			items[count++] = item_of(&found, &found.deliveries[i].row, change);
	status = change_items(
		call->control, change->kind, items, count, call->now_us / 1000, &changed, &err);
	if (status != STATUS_OK) {
		call_refuse_status(call, status, &err);
		goto out;
	}
	out_open(&call->answer->body, '{');
	out_int(&call->answer->body, "changed", (int64_t)changed);
	out_close(&call->answer->body, '}');
out:
	free(items);
	free_event(&found);
}

void event_retry(struct call *call)
{
	struct event_change change = { .kind = STORE_CHANGE_RETRY };

	if (take_retry(call, &change))
		change_event(call, &change);
}

void event_discard(struct call *call)
{
	static const struct event_change change = { .kind = STORE_CHANGE_DISCARD };

	change_event(call, &change);
}
