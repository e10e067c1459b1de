/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "control_private.h"
#include "repostal/envelope.h"

enum {
	REASON_SIZE_MAX = 200
};

static const struct target_settings *find_settings(const struct call *call, uint16_t number)
{
	for (size_t i = 0; i < call->snapshot->targets_count; i++)
		if (call->snapshot->target_numbers[i] == number)
			return &call->snapshot->targets[i];
	return NULL;
}

/*
 * Without what a person in "https://person:secret@host" wrote before the '@'; and without what follows the host,
 * for those who are not meant to know it: many receivers have their secret there.
 */
static void write_url(struct buf *out, const char *url, bool is_whole)
{
	const char *host = strstr(url, "://");
	const char *end, *at = NULL;
	struct buf shown;

	host = host == NULL ? url : host + 3;
	end = host + strcspn(host, "/?#");
	for (const char *c = host; c < end; c++)
		if (*c == '@')
			at = c;
	buf_init(&shown, strlen(url) + 2 * sizeof("/***"));
	buf_append(&shown, url, (size_t)(host - url));
	if (at != NULL)
		buf_append_text(&shown, "***");
	else
		at = host;
	if (is_whole || end[0] == '\0' || strcmp(end, "/") == 0) {
		buf_append_text(&shown, at);
	} else {
		buf_append(&shown, at, (size_t)(end - at));
		buf_append_text(&shown, "/***");
	}
	out_text(out, "url", buf_slice(&shown));
	buf_free(&shown);
}

/* NULL: only a running gateway would know. */
static const char *state_of(const struct call *call, const struct named_target *named,
	const struct target_settings *settings, const struct control_target *at_work)
{
	if (settings == NULL)
		return "orphaned";
	if (!settings->enabled)
		return "disabled";
	if (named->is_paused)
		return "paused";
	if (call->snapshot->generation == 0)
		return NULL;
	/* The delivery thread has not heard of the resume yet. */
	if (at_work->state == NULL || strcmp(at_work->state, "paused") == 0)
		return "active";
	return at_work->state;
}

static void write_oldest(struct buf *out, int64_t now_us, int64_t received_us)
{
	if (received_us < 0)
		out_null(out, "oldest_seconds");
	else if (received_us == 0 || received_us > now_us)
		out_int(out, "oldest_seconds", 0);
	else
		out_seconds(out, "oldest_seconds", now_us - received_us);
}

static void write_time(struct buf *out, const char *key, int64_t unix_ms)
{
	if (unix_ms == 0)
		out_null(out, key);
	else
		out_time_ms(out, key, unix_ms);
}

static void write_error(struct buf *out, const struct control_target_error *error)
{
	if (error->time_ms == 0) {
		out_null(out, "last_error");
		return;
	}
	out_open_at(out, "last_error", '{');
	out_time_ms(out, "time", error->time_ms);
	out_text(out, "result", slice_text(error->result));
	if (error->http_status == 0)
		out_null(out, "status");
	else
		out_int(out, "status", error->http_status);
	out_text(out, "cause", slice_text(error->cause));
	out_text_or_null(out, "hint", slice_text(error->hint));
	out_close(out, '}');
}

static void write_last_minute(
	struct buf *out, const struct call *call, const struct control_target *at_work)
{
	if (call->snapshot->generation == 0) {
		out_null(out, "last_minute");
		return;
	}
	out_open_at(out, "last_minute", '{');
	out_int(out, "attempts", at_work->attempts_last_minute);
	out_int(out, "delivered", at_work->delivered_last_minute);
	out_close(out, '}');
}

static void write_types(struct buf *out, unsigned types)
{
	out_open_at(out, "refused_types", '[');
	for (int type = 0; type < POSTAL_EVENT_TYPE_COUNT; type++)
		if ((types & 1U << type) != 0)
			out_element(out,
				slice_text(postal_event_type_name((enum postal_event_type)type)));
	out_close(out, ']');
}

