/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/client/api_client.h"
#include "cli/client/api_url.h"
#include "cli/client/session.h"
#include "cli/command/command.h"
#include "cli/command/message.h"
#include "cli/show/json_show.h"
#include "cli/show/target_table.h"
#include "cli/show/terminal.h"
#include "repostal/buf.h"
#include "repostal/memory.h"

static const char help[] =
	"Usage: repostal target list         [-c FILE] [--json]\n"
	"       repostal target pause NAME   [-c FILE] [--json] [--reason TEXT]\n"
	"       repostal target resume NAME  [-c FILE] [--json]\n"
	"       repostal target test NAME    [-c FILE] [--json]\n"
	"       repostal target forget NAME  [-c FILE] [--json]\n"
	"\n"
	"  list    the targets: state, what waits for them, and why they are paused\n"
	"  pause   nothing more is attempted; the queue grows, nothing is lost\n"
	"  resume  goes on with what waits\n"
	"  test    sends one signed sample envelope now, also when it is paused, and prints\n"
	"          the answer. Nothing is stored or counted; recipient and subject say that\n"
	"          it is a test. Needs a running gateway\n"
	"  forget  removes what is dead, discarded or delivered of a target that is not\n"
	"          configured any more, and its name. Not while anything waits for it\n"
	"\n"
	"A pause is kept over restarts. States: active, paused, open (failing, tried now\n"
	"and then), probing, orphaned (no longer configured), disabled.\n"
	"\n"
	"  -c, --config FILE  the configuration (default: " CONFIG_PATH_DEFAULT ")\n"
	"      --reason TEXT  for people, shown by list\n"
	"      --json         print the API's answer, one line of JSON\n"
	"  -h, --help         this text\n"
	"\n"
	"Asks the running gateway at its admin address; when nobody listens there, opens\n"
	"the store itself.\n"
	"\n"
	"Exit: 0 done, 1 it failed or there is no such target, 2 wrong usage, 78 bad\n"
	"configuration.\n";

enum {
	TEST_SIZE_MAX = 64 * 1024
};

enum option_name {
	OPTION_REASON = 256,
	OPTION_JSON,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "reason", required_argument, NULL, OPTION_REASON },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
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

/* Without a gateway nobody knows the state of what is not paused. */
static void print_steered(const char *name, const char *action, const json_t *target)
{
	const char *state = json_string_value(json_object_get(target, "state"));

	if (state == NULL)
		state = strcmp(action, "resume") == 0 ? "resumed" : "-";
	printf("%s: %s\n", name, state);
}

static void print_acted(
	const struct session *session, const char *name, const char *action, const json_t *json)
{
	if (session->json)
		session_print_json(json);
	else if (strcmp(action, "forget") == 0)
		printf("%s: forgotten\n", name);
	else
		print_steered(name, action, json);
}

/* pause and resume answer with the target as it is then. */
static int steer(struct session *session, const char *action, const char *name, const char *reason)
{
	json_t *body = json_object();
	json_t *json = NULL;
	int exit_code = EXIT_USAGE;
	struct buf path;

	buf_init(&path, API_TARGET_SIZE_MAX);
	buf_append_text(&path, "/targets/");
	api_append_encoded(&path, slice_text(name));
	buf_printf(&path, "/%s", action);
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
	api_append_encoded(&path, slice_text(name));
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

static int act(struct session *session, const char *action, const char *name, const char *reason)
{
	if (strcmp(action, "list") == 0)
		return print_targets(session);
	if (strcmp(action, "test") == 0)
		return test_target(session, name);
	return steer(session, action, name, reason);
}

static bool is_action(const char *action)
{
	static const char *const actions[] = { "list", "pause", "resume", "test", "forget" };

	for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
		if (strcmp(action, actions[i]) == 0)
			return true;
	return false;
}

static int run(struct session *session, int argc, char **argv, const char *reason)
{
	const char *action = optind < argc ? argv[optind] : NULL;
	bool is_list = action != NULL && strcmp(action, "list") == 0;
	bool is_pause = action != NULL && strcmp(action, "pause") == 0;
	const char *name = optind + 1 < argc ? argv[optind + 1] : NULL;
	int exit_code;

	if (action == NULL)
		return cli_usage_error("target", "list, pause, resume, test or forget is missing");
	if (!is_action(action))
		return cli_usage_error(
			"target", "'%s' is not one of list, pause, resume, test, forget", action);
	if (!is_list && (name == NULL || name[0] == '\0'))
		return cli_usage_error("target", "%s: NAME is missing", action);
	if (optind + (is_list ? 1 : 2) < argc)
		return cli_usage_error("target", "unexpected argument '%s'", argv[argc - 1]);
	if (reason != NULL && !is_pause)
		return cli_usage_error("target", "--reason is for pause only");
	exit_code = session_open(session);
	if (exit_code == EXIT_OK)
		exit_code = act(session, action, name, reason);
	session_close(session);
	return exit_code;
}

int command_target(int argc, char **argv)
{
	struct session session = { .command = "target", .config_path = CONFIG_PATH_DEFAULT };
	const char *reason = NULL;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			session.config_path = optarg;
			break;
		case OPTION_REASON:
			reason = optarg;
			break;
		case OPTION_JSON:
			session.json = true;
			break;
		case 'h':
			return cli_help(help);
		default:
			return cli_option_error("target", option, argv, options);
		}
	}
	return run(&session, argc, argv, reason);
}
