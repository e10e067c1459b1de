/* SPDX-License-Identifier: MIT */
#include "queue_options.h"

#include <stddef.h>
#include <string.h>

#include "cli/command/command_line.h"
#include "cli/command/message.h"
#include "cli/commands.h"
#include "repostal/config.h"
#include "repostal/memory.h"
#include "repostal/text.h"
#include "repostal/uuid.h"

/* The states of the deliveries that a change takes, and when none is given. */
static const struct {
	const char *states;
	const char *default_states;
} changes[] = {
	[QUEUE_RETRY] = { "ready, waiting, dead, delivered, discarded", "ready,waiting,dead" },
	[QUEUE_DISCARD] = { "ready, waiting, held, dead", "ready,waiting,held,dead" },
};

/* One of a list with commas between. */
static bool is_listed(const char *list, struct slice state)
{
	struct slice rest = slice_text(list);

	while (rest.size > 0)
		if (slice_equal(slice_trim(slice_cut(&rest, ',')), state))
			return true;
	return false;
}

const char *queue_default_states(enum queue_action action)
{
	return changes[action].default_states;
}

bool queue_may_change(const struct queue_options *asked, const char *state)
{
	bool is_sent_again = asked->uuid != NULL && (asked->all || asked->as_new);

	return is_listed(changes[asked->action].states, slice_text(state)) &&
	       (is_sent_again || strcmp(state, "delivered") != 0);
}

static int take_operand(struct queue_options *out, const char *text)
{
	struct uuid uuid;
	int64_t job;

	if (out->action == QUEUE_CANCEL) {
		out->job = text;
		return text_parse_uint(slice_text(text), &job)
			       ? EXIT_OK
			       : cli_usage_error("queue",
					 "not a job: '%s' (a number that 'repostal queue jobs' "
					 "shows)",
					 text);
	}
	out->uuid = text;
	return uuid_parse(slice_text(text), &uuid)
		       ? EXIT_OK
		       : cli_usage_error("queue", "not a uuid: '%s'", text);
}

/* A filter beside the target, which also narrows what is asked for by UUID. */
static bool has_other_filter(const struct queue_options *out)
{
	for (size_t i = QUEUE_FILTER_TARGET + 1; i < QUEUE_FILTER_COUNT; i++)
		if (out->filters[i] != NULL)
			return true;
	return false;
}

/* A state that no such change touches would be counted, but never changed. */
static int check_states(const struct queue_options *out)
{
	struct slice rest = slice_text(out->filters[QUEUE_FILTER_STATE]);

	while (rest.size > 0) {
		struct slice state = slice_trim(slice_cut(&rest, ','));

		if (!is_listed(changes[out->action].states, state))
			return cli_usage_error("queue", "%s: --state '%.*s' is not one of %s",
				queue_action_name(out->action), (int)state.size, state.data,
				changes[out->action].states);
	}
	return EXIT_OK;
}

static int check_change(const struct queue_options *out)
{
	const char *name = queue_action_name(out->action);
	bool has_filters = has_other_filter(out);

	if (out->uuid != NULL && (has_filters || out->rate != NULL))
		return cli_usage_error(
			"queue", "%s: a UUID goes with --target and --all only", name);
	if (out->uuid != NULL && out->all && out->action != QUEUE_RETRY)
		return cli_usage_error("queue", "%s: a UUID or --all, not both", name);
	if (out->uuid == NULL && out->filters[QUEUE_FILTER_TARGET] == NULL && !has_filters &&
		!out->all)
		return cli_usage_error("queue", "%s: a UUID, a filter or --all is missing", name);
	return check_states(out);
}

static int check_times(const struct queue_options *out)
{
	const char *since = out->filters[QUEUE_FILTER_SINCE];
	const char *until = out->filters[QUEUE_FILTER_UNTIL];

	/* In UTC, all of one form. */
	if (since == NULL || until == NULL || strcmp(since, until) <= 0)
		return EXIT_OK;
	return cli_usage_error("queue", "--since (%s) is later than --until (%s)", since, until);
}

bool queue_options_read(int argc, char **argv, struct queue_options *out, int *exit_code_out)
{
	struct command_line line;

	*out = (struct queue_options){ .config_path = CONFIG_PATH_DEFAULT,
		.limit = QUEUE_LIMIT_DEFAULT };
	if (!command_line_read(&command_queue, argc, argv, out, &line)) {
		*exit_code_out = line.exit_code;
		return false;
	}
	out->action = (enum queue_action)line.action;
	*exit_code_out = EXIT_OK;
	if (command_line_operand(&line) != NULL)
		*exit_code_out = take_operand(out, command_line_operand(&line));
	if (*exit_code_out == EXIT_OK)
		*exit_code_out = check_times(out);
	if (*exit_code_out == EXIT_OK &&
		(out->action == QUEUE_RETRY || out->action == QUEUE_DISCARD))
		*exit_code_out = check_change(out);
	return *exit_code_out == EXIT_OK;
}