static void write_target(struct call *call, uint16_t number)
{
	const struct control_settings *control = &call->control->settings;
	const struct named_target *named = &call->names.targets[number];
	const struct target_settings *settings = find_settings(call, number);
	struct control_target at_work = { .oldest_received_us = named->counts.open > 0 ? -1 : 0 };
	struct buf *out = &call->answer->body;
	int64_t ready;

	control->backend->observe(control->context, number, &at_work);
	ready = named->counts.open - named->counts.retrying - at_work.in_flight;
	out_open(out, '{');
	out_text(out, "name", slice_text(named->name));
	out_bool(out, "configured", settings != NULL);
	if (settings == NULL)
		out_null(out, "url");
	else
		write_url(out, settings->url, call->request->shows_urls);
	out_text_or_null(out, "state", slice_text(state_of(call, named, settings, &at_work)));
	out_bool(out, "paused", named->is_paused);
	out_text(out, "reason", slice_text(named->is_paused ? named->reason : ""));
	out_int(out, "ready", ready > 0 ? ready : 0);
	out_int(out, "waiting", named->counts.retrying);
	if (call->snapshot->generation == 0)
		out_null(out, "inflight");
	else
		out_int(out, "inflight", at_work.in_flight);
	out_int(out, "dead", named->counts.dead);
	write_oldest(out, call->now_us, at_work.oldest_received_us);
	write_last_minute(out, call, &at_work);
	write_time(out, "since", at_work.since_ms);
	write_time(out, "next_try", at_work.next_try_ms);
	write_time(out, "next_probe", at_work.next_probe_ms);
	write_types(out, at_work.types_failing);
	write_error(out, &at_work.error);
	out_close(out, '}');
}

static void write_targets(struct call *call)
{
	out_open_at(&call->answer->body, "targets", '[');
	for (size_t i = 0; i < call->names.targets_count; i++)
		if (call->names.targets[i].name != NULL)
			write_target(call, (uint16_t)i);
	out_close(&call->answer->body, ']');
}

static void write_store(struct call *call, const struct control_totals *totals)
{
	const struct store_settings *store = call->control->settings.store;
	struct buf *out = &call->answer->body;
	bool is_file = store->backend == STORE_SQLITE;

	out_open_at(out, "store", '{');
	out_text(out, "backend", is_file ? SLICE_LITERAL("sqlite") : SLICE_LITERAL("postgresql"));
	out_text_or_null(out, "path", slice_text(is_file ? store->path : NULL));
	write_time(out, "changed", totals->changed_ms);
	if (totals->uptime_s < 0 && totals->gateways >= 0)
		out_int(out, "gateways", totals->gateways);
	else
		out_null(out, "gateways");
	out_close(out, '}');
}

static void write_reload(struct buf *out, const struct control_reload *reload)
{
	bool is_good = reload->error[0] == '\0';

	if (reload->time_ms == 0) {
		out_null(out, "reload");
		return;
	}
	out_open_at(out, "reload", '{');
	out_time_ms(out, "time", reload->time_ms);
	out_text(out, "result", is_good ? SLICE_LITERAL("ok") : SLICE_LITERAL("failed"));
	out_text_or_null(out, "error", slice_text(reload->error));
	out_close(out, '}');
}

/* What only a running gateway has: null without one. */
static void write_life(struct buf *out, const struct control_totals *totals)
{
	write_time(out, "started", totals->started_ms);
	write_reload(out, &totals->reload);
	if (totals->uptime_s < 0) {
		out_null(out, "ready");
		out_null(out, "reasons");
		return;
	}
	out_bool(out, "ready", totals->is_ready);
	out_key(out, "reasons");
	if (totals->reasons.size == 0)
		buf_append_text(out, "[]");
	else
		buf_append_slice(out, buf_slice(&totals->reasons));
}

void stats_show(struct call *call)
{
	const struct control_settings *control = &call->control->settings;
	struct buf *out = &call->answer->body;
	struct control_totals totals = { 0 };
	int64_t backlog = 0;

	if (!call_take_query_end(call))
		return;
	control->backend->observe_totals(control->context, &totals);
	for (size_t i = 0; i < call->names.targets_count; i++)
		backlog += call->names.targets[i].counts.open;
	out_open(out, '{');
	out_text(out, "version", slice_text(REPOSTAL_VERSION));
	if (totals.uptime_s < 0)
		out_null(out, "uptime_seconds");
	else
		out_int(out, "uptime_seconds", totals.uptime_s);
	out_int(out, "generation", call->snapshot->generation);
	out_key(out, "fingerprint");
	buf_printf(out, "\"%016llx\"", (unsigned long long)call->snapshot->fingerprint);
	out_int(out, "backlog", backlog);
	out_int(out, "quarantined", totals.quarantined);
	out_int(out, "store_bytes", totals.store_bytes);
	write_store(call, &totals);
	write_life(out, &totals);
	write_targets(call);
	out_close(out, '}');
	buf_free(&totals.reasons);
}

