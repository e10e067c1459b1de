/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/client/api_client.h"
#include "cli/client/session.h"
#include "cli/command/command_line.h"
#include "cli/command/message.h"
#include "cli/commands.h"
#include "cli/show/json_show.h"
#include "cli/show/target_table.h"
#include "cli/show/terminal.h"
#include "repostal/buf.h"
#include "repostal/memory.h"
#include "repostal/url.h"

enum {
	TEST_SIZE_MAX = 64 * 1024
};

enum target_action {
	ACTION_LIST,
	ACTION_PAUSE,
	ACTION_RESUME,
	ACTION_TEST,
	ACTION_FORGET,
};

struct target_options {
	struct session session;
	const char *reason; /* NULL: not given */
};

static int print_targets(struct session *session)
{
	json_t *json = NULL;
	int exit_code = session_call(session, "GET", "/targets", NULL, NULL, &json);

	if (exit_code != EXIT_OK)
		return exit_code;
	if (session->json)
		session_print_json(json);
	else
		target_table_print(json_object_get(json, "targets"));
	json_decref(json);
	return EXIT_OK;
}

/* Without a gateway the state of what is not paused is not known. */
static void print_controlled(const char *name, enum target_action action, const json_t *target)
{
	const char *state = json_string_value(json_object_get(target, "state"));

	if (state == NULL)
		state = action == ACTION_RESUME ? "resumed" : "-";
	printf("%s: %s\n", name, state);
}

static void print_acted(const struct session *session, const char *name, enum target_action action,
	const json_t *json)
{
	if (session->json)
		session_print_json(json);
	else if (action == ACTION_FORGET)
		printf("%s: forgotten\n", name);
	else
		print_controlled(name, action, json);
}

/* pause and resume answer with the target as it is then. */
static int control(struct target_options *options, enum target_action action, const char *name)
{
	struct session *session = &options->session;
	const char *reason = options->reason;
	json_t *body = json_object();
	json_t *json = NULL;
	int exit_code = EXIT_USAGE;
	struct buf path;

	buf_init(&path, API_TARGET_SIZE_MAX);
	buf_append_text(&path, "/targets/");
	url_append_encoded(&path, slice_text(name));
	buf_printf(&path, "/%s", command_target.actions[action].name);
	if (path.overflowed ||
		(reason != NULL && json_object_set_new(body, "reason", json_string(reason)) != 0))
		cli_usage_error("target", "%s is too long, or not UTF-8",
			path.overflowed ? "NAME" : "--reason");
	else
		exit_code = session_call(session, "POST", path.data, NULL, body, &json);
	if (exit_code == EXIT_OK)
		print_acted(session, name, action, json);
	json_decref(json);
	json_decref(body);
	buf_free(&path);
	return exit_code;
}

static int require_gateway(struct session *session)
{
	const struct admin_settings *admin = &session->config->admin;
	int http_status = 0;
	json_t *json = NULL;
	struct error err;

	if (api_call(session->client, "GET", "/stats", NULL, NULL, &http_status, &json, &err) ==
		STATUS_OK)
		json_decref(json);
	if (api_client_is_live(session->client))
		return EXIT_OK;
	return cli_failure("target",
		"no gateway runs at %s, port %d: it would have to send the test", admin->address,
		admin->port);
}

static void print_test(const json_t *test)
{
	bool is_good = json_is_null(json_object_get(test, "cause"));
	struct buf out;

	buf_init(&out, TEST_SIZE_MAX);
	show_append_printable(&out, show_string(test, "target"), SHOW_ONE_LINE);
	buf_append_text(&out, is_good ? ": taken, " : ": not taken, ");
	show_append_result(&out, test);
	buf_printf(&out, " after %" PRId64 " ms\n", show_integer(test, "duration_ms"));
	if (!is_good) {
		buf_append_text(&out, "  cause   ");
		show_append_printable(&out, show_string(test, "cause"), SHOW_ONE_LINE);
		buf_append_char(&out, '\n');
	}
	buf_append_text(&out, "  event   ");
	buf_append_slice(&out, show_string(test, "event"));
	buf_append_text(
		&out, json_is_true(json_object_get(test, "signed")) ? ", signed" : ", not signed");
	buf_append_text(&out, "\n  uuid    ");
	buf_append_slice(&out, show_string(test, "uuid"));
	buf_append_text(&out, "\n  answer  ");
	show_append_printable(&out, show_string(test, "answer"), SHOW_ONE_LINE);
	printf("%s\n", out.data);
	buf_free(&out);
}

