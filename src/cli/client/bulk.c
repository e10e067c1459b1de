/* SPDX-License-Identifier: MIT */
#include "bulk.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api_client.h"
#include "cli/command/command.h"
#include "cli/command/message.h"
#include "cli/show/json_show.h"
#include "cli/show/progress.h"
#include "cli/show/terminal.h"
#include "repostal/buf.h"
#include "repostal/clock.h"

enum {
	POLL_FIRST_MS = 20,
	POLL_MAX_MS = 1000,
	PATH_SIZE_MAX = 256,
	LINE_SIZE_MAX = 1024,
	ID_SIZE = 64,
	COMMAND_SIZE_MAX = 32 * 1024,
};

#define LINE_ERASE "\r\033[K"

struct bulk {
	struct session *session;
	json_t *job; /* as last seen */
	char id[ID_SIZE];
	int64_t started_ms;
	int64_t expected;
	bool has_bar;
};

static volatile sig_atomic_t stop_asked;

static void on_stop(int number)
{
	(void)number;
	stop_asked = 1;
}

/* A second signal ends the process at once. */
static void catch_stop(void)
{
	struct sigaction action = { .sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static bool is_state(const struct bulk *bulk, const char *state)
{
	return slice_is(show_string(bulk->job, "state"), state);
}

/* Ids are numbers or texts: they are only handed back. */
static void remember_id(struct bulk *bulk)
{
	const json_t *id = json_object_get(bulk->job, "id");

	if (json_is_string(id))
		snprintf(bulk->id, sizeof(bulk->id), "%s", json_string_value(id));
	else
		snprintf(bulk->id, sizeof(bulk->id), "%" JSON_INTEGER_FORMAT,
			json_integer_value(id));
}

static void draw(const struct bulk *bulk)
{
	struct progress progress = {
		.expected = bulk->expected,
		.changed = show_integer(bulk->job, "changed"),
		.scanned = show_integer(bulk->job, "scanned"),
		.elapsed_ms = clock_monotonic_ms() - bulk->started_ms,
	};
	struct buf line;

	if (!bulk->has_bar)
		return;
	buf_init(&line, LINE_SIZE_MAX);
	buf_append_text(&line, LINE_ERASE);
	progress_append(&line, &progress,
		show_width_of(STDERR_FILENO) - 1); /* the last column would wrap */
	fwrite(line.data, 1, line.size, stderr);
	fflush(stderr);
	buf_free(&line);
}

/* Before something that may complain: its message would continue after the bar. */
static void erase(const struct bulk *bulk)
{
	if (bulk->has_bar)
		fputs(LINE_ERASE, stderr);
}

/* What was expected was counted before others had their hands on the queue; now it is known. */
static void end_bar(struct bulk *bulk)
{
	if (bulk->expected >= 0 && is_state(bulk, "done"))
		bulk->expected = show_integer(bulk->job, "changed");
	draw(bulk);
	if (bulk->has_bar)
		fputc('\n', stderr);
}

/* GET looks, DELETE cancels. */
static int ask(struct bulk *bulk, const char *method)
{
	json_t *job = NULL;
	struct buf path;
	int exit_code;

	buf_init(&path, PATH_SIZE_MAX);
	buf_printf(&path, "/jobs/%s", bulk->id);
	exit_code = session_call(bulk->session, method, path.data, NULL, NULL, &job);
	buf_free(&path);
	if (exit_code == EXIT_OK) {
		json_decref(bulk->job);
		bulk->job = job;
	}
	return exit_code;
}

static int await(struct bulk *bulk)
{
	int wait_ms = POLL_FIRST_MS;
	int exit_code = EXIT_OK;

	while (exit_code == EXIT_OK && is_state(bulk, "running") && !stop_asked) {
		draw(bulk);
		poll(NULL, 0, wait_ms);
		wait_ms = wait_ms * 3 / 2 < POLL_MAX_MS ? wait_ms * 3 / 2 : POLL_MAX_MS;
		erase(bulk);
		if (!stop_asked)
			exit_code = ask(bulk, "GET");
	}
	return exit_code;
}

/* What a shell takes for one word. */
static void append_word(struct buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "/._-+,:@%=";

	if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
		buf_append_text(out, text);
		return;
	}
	buf_append_char(out, '\'');
	for (; *text != '\0'; text++)
		buf_append_text(out, *text == '\'' ? "'\\''" : (const char[]){ *text, '\0' });
	buf_append_char(out, '\'');
}

static int leave(const struct bulk *bulk)
{
	const char *config_path = bulk->session->config_path;
	struct buf line;
	int exit_code;

	buf_init(&line, COMMAND_SIZE_MAX);
	buf_printf(&line, "repostal queue cancel %s", bulk->id);
	if (strcmp(config_path, CONFIG_PATH_DEFAULT) != 0) {
		buf_append_text(&line, " -c ");
		append_word(&line, config_path);
	}
	exit_code = cli_failure(bulk->session->command,
		"interrupted; job %s continues in the gateway. To cancel it:\n  %s", bulk->id,
		line.data);
	buf_free(&line);
	return exit_code;
}

static int interrupted(struct bulk *bulk)
{
	const char *command = bulk->session->command;

	if (api_client_is_live(bulk->session->client))
		return leave(bulk);
	/* A portion may be on its way to the disk: what is told is what was changed. */
	if (ask(bulk, "DELETE") == EXIT_OK)
		while (is_state(bulk, "running") && ask(bulk, "GET") == EXIT_OK)
			poll(NULL, 0, POLL_FIRST_MS);
	return cli_failure(command, "interrupted after %" PRId64 " changed",
		show_integer(bulk->job, "changed"));
}

static int conclude(struct bulk *bulk)
{
	struct slice error = show_string(bulk->job, "error");
	int64_t changed = show_integer(bulk->job, "changed");

	if (bulk->session->json)
		session_print_json(bulk->job);
	else
		printf("%" PRId64 " changed\n", changed);
	if (is_state(bulk, "done"))
		return EXIT_OK;
	if (is_state(bulk, "cancelled"))
		return cli_failure(bulk->session->command, "job %s was cancelled", bulk->id);
	return cli_failure(bulk->session->command, "job %s failed: %.*s", bulk->id, (int)error.size,
		error.data == NULL ? "" : error.data);
}

int bulk_run(struct session *session, const json_t *body, int64_t expected)
{
	struct bulk bulk = {
		.session = session,
		.started_ms = clock_monotonic_ms(),
		.expected = expected,
		.has_bar = isatty(STDERR_FILENO),
	};
	int exit_code;

	catch_stop(); /* the job may begin before its answer is here */
	exit_code = session_call(session, "POST", "/jobs", NULL, body, &bulk.job);
	if (exit_code != EXIT_OK)
		return exit_code;
	remember_id(&bulk);
	exit_code = await(&bulk);
	if (exit_code == EXIT_OK) {
		end_bar(&bulk);
		exit_code = is_state(&bulk, "running") ? interrupted(&bulk) : conclude(&bulk);
	}
	json_decref(bulk.job);
	return exit_code;
}
