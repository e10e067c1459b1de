/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "json_values.h"
#include "repostal/clock.h"
#include "repostal/config.h"
#include "repostal/event_envelope.h"
#include "repostal/memory.h"
#include "support.h"

enum {
	INPUT_SIZE_MAX = 64 * 1024 * 1024,
	REPORT_SIZE_MAX = 4 * 1024 * 1024,
};

static const char help[] =
	"Usage: repostal translate [-c FILE] [EVENT-FILE...]\n"
	"\n"
	"Reads BizMail events, one JSON value after another, from the files or from\n"
	"standard input (also '-'), and prints the Postal envelope of each on a line of\n"
	"its own. Uses no network and no store. The time of arrival is now.\n"
	"\n"
	"What cannot be translated is reported on standard error as FILE:LINE: reason;\n"
	"the rest is translated all the same, and the exit code is 1.\n"
	"\n"
	"  -c, --config FILE   take the first source and the translate section of this\n"
	"                      configuration; without it those of\n"
	"                      " CONFIG_PATH_DEFAULT ", or else a source called\n"
	"                      \"bizmail\" and the defaults\n"
	"  -h, --help          this text\n"
	"\n"
	"A file may have up to 64 MiB.\n"
	"\n"
	"Exit: 0 all was translated, 1 not all, 2 wrong usage, 78 bad configuration.\n";

struct translation {
	struct event_rules rules;
	struct slice source_name;
	struct buf envelope;
	int exit_code;
};

/* The defaults of the table of settings. */
static const struct translate_settings settings_default = {
	.soft_bounce = POSTAL_MESSAGE_DELAYED,
	.hard_bounce = POSTAL_MESSAGE_DELIVERY_FAILED,
	.dropped = POSTAL_MESSAGE_DELIVERY_FAILED,
	.sent_with_ssl = POSTAL_FALSE,
	.time_null = false,
};

static const char *problem_text(enum bizmail_problem problem)
{
	switch (problem) {
	case BIZMAIL_PROBLEM_NONE:
		return "no problem";
	case BIZMAIL_PROBLEM_UNPARSEABLE:
		return "not valid JSON";
	case BIZMAIL_PROBLEM_UNKNOWN_KIND:
		return "unknown kind: neither delivered nor bounce nor drop";
	case BIZMAIL_PROBLEM_NO_ID:
		return "no id: it is missing, empty or too long";
	case BIZMAIL_PROBLEM_NO_RECIPIENT:
		return "no recipient: it is missing, not an address, or too long";
	}
	return NULL; /* not reached: -Wswitch guards the cases */
}

static void report(
	struct translation *translation, const char *path, int64_t line, const char *text)
{
	fprintf(stderr, "%s:%" PRId64 ": %s\n", path, line, text);
	translation->exit_code = EXIT_FAILED;
}

static void print_envelope(struct translation *translation, const struct parsed_event *parsed)
{
	static const struct known_message known;

	buf_reset(&translation->envelope);
	REPOSTAL_ASSERT(
		event_envelope(&translation->rules, parsed, &known, &translation->envelope));
	fwrite(translation->envelope.data, 1, translation->envelope.size, stdout);
	putchar('\n');
}

static void translate_value(
	struct translation *translation, const char *path, int64_t line, struct slice value)
{
	const struct event_record record = {
		.source_name = translation->source_name,
		.received_us = clock_unix_us(),
		.content_type = SLICE_LITERAL("application/json"),
		.raw = value,
	};
	struct parsed_event parsed;

	if (event_parse(&record, &parsed) == BIZMAIL_PROBLEM_NONE)
		print_envelope(translation, &parsed);
	else
		report(translation, path, line, problem_text(parsed.problem));
	parsed_event_release(&parsed);
}

static void translate_text(struct translation *translation, const char *path, struct slice text)
{
	struct json_values values;
	struct slice value;
	int64_t line;

	json_values_init(&values, text);
	/* Whoever reads the output may have seen enough. */
	while (ferror(stdout) == 0) {
		switch (json_values_next(&values, &value, &line)) {
		case JSON_VALUE_END:
			return;
		case JSON_VALUE_OBJECT:
			translate_value(translation, path, line, value);
			break;
		case JSON_VALUE_OTHER:
			report(translation, path, line, "not a JSON object");
			break;
		case JSON_VALUE_BROKEN:
			report(translation, path, line, "a JSON value without its end");
			break;
		}
	}
}

static void translate_file(struct translation *translation, const char *path)
{
	const char *name = strcmp(path, "-") == 0 ? "<stdin>" : path;
	struct error err;
	struct buf text;

	buf_init(&text, INPUT_SIZE_MAX);
	if (cli_read_file(path, &text, &err) == STATUS_OK) {
		translate_text(translation, name, buf_slice(&text));
	} else {
		fprintf(stderr, "%s: %s\n", name, err.text);
		translation->exit_code = EXIT_FAILED;
	}
	buf_free(&text);
}

static int load_config(const char *path, struct config **config_out)
{
	struct buf problems;
	enum status status;

	buf_init(&problems, REPORT_SIZE_MAX);
	status = config_load(path, CONFIG_SECRETS_NONE, config_out, &problems);
	if (status != STATUS_OK)
		fwrite(problems.data, 1, problems.size, stderr);
	buf_free(&problems);
	return status == STATUS_OK ? EXIT_OK : EXIT_CONFIG;
}

static int translate_all(const char *config_path, char **paths, int paths_count)
{
	struct translation translation = {
		.rules = { .translate = &settings_default },
		.source_name = SLICE_LITERAL("bizmail"),
		.exit_code = EXIT_OK,
	};
	struct routed_source source = { .number = 0 };
	struct config *config = NULL;

	if (config_path != NULL && load_config(config_path, &config) != EXIT_OK)
		return EXIT_CONFIG;
	if (config != NULL) {
		source.settings = &config->sources[0];
		translation.rules = (struct event_rules){ &config->translate, &source, 1 };
		translation.source_name = slice_text(config->sources[0].name);
	}
	buf_init(&translation.envelope, ENVELOPE_SIZE_MAX);
	for (int i = 0; i < paths_count; i++)
		translate_file(&translation, paths[i]);
	if (paths_count == 0)
		translate_file(&translation, "-");
	buf_free(&translation.envelope);
	config_free(&config);
	return translation.exit_code;
}

int command_translate(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config_path = NULL;
	int found;

	opterr = 0;
	while ((found = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		if (found == 'h')
			return cli_help(help);
		if (found != 'c')
			return cli_option_error("translate", found, argv, options);
		config_path = optarg;
	}
	if (config_path == NULL && access(CONFIG_PATH_DEFAULT, F_OK) == 0)
		config_path = CONFIG_PATH_DEFAULT;
	return translate_all(config_path, argv + optind, argc - optind);
}
