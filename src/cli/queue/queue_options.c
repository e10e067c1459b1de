/* SPDX-License-Identifier: MIT */
#include "queue_options.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

#include "cli/command/command.h"
#include "cli/command/message.h"
#include "repostal/config.h"
#include "repostal/memory.h"
#include "repostal/text.h"
#include "repostal/uuid.h"

enum {
	LIMIT_DEFAULT = 50
};

const char queue_help[] =
	"Usage: repostal queue list           [FILTER...] [--limit N]\n"
	"       repostal queue show UUID\n"
	"       repostal queue retry UUID     [--target NAME] [--all] [--as-new]\n"
	"       repostal queue retry          FILTER...|--all [--rate RATE] [--as-new]\n"
	"       repostal queue discard UUID   [--target NAME]\n"
	"       repostal queue discard        FILTER...|--all [--rate RATE]\n"
	"       repostal queue stats          [--target NAME]\n"
	"       repostal queue jobs\n"
	"       repostal queue cancel ID\n"
	"\n"
	"  list     deliveries, newest first, delivered ones too\n"
	"  show     an event: its envelope, its deliveries, what each receiver answered\n"
	"  retry    makes deliveries due at once, with their full number of attempts: what is\n"
	"           dead or waiting, of an event named by UUID also what was discarded. What\n"
	"           was delivered is sent again only with UUID --all or UUID --as-new, or\n"
	"           --state delivered\n"
	"  discard  gives up what is dead or waiting\n"
	"  stats    the gateway and its targets in numbers\n"
	"  jobs     the retries and discards of many: their state and progress\n"
	"  cancel   ends such a job; what it has changed stays so\n"
	"\n"
	"Filters, each at most once; all that are given must hold:\n"
	"      --target NAME    deliveries to this target\n"
	"      --state STATE    ready (never attempted), waiting (for the next attempt),\n"
	"                       inflight, held (behind an earlier event of its message),\n"
	"                       delivered, dead, discarded; several with commas between\n"
	"      --event EVENT    such as MessageSent\n"
	"      --since TIME     received then or later: \"2h\" for two hours ago, \"2026-11-21\",\n"
	"                       \"2026-11-21 08:00\" (local time), or ISO 8601 with any\n"
	"                       offset: \"2026-11-21T08:00:00+01:00\"\n"
	"      --until TIME     received before\n"
	"      --message-id ID  of this message\n"
	"      --recipient R    to this address, in any case, also as '<R>'\n"
	"\n"
	"  -c, --config FILE    the configuration (default: " CONFIG_PATH_DEFAULT ")\n"
	"      --limit N        list at most so many; 0 or all: every one (50)\n"
	"      --all            retry or discard without a filter; with UUID: see retry\n"
	"      --as-new         retry under a new uuid: receivers that remember uuids or\n"
	"                       signatures answer 2xx to what they know, and do nothing\n"
	"      --rate RATE      retry or discard at most so many: \"100/s\", \"600/m\"\n"
	"      --dry-run        only say how many would be retried or discarded\n"
	"      --yes            do not ask before changing more than one\n"
	"      --json           print JSON on one line: list one object with all pages, else\n"
	"                       the API's answer (retry and discard: the finished job)\n"
	"  -h, --help           this text\n"
	"\n"
	"Asks the running gateway at its admin address; when nobody listens there, opens\n"
	"the store itself. Times are local with their offset on a terminal, else in UTC.\n"
	"\n"
	"retry and discard of more than one say on a terminal how many, and ask. Without a\n"
	"terminal discard needs --yes. Without UUID they are a job of the gateway: Ctrl-C\n"
	"leaves it running there, and prints the command that cancels it.\n"
	"\n"
	"Exit: 0 done, also when nothing matched; 1 it failed, or there is no such event;\n"
	"2 wrong usage; 78 bad configuration.\n";

