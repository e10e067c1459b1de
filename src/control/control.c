/* SPDX-License-Identifier: MIT */
/*
 * The table of what the API has, and the way of a request through it.
 */
#include "repostal/control.h"

#include <stdlib.h>
#include <string.h>

#include "control_private.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	ANSWER_SIZE_MAX = 512 * 1024 * 1024, /* an event may have 64 MiB, and grows in JSON */
	PARAMETER_SIZE_MAX = 256,
};

/* {id} is a number, everything else in braces any one segment. */
const struct route control_routes[] = {
	{ "GET", "/stats", stats_show, false },
	{ "GET", "/targets", targets_list, false },
	{ "GET", "/targets/{name}", target_show, false },
	{ "POST", "/targets/{name}/pause", target_pause, true },
	{ "POST", "/targets/{name}/resume", target_resume, false },
	{ "POST", "/targets/{name}/test", target_test, false },
	{ "POST", "/targets/{name}/forget", target_forget, false },
	{ "GET", "/deliveries", deliveries_list, false },
	{ "GET", "/deliveries/count", deliveries_count, false },
	{ "GET", "/messages", messages_list, false },
	{ "GET", "/events/{uuid}", event_show, false },
	{ "POST", "/events/{uuid}/retry", event_retry, true },
	{ "POST", "/events/{uuid}/discard", event_discard, false },
	{ "GET", "/jobs", jobs_list, false },
	{ "POST", "/jobs", jobs_post, true },
	{ "GET", "/jobs/{id}", job_show, false },
	{ "DELETE", "/jobs/{id}", job_cancel, false },
	{ "GET", "/quarantine", quarantine_list, false },
	{ "POST", "/quarantine/replay", quarantine_replay_all, true },
	{ "POST", "/quarantine/discard", quarantine_discard_all, true },
	{ "GET", "/quarantine/{id}", quarantine_show, false },
	{ "POST", "/quarantine/{id}/replay", quarantine_replay_one, false },
	{ "POST", "/quarantine/{id}/discard", quarantine_discard_one, false },
};
const size_t control_routes_count = ARRAY_COUNT(control_routes);

struct control *control_open(const struct control_settings *settings)
{
	struct control *control = memory_zalloc(sizeof(*control));

	control->settings = *settings;
	control->jobs = jobs_new(control);
	return control;
}

void control_close(struct control **controlp)
{
	struct control *control = *controlp;

	if (control == NULL)
		return;
	*controlp = NULL;
	jobs_free(&control->jobs);
	store_reader_close(&control->reader);
	free(control);
}

/* The part that stands in braces goes to *parameter_out, still encoded. */
static bool matches(const char *pattern_text, struct slice path, struct slice *parameter_out)
{
	struct slice pattern = slice_text(pattern_text);

	if (path.size > 0 && path.data[path.size - 1] == '/')
		return false;
	while (pattern.size > 0 && path.size > 0) {
		struct slice want = slice_cut(&pattern, '/');
		struct slice have = slice_cut(&path, '/');
		int64_t number;

		if (want.size == 0 || want.data[0] != '{') {
			if (!slice_equal(want, have))
				return false;
			continue;
		}
		if (have.size == 0 || have.size > PARAMETER_SIZE_MAX)
			return false;
		if (slice_is(want, "{id}") && !text_parse_uint(have, &number))
			return false;
		*parameter_out = have;
	}
	return pattern.size == 0 && path.size == 0;
}

static void refuse_path(struct call *call, struct slice path)
{
	struct slice unused;
	struct buf allow;

	buf_init(&allow, CONTROL_ALLOW_SIZE - 1);
	for (size_t i = 0; i < control_routes_count; i++) {
		if (!matches(control_routes[i].pattern, path, &unused))
			continue;
		if (allow.size > 0)
			buf_append_text(&allow, ", ");
		buf_append_text(&allow, control_routes[i].method);
		if (strcmp(control_routes[i].method, "GET") == 0)
			buf_append_text(&allow, ", HEAD");
	}
	if (allow.size == 0) {
		call_refuse(call, 404, "path", "request", "there is nothing at this path");
	} else {
		call_refuse(call, 405, "method", "request", "method not allowed");
		memcpy(call->answer->allow, allow.data, allow.size + 1);
	}
	buf_free(&allow);
}

static const struct route *find_route(struct call *call)
{
	const struct control_request *request = call->request;
	struct slice method = request->method;
	struct slice path = request->path;

	if (slice_is(method, "HEAD"))
		method = SLICE_LITERAL("GET");
	for (size_t i = 0; i < control_routes_count; i++)
		if (slice_is(method, control_routes[i].method) &&
			matches(control_routes[i].pattern, path, &call->parameter))
			return &control_routes[i];
	refuse_path(call, path);
	return NULL;
}

/* The reader is opened when it is needed: while no gateway runs there may be no store yet. */
static bool look_up_names(struct call *call)
{
	struct control *control = call->control;
	struct error err = { .text = "" };
	enum status status = STATUS_OK;

	if (control->reader == NULL)
		status = store_reader_open(control->settings.store, &control->reader, &err);
	if (status == STATUS_OK)
		status = names_read(control->reader, &call->names, &err);
	if (status == STATUS_OK)
		return true;
	/* A store that was exchanged or repaired is seen by the next request. */
	store_reader_close(&control->reader);
	call_refuse_status(call, status, &err);
	return false;
}

static void serve(struct call *call, const struct route *route)
{
	const struct control_settings *settings = &call->control->settings;
	char parameter[PARAMETER_SIZE_MAX];

	if (call->parameter.size > 0) {
		memcpy(parameter, call->parameter.data, call->parameter.size);
		call->parameter = slice_of(
			parameter, text_percent_decode(parameter, call->parameter.size, false));
		text_parse_uint(call->parameter, &call->number);
	}
	if (!query_parse(&call->query, call->request->query))
		call_refuse(call, 400, "query", "query", "more than %d parameters",
			QUERY_PARAMETERS_MAX);
	else if ((route->takes_body || call_take_no_body(call)) && look_up_names(call)) {
		call->snapshot = settings->backend->acquire(settings->context);
		route->handle(call);
		settings->backend->release(settings->context, call->snapshot);
	}
	names_free(&call->names);
	query_free(&call->query);
}

void control_handle(struct control *control, const struct control_request *request,
	struct control_answer *answer_out)
{
	struct call call = {
		.control = control,
		.request = request,
		.answer = answer_out,
		.now_us = clock_unix_us(),
	};
	const struct route *route;

	*answer_out = (struct control_answer){ .status = 200 };
	buf_init(&answer_out->body, ANSWER_SIZE_MAX);
	route = find_route(&call);
	if (route != NULL)
		serve(&call, route);
	if (answer_out->body.overflowed) {
		buf_free(&answer_out->body);
		buf_init(&answer_out->body, ANSWER_SIZE_MAX);
		call_refuse(&call, 500, "server", "server", "the answer would be too large");
	}
}
