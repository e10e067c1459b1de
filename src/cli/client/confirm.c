/* SPDX-License-Identifier: MIT */
#include "confirm.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command/command.h"
#include "cli/command/message.h"
#include "cli/show/json_show.h"
#include "repostal/buf.h"

enum {
	ANSWER_LINE_SIZE = 64,
	WHAT_SIZE_MAX = 64 * 1024,
};

const struct confirm_verb confirm_retry = {
	.name = "retry",
	.question = "Retry",
	.doing = "retrying",
	.done = "retried",
};
const struct confirm_verb confirm_replay = {
	.name = "replay",
	.question = "Replay",
	.doing = "replaying",
	.done = "replayed",
};
const struct confirm_verb confirm_discard = {
	.name = "discard",
	.question = "Discard",
	.doing = "discarding",
	.done = "discarded",
	.cannot_be_undone = true,
};

bool confirm_needs_count(const struct confirm *confirm)
{
	return confirm->dry_run || isatty(STDERR_FILENO) ||
	       (confirm->verb->cannot_be_undone && !confirm->yes);
}

static const char *manner_of(const struct confirm *confirm)
{
	return confirm->manner == NULL ? "" : confirm->manner;
}

static void say_only(const struct confirm *confirm, int64_t count, const char *what)
{
	json_t *json;

	if (!confirm->json) {
		printf("%s would be %s%s\n", what, confirm->verb->done, manner_of(confirm));
		return;
	}
	json = json_object();
	json_object_set_new(json, "action", json_string(confirm->verb->name));
	json_object_set_new(json, "dry_run", json_true());
	json_object_set_new(json, "matched", json_integer(count));
	show_print_json(json);
	putchar('\n');
	json_decref(json);
}

static int ask(const struct confirm *confirm, const char *what)
{
	char line[ANSWER_LINE_SIZE];

	fprintf(stderr, "%s %s%s? [y/N] ", confirm->verb->question, what, manner_of(confirm));
	if (fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y') &&
		(line[1] == '\n' || line[1] == 'e'))
		return EXIT_OK;
	return cli_failure(confirm->command, "nothing was %s", confirm->verb->done);
}

/* A change of nothing needs no question. */
static int decide(const struct confirm *confirm, int64_t count, const char *what)
{
	bool has_terminal = isatty(STDERR_FILENO);

	if (!confirm->yes && count > 0 && has_terminal && isatty(STDIN_FILENO))
		return ask(confirm, what);
	if (!confirm->yes && count > 0 && confirm->verb->cannot_be_undone)
		return cli_usage_error(confirm->command,
			"%s %s: there is no terminal to confirm this on; use --yes",
			confirm->verb->doing, what);
	if (has_terminal && count > 0)
		fprintf(stderr, "repostal %s: %s %s%s\n", confirm->command, confirm->verb->doing,
			what, manner_of(confirm));
	return EXIT_OK;
}

int confirm_ask(const struct confirm *confirm, int64_t count, bool is_exact, bool *act_out)
{
	int exit_code = EXIT_OK;
	struct buf what;

	buf_init(&what, WHAT_SIZE_MAX);
	buf_printf(&what, "%s%" PRId64 " %s%s", is_exact ? "" : "about ", count,
		count == 1 ? confirm->one : confirm->many, confirm->which);
	if (confirm->dry_run)
		say_only(confirm, count, what.data);
	else
		exit_code = decide(confirm, count, what.data);
	*act_out = exit_code == EXIT_OK && !confirm->dry_run;
	buf_free(&what);
	return exit_code;
}