/* Options below QUEUE_FILTER_COUNT behind this one are filters, in the order of their enum. */
enum option_name {
	OPTION_FILTER = 256,
	OPTION_LIMIT = OPTION_FILTER + QUEUE_FILTER_COUNT,
	OPTION_RATE,
	OPTION_ALL,
	OPTION_AS_NEW,
	OPTION_DRY_RUN,
	OPTION_YES,
	OPTION_JSON,
};

static const struct option options[] = {
	{ "target", required_argument, NULL, OPTION_FILTER + QUEUE_FILTER_TARGET },
	{ "state", required_argument, NULL, OPTION_FILTER + QUEUE_FILTER_STATE },
	{ "event", required_argument, NULL, OPTION_FILTER + QUEUE_FILTER_EVENT },
	{ "since", required_argument, NULL, OPTION_FILTER + QUEUE_FILTER_SINCE },
	{ "until", required_argument, NULL, OPTION_FILTER + QUEUE_FILTER_UNTIL },
	{ "message-id", required_argument, NULL, OPTION_FILTER + QUEUE_FILTER_MESSAGE_ID },
	{ "recipient", required_argument, NULL, OPTION_FILTER + QUEUE_FILTER_RECIPIENT },
	{ "limit", required_argument, NULL, OPTION_LIMIT },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "as-new", no_argument, NULL, OPTION_AS_NEW },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "yes", no_argument, NULL, OPTION_YES },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char *const filter_names[QUEUE_FILTER_COUNT] = {
	[QUEUE_FILTER_TARGET] = "target",
	[QUEUE_FILTER_STATE] = "state",
	[QUEUE_FILTER_EVENT] = "event",
	[QUEUE_FILTER_SINCE] = "since",
	[QUEUE_FILTER_UNTIL] = "until",
	[QUEUE_FILTER_MESSAGE_ID] = "message_id",
	[QUEUE_FILTER_RECIPIENT] = "recipient",
};

/* What each may be called with. A change takes either a UUID or filters. */
static const struct {
	const char *name;
	bool takes_uuid;
	bool takes_job;
	bool takes_target;
	bool takes_filters;
	bool is_change;
	const char *states; /* that are changed */
	const char *default_states;
} actions[] = {
	[QUEUE_LIST] = { .name = "list", .takes_target = true, .takes_filters = true },
	[QUEUE_SHOW] = { .name = "show", .takes_uuid = true },
	[QUEUE_RETRY] = { .name = "retry",
		.takes_uuid = true,
		.takes_target = true,
		.takes_filters = true,
		.is_change = true,
		.states = "ready, waiting, dead, delivered, discarded",
		.default_states = "ready,waiting,dead" },
	[QUEUE_DISCARD] = { .name = "discard",
		.takes_uuid = true,
		.takes_target = true,
		.takes_filters = true,
		.is_change = true,
		.states = "ready, waiting, held, dead",
		.default_states = "ready,waiting,held,dead" },
	[QUEUE_STATS] = { .name = "stats", .takes_target = true },
	[QUEUE_JOBS] = { .name = "jobs" },
	[QUEUE_CANCEL] = { .name = "cancel", .takes_job = true },
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
	return actions[action].default_states;
}

bool queue_may_change(const struct queue_options *asked, const char *state)
{
	bool is_sent_again = asked->uuid != NULL && (asked->all || asked->as_new);

	return is_listed(actions[asked->action].states, slice_text(state)) &&
	       (is_sent_again || strcmp(state, "delivered") != 0);
}

const char *queue_action_name(enum queue_action action)
{
	return actions[action].name;
}

const char *queue_filter_name(enum queue_filter filter)
{
	return filter_names[filter];
}

static int refuse_for(const char *option, enum queue_action action)
{
	return cli_usage_error("queue", "%s is not for %s", option, actions[action].name);
}

