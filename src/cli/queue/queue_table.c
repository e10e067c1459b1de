/* SPDX-License-Identifier: MIT */
#include "queue_table.h"

#include <string.h>

#include "cli/command/message.h"
#include "cli/commands.h"
#include "repostal/memory.h"
#include "repostal/text.h"

static const char *const filter_names[QUEUE_FILTER_COUNT] = {
	[QUEUE_FILTER_TARGET] = "target",
	[QUEUE_FILTER_STATE] = "state",
	[QUEUE_FILTER_EVENT] = "event",
	[QUEUE_FILTER_SINCE] = "since",
	[QUEUE_FILTER_UNTIL] = "until",
	[QUEUE_FILTER_MESSAGE_ID] = "message_id",
	[QUEUE_FILTER_RECIPIENT] = "recipient",
};

/* Of "yesterday" the API could only say that it is not UTC; and it does not know what is local here. */
static bool take_time(void *options, const struct command_option *option, char *text)
{
	struct queue_options *out = options;
	enum queue_filter filter =
		strcmp(option->name, "until") == 0 ? QUEUE_FILTER_UNTIL : QUEUE_FILTER_SINCE;
	char *utc = out->times[filter == QUEUE_FILTER_UNTIL];
	int64_t us;

	if (!clock_parse_when(slice_text(text), clock_unix_us(), CLOCK_LOCAL, &us)) {
		cli_usage_error("queue",
			"--%s '%s': neither a duration such as \"2h\" nor a time such as "
			"\"2026-11-21 08:00\" or \"2026-11-21T08:00:00+01:00\"",
			option->name, text);
		return false;
	}
	clock_format_utc(us / 1000, utc);
	out->filters[filter] = utc;
	return true;
}

static bool take_rate(void *options, const struct command_option *option, char *text)
{
	struct queue_options *out = options;
	double per_second;

	if (!text_parse_rate(slice_text(text), &per_second)) {
		cli_usage_error("queue", "--%s '%s': not a rate such as \"100/s\" or \"600/m\"",
			option->name, text);
		return false;
	}
	out->rate = text;
	return true;
}

static const struct command_action actions[] = {
	[QUEUE_LIST] = { .name = "list",
		.usage = "[FILTER...] [--limit N]",
		.help = "deliveries, newest first, delivered ones too" },
	[QUEUE_SHOW] = { .name = "show",
		.operand = "UUID",
		.need = OPERAND_REQUIRED,
		.usage = "UUID",
		.help = "an event: its envelope, its deliveries, what each receiver answered" },
	[QUEUE_RETRY] = { .name = "retry",
		.operand = "UUID",
		.need = OPERAND_OPTIONAL,
		.usage = "UUID [--target NAME] [--all] [--as-new]\n"
			 "FILTER...|--all [--rate RATE] [--as-new]",
		.help = "makes deliveries due at once, with their full number of attempts: what "
			"is dead or waiting, of an event named by UUID also what was discarded. "
			"What was delivered is sent again only with UUID --all or UUID --as-new, "
			"or --state delivered" },
	[QUEUE_DISCARD] = { .name = "discard",
		.operand = "UUID",
		.need = OPERAND_OPTIONAL,
		.usage = "UUID [--target NAME]\n"
			 "FILTER...|--all [--rate RATE]",
		.help = "gives up what is dead or waiting" },
	[QUEUE_STATS] = { .name = "stats",
		.usage = "[--target NAME]",
		.help = "the gateway and its targets in numbers" },
	[QUEUE_JOBS] = { .name = "jobs",
		.usage = "",
		.help = "the retries and discards of many: their state and progress" },
	[QUEUE_CANCEL] = { .name = "cancel",
		.operand = "ID",
		.need = OPERAND_REQUIRED,
		.usage = "ID",
		.help = "ends such a job; what it has changed stays so" },
};

enum {
	CHANGES = 1 << QUEUE_RETRY | 1 << QUEUE_DISCARD,
	FILTERED = 1 << QUEUE_LIST | CHANGES,
};

static const char *const states[] = { "ready", "waiting", "inflight", "held", "delivered", "dead",
	"discarded", NULL };
static const char *const events[] = { "MessageSent", "MessageDelayed", "MessageDeliveryFailed",
	"MessageHeld", "MessageBounced", NULL };

