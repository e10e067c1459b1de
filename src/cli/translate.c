/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command/command.h"
#include "cli/command/command_line.h"
#include "cli/command/load_config.h"
#include "cli/command/read_file.h"
#include "cli/commands.h"
#include "json_values.h"
#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/config.h"
#include "repostal/event_envelope.h"
#include "repostal/memory.h"
#include "repostal/translate.h"

enum {
	INPUT_SIZE_MAX = 64 * 1024 * 1024,
};

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
	/* The reader of the output may have seen enough. */
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

struct translate_options {
	const char *config_path; /* NULL: that of the system, if there is one */
};

static int translate_all(const char *config_path, char **paths, size_t paths_count)
{
	struct translation translation = {
		.rules = { .translate = &settings_default },
		.source_name = SLICE_LITERAL("bizmail"),
		.exit_code = EXIT_OK,
	};
	struct routed_source source = { .number = 0 };
	struct config *config = NULL;

	if (config_path != NULL &&
		cli_load_config(config_path, CONFIG_SECRETS_NONE, &config) != EXIT_OK)
		return EXIT_CONFIG;
	if (config != NULL) {
		source.settings = &config->sources[0];
		translation.rules = (struct event_rules){ &config->translate, &source, 1 };
		translation.source_name = slice_text(config->sources[0].name);
	}
	buf_init(&translation.envelope, ENVELOPE_SIZE_MAX);
	for (size_t i = 0; i < paths_count; i++)
		translate_file(&translation, paths[i]);
	if (paths_count == 0)
		translate_file(&translation, "-");
	buf_free(&translation.envelope);
	config_free(&config);
	return translation.exit_code;
}

static const struct command_action actions[] = {
	{ .operand = "EVENT-FILE", .need = OPERAND_ANY, .usage = "[-c FILE] [EVENT-FILE...]" },
};

static const struct command_option rows[] = {
	{ .name = "config",
		.letter = 'c',
		.value = "FILE",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct translate_options, config_path),
		.help = "take the first source and the translate section of this configuration; "
			"without it those of " CONFIG_PATH_DEFAULT ", or else a source called "
			"\"bizmail\" and the defaults" },
	OPTION_ROW_HELP,
};

const struct command command_translate = {
	.name = "translate",
	.summary = "BizMail events in, Postal envelopes out",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "Reads BizMail events, one JSON value after another, from the files or from "
		 "standard input (also '-'), and prints the Postal envelope of each on a line of "
		 "its own. Uses no network and no store. The time of arrival is now.\n\n"
		 "What cannot be translated is reported on standard error as FILE:LINE: reason; "
		 "the rest is translated all the same, and the exit code is 1.",
	.notes = "A file may have up to 64 MiB.",
	.exit_ok = "all was translated",
	.exit_failed = "not all",
	.exit_config = "bad configuration",
};

int run_translate(int argc, char **argv)
{
	struct translate_options options = { .config_path = NULL };
	struct command_line line;

	if (!command_line_read(&command_translate, argc, argv, &options, &line))
		return line.exit_code;
	if (options.config_path == NULL && access(CONFIG_PATH_DEFAULT, F_OK) == 0)
		options.config_path = CONFIG_PATH_DEFAULT;
	return translate_all(options.config_path, line.operands, line.operands_count);
}