/* Of "yesterday" the API could only say that it is not UTC; and it does not know what is local here. */
static int take_time(struct queue_options *out, enum queue_filter filter)
{
	char *utc = out->times[filter == QUEUE_FILTER_UNTIL];
	int64_t us;

	if (!clock_parse_when(slice_text(optarg), clock_unix_us(), CLOCK_LOCAL, &us))
		return cli_usage_error("queue",
			"--%s '%s': neither a duration such as \"2h\" nor a time such as "
			"\"2026-11-21 08:00\" or \"2026-11-21T08:00:00+01:00\"",
			filter_names[filter], optarg);
	clock_format_utc(us / 1000, utc);
	out->filters[filter] = utc;
	return EXIT_OK;
}

/* The option as typed: its long name of the table. */
static int take_filter(struct queue_options *out, int found, int index)
{
	enum queue_filter filter = (enum queue_filter)(found - OPTION_FILTER);

	if (optarg[0] == '\0')
		return cli_usage_error("queue", "--%s is empty", options[index].name);
	/* The last one alone would count, and the other would look as if it did. */
	if (out->filters[filter] != NULL)
		return cli_usage_error("queue", "--%s is given twice", options[index].name);
	if (filter == QUEUE_FILTER_SINCE || filter == QUEUE_FILTER_UNTIL)
		return take_time(out, filter);
	out->filters[filter] = optarg;
	return EXIT_OK;
}

static int take_rate(struct queue_options *out)
{
	double per_second;

	if (!text_parse_rate(slice_text(optarg), &per_second))
		return cli_usage_error(
			"queue", "--rate '%s': not a rate such as \"100/s\" or \"600/m\"", optarg);
	out->rate = optarg;
	return EXIT_OK;
}

static int take_option(struct queue_options *out, int found, int index, char **argv)
{
	if (found >= OPTION_FILTER && found < OPTION_LIMIT)
		return take_filter(out, found, index);
	switch (found) {
	case 'c':
		out->config_path = optarg;
		return EXIT_OK;
	case 'h':
		out->help = true;
		return EXIT_OK;
	case OPTION_LIMIT:
		return cli_parse_limit("queue", optarg, &out->limit) ? EXIT_OK : EXIT_USAGE;
	case OPTION_RATE:
		return take_rate(out);
	case OPTION_ALL:
		out->all = true;
		return EXIT_OK;
	case OPTION_AS_NEW:
		out->as_new = true;
		return EXIT_OK;
	case OPTION_DRY_RUN:
		out->dry_run = true;
		return EXIT_OK;
	case OPTION_YES:
		out->yes = true;
		return EXIT_OK;
	case OPTION_JSON:
		out->json = true;
		return EXIT_OK;
	default:
		return cli_option_error("queue", found, argv, options);
	}
}

static int take_action(struct queue_options *out, const char *name)
{
	const char *names[ARRAY_COUNT(actions)];

	for (size_t i = 0; i < ARRAY_COUNT(actions); i++) {
		names[i] = actions[i].name;
		if (strcmp(name, names[i]) != 0)
			continue;
		out->action = (enum queue_action)i;
		return EXIT_OK;
	}
	return cli_word_error("queue", name, names, ARRAY_COUNT(names));
}

static int take_operand(struct queue_options *out, const char *text)
{
	struct uuid uuid;
	int64_t job;

	if (actions[out->action].takes_uuid) {
		out->uuid = text;
		return uuid_parse(slice_text(text), &uuid)
			       ? EXIT_OK
			       : cli_usage_error("queue", "not a uuid: '%s'", text);
	}
	out->job = text;
	return text_parse_uint(slice_text(text), &job)
		       ? EXIT_OK
		       : cli_usage_error("queue",
				 "not a job: '%s' (a number that 'repostal queue jobs' shows)",
				 text);
}