static const struct command_option rows[] = {
	{ .name = "target",
		.value = "NAME",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct queue_options, filters[QUEUE_FILTER_TARGET]),
		.min = 1,
		.once = true,
		.actions = FILTERED | 1 << QUEUE_STATS,
		.help = "filter: deliveries to this target" },
	{ .name = "state",
		.value = "STATE",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct queue_options, filters[QUEUE_FILTER_STATE]),
		.min = 1,
		.words = states,
		.once = true,
		.actions = FILTERED,
		.help = "filter: ready (never attempted), waiting (for the next attempt), "
			"inflight, held (until an earlier event of its message is over), "
			"delivered, dead, "
			"discarded; several with commas between" },
	{ .name = "event",
		.value = "EVENT",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct queue_options, filters[QUEUE_FILTER_EVENT]),
		.min = 1,
		.words = events,
		.once = true,
		.actions = FILTERED,
		.help = "filter: such as MessageSent" },
	{ .name = "since",
		.value = "TIME",
		.kind = OPTION_OWN,
		.take = take_time,
		.once = true,
		.actions = FILTERED,
		.help = "filter: received then or later: \"2h\" for two hours ago, \"2026-11-21\", "
			"\"2026-11-21 08:00\" (local time), or ISO 8601 with any offset: "
			"\"2026-11-21T08:00:00+01:00\"" },
	{ .name = "until",
		.value = "TIME",
		.kind = OPTION_OWN,
		.take = take_time,
		.once = true,
		.actions = FILTERED,
		.help = "filter: received before" },
	{ .name = "message-id",
		.value = "ID",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct queue_options, filters[QUEUE_FILTER_MESSAGE_ID]),
		.min = 1,
		.once = true,
		.actions = FILTERED,
		.help = "filter: of this message" },
	{ .name = "recipient",
		.value = "R",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct queue_options, filters[QUEUE_FILTER_RECIPIENT]),
		.min = 1,
		.once = true,
		.actions = FILTERED,
		.help = "filter: to this address, in any case, also as '<R>'" },
	OPTION_ROW_CONFIG(struct queue_options, config_path),
	{ .name = "limit",
		.value = "N",
		.kind = OPTION_LIMIT,
		OPTION_INTO(struct queue_options, limit),
		.max = INT32_MAX,
		.actions = 1 << QUEUE_LIST,
		.fallback = "50",
		.help = "list at most so many; 0 or all: every one" },
	{ .name = "all",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct queue_options, all),
		.actions = CHANGES,
		.help = "retry or discard without a filter; with UUID: see retry" },
	{ .name = "as-new",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct queue_options, as_new),
		.actions = 1 << QUEUE_RETRY,
		.help = "retry under a new uuid: receivers that remember uuids or signatures "
			"answer 2xx to what they know, and do nothing" },
	{ .name = "rate",
		.value = "RATE",
		.kind = OPTION_OWN,
		.take = take_rate,
		.actions = CHANGES,
		.help = "retry or discard at most so many: \"100/s\", \"600/m\"" },
	{ .name = "dry-run",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct queue_options, dry_run),
		.actions = CHANGES,
		.help = "only say how many would be retried or discarded" },
	{ .name = "yes",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct queue_options, yes),
		.actions = CHANGES,
		.help = "do not ask before changing more than one" },
	{ .name = "json",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct queue_options, json),
		.help = "print JSON on one line: list one object with all pages, else the API's "
			"answer (retry and discard: the finished job)" },
	OPTION_ROW_HELP,
};

const struct command command_queue = {
	.name = "queue",
	.summary = "see, retry and discard deliveries",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "Shows what was accepted and what became of it, and changes it.",
	.notes = "Filters are given at most once each; all that are given must hold.\n\n"
		 "Asks the running gateway through its admin API; when no gateway runs, opens "
		 "the store itself. Times are local with their offset on a terminal, else in "
		 "UTC.\n\n"
		 "retry and discard of more than one say on a terminal how many, and ask. Without "
		 "a terminal discard needs --yes. Without UUID they are a job of the gateway: "
		 "Ctrl-C leaves it running there, and prints the command that cancels it.",
	.exit_ok = "done, also when nothing matched",
	.exit_failed = "it failed, or there is no such event",
	.exit_config = "bad configuration",
};

const char *queue_action_name(enum queue_action action)
{
	return command_queue.actions[action].name;
}

const char *queue_filter_name(enum queue_filter filter)
{
	return filter_names[filter];
}
