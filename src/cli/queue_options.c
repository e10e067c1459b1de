/* SPDX-License-Identifier: MIT */
#include "queue_options.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

#include "command.h"
#include "repostal/config.h"
#include "repostal/memory.h"
#include "repostal/text.h"
#include "repostal/uuid.h"
#include "support.h"

enum {
	LIMIT_DEFAULT = 50
};

const char queue_help[] =
	"Usage: repostal queue list           [FILTER...] [--limit N]\n"
	"       repostal queue show UUID\n"
	"       repostal queue retry UUID     [--target NAME]\n"
	"       repostal queue retry          FILTER...|--all [--rate RATE]\n"
	"       repostal queue discard UUID   [--target NAME]\n"
	"       repostal queue discard        FILTER...|--all [--rate RATE] [--yes]\n"
	"       repostal queue stats          [--target NAME]\n"
	"\n"
	"  list     deliveries, newest first, delivered ones too\n"
	"  show     an event: its envelope, its deliveries, what each receiver answered\n"
	"  retry    makes deliveries due at once, with their full number of attempts: what is\n"
	"           dead or waiting; delivered and discarded ones when UUID or --state names\n"
	"           them\n"
	"  discard  gives up what is dead or waiting\n"
	"  stats    the gateway and its targets in numbers\n"
	"\n"
	"Filters; all that are given must hold:\n"
	"      --target NAME    deliveries to this target\n"
	"      --state STATE    ready (never attempted), waiting (for the next attempt),\n"
	"                       inflight, held (behind an earlier event of its message),\n"
	"                       delivered, dead, discarded; several with commas between\n"
	"      --event EVENT    such as MessageSent\n"
	"      --since TIME     received then or later: \"2026-11-21T01:02:03Z\", or \"2h\"\n"
	"                       for two hours ago\n"
	"      --until TIME     received before\n"
	"      --message-id ID  of this message\n"
	"      --recipient R    to this address\n"
	"\n"
	"  -c, --config FILE    the configuration (default: " CONFIG_PATH_DEFAULT ")\n"
	"      --limit N        list at most so many; 0: all (50)\n"
	"      --all            retry or discard without a filter\n"
	"      --rate RATE      retry or discard at most so many: \"100/s\", \"600/m\"\n"
	"      --yes            do not ask before discarding many\n"
	"      --json           print JSON on one line: list one object with all pages, else\n"
	"                       the API's answer (retry and discard: the finished job)\n"
	"  -h, --help           this text\n"
	"\n"
	"Asks the running gateway at its admin address; when nobody listens there, opens\n"
	"the store itself. Without UUID, retry and discard are a job of the gateway: Ctrl-C\n"
	"leaves it running there, and says its number.\n"
	"\n"
	"Exit: 0 done, also when nothing matched; 1 it failed, or there is no such event;\n"
	"2 wrong usage; 78 bad configuration.\n";

/* Options below QUEUE_FILTER_COUNT behind this one are filters, in the order of their enum. */
enum option_name {
	OPTION_FILTER = 256,
	OPTION_LIMIT = OPTION_FILTER + QUEUE_FILTER_COUNT,
	OPTION_RATE,
	OPTION_ALL,
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
	bool takes_target;
	bool takes_filters;
	bool is_change;
} actions[] = {
	[QUEUE_LIST] = { .name = "list", .takes_target = true, .takes_filters = true },
	[QUEUE_SHOW] = { .name = "show", .takes_uuid = true },
	[QUEUE_RETRY] = { .name = "retry",
		.takes_uuid = true,
		.takes_target = true,
		.takes_filters = true,
		.is_change = true },
	[QUEUE_DISCARD] = { .name = "discard",
		.takes_uuid = true,
		.takes_target = true,
		.takes_filters = true,
		.is_change = true },
	[QUEUE_STATS] = { .name = "stats", .takes_target = true },
};

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

/* The option as typed: its long name of the table. */
static int take_filter(struct queue_options *out, int found, int index)
{
	if (optarg[0] == '\0')
		return cli_usage_error("queue", "--%s is empty", options[index].name);
	out->filters[found - OPTION_FILTER] = optarg;
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
		return cli_parse_number("queue", "--limit", optarg, 0, INT32_MAX, &out->limit)
			       ? EXIT_OK
			       : EXIT_USAGE;
	case OPTION_RATE:
		return take_rate(out);
	case OPTION_ALL:
		out->all = true;
		return EXIT_OK;
	case OPTION_YES:
		out->yes = true;
		return EXIT_OK;
	case OPTION_JSON:
		out->json = true;
		return EXIT_OK;
	default:
		return cli_option_error("queue", found, argv);
	}
}

static int take_arguments(struct queue_options *out, int argc, char **argv)
{
	const char *name = optind < argc ? argv[optind] : NULL;
	size_t action = 0;
	struct uuid uuid;

	if (name == NULL)
		return cli_usage_error("queue", "list, show, retry, discard or stats is missing");
	while (action < ARRAY_COUNT(actions) && strcmp(name, actions[action].name) != 0)
		action++;
	if (action == ARRAY_COUNT(actions))
		return cli_usage_error(
			"queue", "'%s' is not one of list, show, retry, discard, stats", name);
	out->action = (enum queue_action)action;
	if (optind + 1 < argc)
		out->uuid = argv[optind + 1];
	if (optind + 2 < argc || (out->uuid != NULL && !actions[action].takes_uuid))
		return cli_usage_error("queue", "unexpected argument '%s'", argv[argc - 1]);
	if (out->uuid != NULL && !uuid_parse(slice_text(out->uuid), &uuid))
		return cli_usage_error("queue", "'%s' is not a UUID", out->uuid);
	return EXIT_OK;
}

/* Filters beside the target, which also narrows what is asked for by UUID. */
static bool has_other_filters(const struct queue_options *out)
{
	for (size_t i = QUEUE_FILTER_TARGET + 1; i < QUEUE_FILTER_COUNT; i++)
		if (out->filters[i] != NULL)
			return true;
	return false;
}

static int check_change(const struct queue_options *out)
{
	const char *name = actions[out->action].name;
	bool has_filters = has_other_filters(out);

	if (out->uuid != NULL && (has_filters || out->all || out->rate != NULL))
		return cli_usage_error("queue", "%s: a UUID goes with --target only", name);
	if (out->uuid == NULL && out->filters[QUEUE_FILTER_TARGET] == NULL && !has_filters &&
		!out->all)
		return cli_usage_error("queue", "%s: a UUID, a filter or --all is missing", name);
	if (out->yes && out->action != QUEUE_DISCARD)
		return refuse_for("--yes", out->action);
	return EXIT_OK;
}

static int check_combination(const struct queue_options *out, bool has_limit)
{
	enum queue_action action = out->action;

	if (has_limit && action != QUEUE_LIST)
		return refuse_for("--limit", action);
	if (actions[action].is_change)
		return check_change(out);
	if (actions[action].takes_uuid && out->uuid == NULL)
		return cli_usage_error("queue", "%s: UUID is missing", actions[action].name);
	if (out->filters[QUEUE_FILTER_TARGET] != NULL && !actions[action].takes_target)
		return refuse_for("--target", action);
	if (has_other_filters(out) && !actions[action].takes_filters)
		return refuse_for("a filter", action);
	if (out->all)
		return refuse_for("--all", action);
	if (out->rate != NULL)
		return refuse_for("--rate", action);
	if (out->yes)
		return refuse_for("--yes", action);
	return EXIT_OK;
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
	return exit_code == EXIT_OK ? check_combination(out, has_limit) : exit_code;
}