static int take_arguments(struct queue_options *out, int argc, char **argv)
{
	bool takes_operand;
	int exit_code;

	if (optind == argc)
		return cli_usage_error(
			"queue", "list, show, retry, discard, stats, jobs or cancel is missing");
	exit_code = take_action(out, argv[optind]);
	if (exit_code != EXIT_OK)
		return exit_code;
	takes_operand = actions[out->action].takes_uuid || actions[out->action].takes_job;
	if (optind + (takes_operand ? 2 : 1) < argc)
		return cli_usage_error("queue", "unexpected argument '%s'", argv[argc - 1]);
	return optind + 1 < argc ? take_operand(out, argv[optind + 1]) : EXIT_OK;
}

/* The option of a filter beside the target, which also narrows what is asked for by UUID; or NULL. */
static const char *other_filter(const struct queue_options *out)
{
	static const char *const names[QUEUE_FILTER_COUNT] = {
		[QUEUE_FILTER_STATE] = "--state",
		[QUEUE_FILTER_EVENT] = "--event",
		[QUEUE_FILTER_SINCE] = "--since",
		[QUEUE_FILTER_UNTIL] = "--until",
		[QUEUE_FILTER_MESSAGE_ID] = "--message-id",
		[QUEUE_FILTER_RECIPIENT] = "--recipient",
	};

	for (size_t i = QUEUE_FILTER_TARGET + 1; i < QUEUE_FILTER_COUNT; i++)
		if (out->filters[i] != NULL)
			return names[i];
	return NULL;
}

/* A state that no such change touches would be counted, but never changed. */
static int check_states(const struct queue_options *out)
{
	struct slice rest = slice_text(out->filters[QUEUE_FILTER_STATE]);

	while (rest.size > 0) {
		struct slice state = slice_trim(slice_cut(&rest, ','));

		if (!is_listed(actions[out->action].states, state))
			return cli_usage_error("queue", "%s: --state '%.*s' is not one of %s",
				actions[out->action].name, (int)state.size, state.data,
				actions[out->action].states);
	}
	return EXIT_OK;
}

static int check_change(const struct queue_options *out)
{
	const char *name = actions[out->action].name;
	bool has_filters = other_filter(out) != NULL;

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

static int check_combination(const struct queue_options *out, bool has_limit)
{
	enum queue_action action = out->action;

	if (has_limit && action != QUEUE_LIST)
		return refuse_for("--limit", action);
	if (out->as_new && action != QUEUE_RETRY)
		return refuse_for("--as-new", action);
	if (actions[action].is_change)
		return check_change(out);
	if (actions[action].takes_uuid && out->uuid == NULL)
		return cli_usage_error("queue", "%s: UUID is missing", actions[action].name);
	if (actions[action].takes_job && out->job == NULL)
		return cli_usage_error("queue", "%s: ID is missing", actions[action].name);
	if (out->filters[QUEUE_FILTER_TARGET] != NULL && !actions[action].takes_target)
		return refuse_for("--target", action);
	if (other_filter(out) != NULL && !actions[action].takes_filters)
		return refuse_for(other_filter(out), action);
	if (out->all)
		return refuse_for("--all", action);
	if (out->rate != NULL)
		return refuse_for("--rate", action);
	if (out->yes)
		return refuse_for("--yes", action);
	return out->dry_run ? refuse_for("--dry-run", action) : EXIT_OK;
}

int queue_options_parse(int argc, char **argv, struct queue_options *out)
{
	int exit_code = EXIT_OK;
	bool has_limit;
	int index = 0;
	int found;

	*out = (struct queue_options){ .config_path = CONFIG_PATH_DEFAULT, .limit = -1 };
	opterr = 0;
	while (exit_code == EXIT_OK && !out->help &&
		(found = getopt_long(argc, argv, ":c:h", options, &index)) != -1)
		exit_code = take_option(out, found, index, argv);
	if (exit_code != EXIT_OK || out->help)
		return exit_code;
	has_limit = out->limit >= 0;
	if (!has_limit)
		out->limit = LIMIT_DEFAULT;
	exit_code = take_arguments(out, argc, argv);
	if (exit_code == EXIT_OK)
		exit_code = check_times(out);
	return exit_code == EXIT_OK ? check_combination(out, has_limit) : exit_code;
}
