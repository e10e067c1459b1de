/* SPDX-License-Identifier: MIT */
#include "queue_change.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/client/bulk.h"
#include "cli/client/confirm.h"
#include "cli/command/command.h"
#include "cli/command/message.h"
#include "cli/show/json_show.h"
#include "cli/show/terminal.h"
#include "queue_expect.h"
#include "repostal/buf.h"
#include "repostal/url.h"

enum {
	/* More than so many are not counted one by one: what the targets count is near enough. */
	COUNTED_MAX = 100000,
};

void queue_append_filters(const struct queue_options *options, struct buf *query)
{
	for (int i = 0; i < QUEUE_FILTER_COUNT; i++)
		if (options->filters[i] != NULL)
			url_append_parameter(query, queue_filter_name((enum queue_filter)i),
				options->filters[i]);
}

static struct confirm confirm_of(
	const struct session *session, const struct queue_options *options, const struct buf *which)
{
	return (struct confirm){
		.command = session->command,
		.verb = options->action == QUEUE_RETRY ? &confirm_retry : &confirm_discard,
		.one = "delivery",
		.many = "deliveries",
		.which = which->data,
		.manner = options->as_new ? " under new uuids" : NULL,
		.yes = options->yes,
		.dry_run = options->dry_run,
		.json = session->json,
	};
}

/* How many deliveries of the event are meant; -1: the API has to say what is wrong with the target. */
static int64_t count_of_event(const struct queue_options *options, const json_t *event)
{
	const char *target = options->filters[QUEUE_FILTER_TARGET];
	bool has_target = target == NULL;
	const json_t *delivery;
	int64_t count = 0;
	size_t i;

	json_array_foreach(json_object_get(event, "deliveries"), i, delivery)
	{
		const char *state = json_string_value(json_object_get(delivery, "state"));

		if (target != NULL && !slice_is(show_string(delivery, "target"), target))
			continue;
		has_target = true;
		count += state != NULL && queue_may_change(options, state);
	}
	return has_target ? count : -1;
}

/* One delivery that was named needs no question. */
static int confirm_event(
	struct session *session, const struct queue_options *options, bool *act_out)
{
	json_t *event = NULL;
	struct confirm confirm;
	struct buf path, which;
	int64_t count;
	int exit_code = EXIT_OK;

	*act_out = true;
	buf_init(&path, API_TARGET_SIZE_MAX);
	buf_init(&which, API_TARGET_SIZE_MAX);
	buf_printf(&path, "/events/%s", options->uuid);
	buf_printf(&which, " of event %s", options->uuid);
	confirm = confirm_of(session, options, &which);
	if (confirm_needs_count(&confirm))
		exit_code = session_call(session, "GET", path.data, NULL, NULL, &event);
	count = event == NULL ? -1 : count_of_event(options, event);
	if (count > 1 || (count >= 0 && options->dry_run))
		exit_code = confirm_ask(&confirm, count, true, act_out);
	json_decref(event);
	buf_free(&which);
	buf_free(&path);
	return exit_code;
}

static void explain_nothing(const struct session *session, const struct queue_options *options)
{
	if (options->action != QUEUE_RETRY)
		return;
	cli_failure(session->command, "%s",
		options->all || options->as_new
			? "what is there is in flight, or held by an earlier event"
			: "nothing there waits or is dead; --all also sends again what was "
			  "delivered");
}

static void print_changed(
	const struct session *session, const struct queue_options *options, const json_t *json)
{
	int64_t changed = show_integer(json, "changed");

	if (session->json)
		session_print_json(json);
	else
		printf("%" PRId64 " changed\n", changed);
	if (changed == 0)
		explain_nothing(session, options);
}

static void set_switches(json_t *body, const struct queue_options *options)
{
	if (options->all)
		json_object_set_new(body, "all", json_true());
	if (options->as_new)
		json_object_set_new(body, "as_new", json_true());
}

static int change_event(struct session *session, const struct queue_options *options)
{
	json_t *body = json_object();
	json_t *json = NULL;
	struct buf path, query;
	int exit_code;

	buf_init(&path, API_TARGET_SIZE_MAX);
	buf_init(&query, API_TARGET_SIZE_MAX);
	set_switches(body, options);
	buf_printf(&path, "/events/%s/%s", options->uuid, queue_action_name(options->action));
	queue_append_filters(options, &query);
	if (query.overflowed)
		exit_code = cli_usage_error("queue", "--target is too long");
	else
		exit_code = session_call(session, "POST", path.data, query.data,
			json_object_size(body) > 0 ? body : NULL, &json);
	if (exit_code == EXIT_OK)
		print_changed(session, options, json);
	json_decref(json);
	json_decref(body);
	buf_free(&query);
	buf_free(&path);
	return exit_code;
}