void targets_list(struct call *call)
{
	if (!call_take_query_end(call))
		return;
	out_open(&call->answer->body, '{');
	write_targets(call);
	out_close(&call->answer->body, '}');
}

static bool find_target(struct call *call, uint16_t *number_out)
{
	int number = names_find_target(&call->names, call->parameter);

	if (number < 0) {
		struct error err;

		names_refuse_target(&call->names, call->parameter, &err);
		call_refuse(call, 404, "name", "path", "%s", err.text);
		return false;
	}
	*number_out = (uint16_t)number;
	return call_take_query_end(call);
}

void target_show(struct call *call)
{
	uint16_t number;

	if (find_target(call, &number))
		write_target(call, number);
}

struct pause {
	uint16_t target;
	bool paused;
	const char *reason;
};

static enum status take_pause(struct store *store, void *argument, struct error *err)
{
	const struct pause *pause = argument;

	return store_pause(store, pause->target, pause->paused, pause->reason, err);
}

/* Stored first: a pause that people were told of outlives a crash. */
static void set_paused(struct call *call, const struct pause *pause)
{
	const struct control_settings *control = &call->control->settings;
	struct error err;
	enum status status =
		control_write(call->control, take_pause, (void *)(uintptr_t)pause, &err);

	if (status == STATUS_OK) {
		control->backend->pause(control->context, pause->target, pause->paused);
		names_free(&call->names);
		status = names_read(call->control->reader, &call->names, &err);
	}
	if (status != STATUS_OK)
		call_refuse_status(call, status, &err);
	else
		write_target(call, pause->target);
}

static bool take_reason(struct call *call, const json_t *body, const char **reason_out)
{
	json_t *reason = json_object_get(body, "reason");

	*reason_out = "paused by an operator";
	if (json_object_size(body) > (reason != NULL) ||
		(reason != NULL && !json_is_string(reason)) ||
		json_string_length(reason) > REASON_SIZE_MAX) {
		call_refuse(call, 400, "reason", "body",
			"nothing but a reason of at most %d bytes is expected", REASON_SIZE_MAX);
		return false;
	}
	if (json_string_length(reason) > 0)
		*reason_out = json_string_value(reason);
	return true;
}

void target_pause(struct call *call)
{
	struct pause pause = { .paused = true };
	json_t *body = NULL;

	if (find_target(call, &pause.target) && call_take_body(call, &body) &&
		take_reason(call, body, &pause.reason))
		set_paused(call, &pause);
	json_decref(body);
}

void target_resume(struct call *call)
{
	struct pause pause = { .paused = false };

	if (find_target(call, &pause.target))
		set_paused(call, &pause);
}

static void write_test(struct call *call, const struct control_test *test)
{
	struct buf *out = &call->answer->body;

	out_open(out, '{');
	out_text(out, "target", call->parameter);
	out_text(out, "event", slice_text(test->event));
	out_text(out, "uuid", slice_text(test->uuid));
	out_bool(out, "signed", test->is_signed);
	out_text(out, "result", slice_text(test->result));
	if (test->http_status == 0)
		out_null(out, "status");
	else
		out_int(out, "status", test->http_status);
	out_int(out, "duration_ms", test->duration_ms);
	out_text_or_null(out, "cause", slice_text(test->cause));
	out_text(out, "answer", slice_of(test->answer, test->answer_size));
	out_close(out, '}');
}

void target_test(struct call *call)
{
	const struct control_settings *control = &call->control->settings;
	struct control_test test;
	enum status status;
	uint16_t number;
	struct error err;

	if (!find_target(call, &number))
		return;
	if (control->backend->test == NULL) {
		call_refuse(call, 503, "server", "server", "no gateway runs that could send it");
		return;
	}
	status = control->backend->test(control->context, number, &test, &err);
	if (status == STATUS_OK)
		write_test(call, &test);
	else if (status == STATUS_NOT_FOUND)
		call_refuse(call, 409, "name", "path", "%s", err.text);
	else
		call_refuse_status(call, status, &err);
}