/* A test that was not taken is a failure, whatever went wrong. */
static int test_target(struct session *session, const char *name)
{
	json_t *json = NULL;
	struct buf path;
	int exit_code = require_gateway(session);

	if (exit_code != EXIT_OK)
		return exit_code;
	buf_init(&path, API_TARGET_SIZE_MAX);
	buf_append_text(&path, "/targets/");
	url_append_encoded(&path, slice_text(name));
	buf_append_text(&path, "/test");
	if (path.overflowed)
		exit_code = cli_usage_error("target", "NAME is too long");
	else
		exit_code = session_call(session, "POST", path.data, NULL, NULL, &json);
	if (exit_code == EXIT_OK && session->json)
		session_print_json(json);
	else if (exit_code == EXIT_OK)
		print_test(json);
	if (exit_code == EXIT_OK && !json_is_null(json_object_get(json, "cause")))
		exit_code = EXIT_FAILED;
	json_decref(json);
	buf_free(&path);
	return exit_code;
}

static int act(struct target_options *options, enum target_action action, const char *name)
{
	switch (action) {
	case ACTION_LIST:
		return print_targets(&options->session);
	case ACTION_TEST:
		return test_target(&options->session, name);
	case ACTION_PAUSE:
	case ACTION_RESUME:
	case ACTION_FORGET:
		return control(options, action, name);
	}
	return EXIT_FAILED; /* not reached: -Wswitch guards the cases */
}

static const struct command_action actions[] = {
	[ACTION_LIST] = { .name = "list",
		.usage = "[-c FILE] [--json]",
		.help = "the targets: state, what waits for them, and why they are paused" },
	[ACTION_PAUSE] = { .name = "pause",
		.operand = "NAME",
		.need = OPERAND_REQUIRED,
		.usage = "NAME [-c FILE] [--json] [--reason TEXT]",
		.help = "nothing more is attempted; the queue grows, nothing is lost" },
	[ACTION_RESUME] = { .name = "resume",
		.operand = "NAME",
		.need = OPERAND_REQUIRED,
		.usage = "NAME [-c FILE] [--json]",
		.help = "continues with what waits" },
	[ACTION_TEST] = { .name = "test",
		.operand = "NAME",
		.need = OPERAND_REQUIRED,
		.usage = "NAME [-c FILE] [--json]",
		.help = "sends one signed sample envelope now, also when it is paused, and prints "
			"the answer. Nothing is stored or counted; recipient and subject say that "
			"it is a test. Needs a running gateway" },
	[ACTION_FORGET] = { .name = "forget",
		.operand = "NAME",
		.need = OPERAND_REQUIRED,
		.usage = "NAME [-c FILE] [--json]",
		.help = "removes what is dead, discarded or delivered of a target that is not "
			"configured any more, and its name. Not while anything waits for it" },
};

static const struct command_option rows[] = {
	OPTION_ROW_CONFIG(struct target_options, session.config_path),
	{ .name = "reason",
		.value = "TEXT",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct target_options, reason),
		.actions = 1 << ACTION_PAUSE,
		.help = "for people, shown by list" },
	{ .name = "json",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct target_options, session.json),
		.help = "print the API's answer, one line of JSON" },
	OPTION_ROW_HELP,
};

const struct command command_target = {
	.name = "target",
	.summary = "see, pause, resume and test targets",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "Shows the targets of the configuration, and those that were in it and still "
		 "have something in the store; pauses, resumes, tests and forgets them.",
	.notes = "A pause is kept over restarts. States: active, paused, open (failing, tried now "
		 "and then), probing, orphaned (no longer configured), disabled.\n\n"
		 "Asks the running gateway through its admin API; when no gateway runs, opens "
		 "the store itself.",
	.exit_ok = "done",
	.exit_failed = "it failed or there is no such target",
	.exit_config = "bad configuration",
};

int run_target(int argc, char **argv)
{
	struct target_options options = {
		.session = { .command = "target", .config_path = CONFIG_PATH_DEFAULT },
	};
	struct command_line line;
	int exit_code;

	if (!command_line_read(&command_target, argc, argv, &options, &line))
		return line.exit_code;
	exit_code = session_open(&options.session);
	if (exit_code == EXIT_OK)
		exit_code =
			act(&options, (enum target_action)line.action, command_line_operand(&line));
	session_close(&options.session);
	return exit_code;
}