/* " with target app and state dead", " that are waiting or dead" */
static void append_which(struct buf *out, const struct queue_options *options)
{
	const char *joint = " with ";

	for (int i = 0; i < QUEUE_FILTER_COUNT; i++) {
		struct slice value = slice_text(options->filters[i]);

		if (options->filters[i] == NULL)
			continue;
		buf_printf(out, "%s%s ", joint, queue_filter_name((enum queue_filter)i));
		if (i == QUEUE_FILTER_SINCE || i == QUEUE_FILTER_UNTIL)
			show_append_time(out, value);
		else
			show_append_printable(out, value, SHOW_ONE_LINE);
		joint = " and ";
	}
	if (out->size == 0)
		buf_append_text(out, " that are waiting or dead");
}

/* It takes a while where there are millions. */
static void show_counted(int64_t count, bool is_end)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (is_end)
		fputs("\r\033[K", stderr);
	else
		fprintf(stderr, "\r\033[K%" PRId64 " so far", count);
	fflush(stderr);
}

static int count_pages(struct session *session, struct buf *query, int64_t *count_out)
{
	size_t query_size = query->size;
	json_t *page = NULL;
	json_t *cursor = NULL;
	bool has_shown = false;
	int exit_code;

	*count_out = 0;
	do {
		query->size = query_size;
		if (json_is_string(cursor))
			url_append_parameter(query, "cursor", json_string_value(cursor));
		json_decref(page);
		page = NULL;
		exit_code = query->overflowed ? cli_usage_error("queue", "the options are too long")
					      : session_call(session, "GET", "/deliveries/count",
							query->data, NULL, &page);
		*count_out += show_integer(page, "count");
		json_decref(cursor);
		cursor = json_incref(json_object_get(page, "next"));
		has_shown |= json_is_string(cursor);
		if (has_shown)
			show_counted(*count_out, !json_is_string(cursor));
	} while (exit_code == EXIT_OK && json_is_string(cursor));
	json_decref(cursor);
	json_decref(page);
	return exit_code;
}

/* From the counts of the targets when there are very many. */
static int ask_count(struct session *session, const struct queue_options *options,
	int64_t *count_out, bool *is_exact_out)
{
	json_t *json = NULL;
	struct buf query;
	int exit_code = session_call(session, "GET", "/targets", NULL, NULL, &json);

	if (exit_code != EXIT_OK)
		return exit_code;
	*count_out = queue_expect(options, json_object_get(json, "targets"));
	json_decref(json);
	*is_exact_out = *count_out <= COUNTED_MAX;
	if (!*is_exact_out)
		return EXIT_OK;
	buf_init(&query, API_TARGET_SIZE_MAX);
	queue_append_filters(options, &query);
	if (options->filters[QUEUE_FILTER_STATE] == NULL)
		url_append_parameter(&query, queue_filter_name(QUEUE_FILTER_STATE),
			queue_default_states(options->action));
	exit_code = count_pages(session, &query, count_out);
	buf_free(&query);
	return exit_code;
}

static int confirm_many(struct session *session, const struct queue_options *options,
	int64_t *expected_out, bool *act_out)
{
	struct confirm confirm;
	struct buf which;
	bool is_exact;
	int exit_code = EXIT_OK;

	*expected_out = -1;
	*act_out = true;
	buf_init(&which, API_TARGET_SIZE_MAX);
	append_which(&which, options);
	confirm = confirm_of(session, options, &which);
	if (confirm_needs_count(&confirm)) {
		exit_code = ask_count(session, options, expected_out, &is_exact);
		if (exit_code == EXIT_OK)
			exit_code = confirm_ask(&confirm, *expected_out, is_exact, act_out);
	}
	buf_free(&which);
	return exit_code;
}

/* NULL: something is not UTF-8. */
static json_t *make_job(const struct queue_options *options)
{
	json_t *body = json_pack("{s:s}", "action", queue_action_name(options->action));
	bool is_good = true;

	for (int i = 0; i < QUEUE_FILTER_COUNT; i++)
		if (options->filters[i] != NULL)
			is_good &=
				json_object_set_new(body, queue_filter_name((enum queue_filter)i),
					json_string(options->filters[i])) == 0;
	if (options->rate != NULL)
		is_good &= json_object_set_new(body, "rate", json_string(options->rate)) == 0;
	set_switches(body, options);
	if (is_good)
		return body;
	json_decref(body);
	return NULL;
}

static int change_many(struct session *session, const struct queue_options *options)
{
	json_t *body = make_job(options);
	int64_t expected;
	int exit_code;
	bool act;

	if (body == NULL)
		return cli_usage_error("queue", "a filter is not UTF-8");
	exit_code = confirm_many(session, options, &expected, &act);
	if (exit_code == EXIT_OK && act)
		exit_code = bulk_run(session, body, expected);
	json_decref(body);
	return exit_code;
}

int queue_change(struct session *session, const struct queue_options *options)
{
	int exit_code;
	bool act;

	if (options->uuid == NULL)
		return change_many(session, options);
	exit_code = confirm_event(session, options, &act);
	return exit_code == EXIT_OK && act ? change_event(session, options) : exit_code;
}
