/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/command/command_line.h"
#include "cli/command/help.h"
#include "repostal/memory.h"
#include "repostal/slice.h"

enum {
	ARGUMENTS_MAX = 8,
	HELP_SIZE_MAX = 64 * 1024,
	HELP_WIDTH = 80,
};

enum colour {
	RED,
	GREEN,
};

struct trial_options {
	const char *name;
	bool switched;
	int64_t count;
	int64_t limit;
	enum colour colour;
	int own;
};

static bool take_own(void *options, const struct command_option *option, char *text)
{
	struct trial_options *out = options;

	assert_string_equal(option->name, "own");
	out->own++;
	return strcmp(text, "bad") != 0;
}

enum {
	ACTION_LIST,
	ACTION_SHOW,
	ACTION_RUN
};

static const struct command_action actions[] = {
	[ACTION_LIST] = { .name = "list", .usage = "[--limit N]", .help = "what there is" },
	[ACTION_SHOW] = { .name = "show",
		.operand = "ID",
		.need = OPERAND_REQUIRED,
		.usage = "ID",
		.help = "one" },
	[ACTION_RUN] = { .name = "run",
		.operand = "FILE",
		.need = OPERAND_ANY,
		.usage = "[FILE...]\n--count N",
		.help = "a text that is so long that it does not fit into a line of eighty "
			"characters: it "
			"continues on the next one" },
};

static const char *const colours[] = { "red", "green", NULL };

static const struct command_option rows[] = {
	{ .name = "name",
		.letter = 'n',
		.value = "NAME",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct trial_options, name),
		.min = 1,
		.once = true,
		.help = "a text" },
	{ .name = "switch",
		.letter = 's',
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct trial_options, switched),
		.help = "a switch" },
	{ .name = "count",
		.value = "N",
		.kind = OPTION_NUMBER,
		OPTION_INTO(struct trial_options, count),
		.min = 2,
		.max = 9,
		.actions = 1 << ACTION_SHOW | 1 << ACTION_RUN,
		.help = "a number" },
	{ .name = "limit",
		.value = "N",
		.kind = OPTION_LIMIT,
		OPTION_INTO(struct trial_options, limit),
		.max = 9,
		.actions = 1 << ACTION_LIST,
		.fallback = "5",
		.help = "a limit" },
	{ .name = "colour",
		.value = "COLOUR",
		.kind = OPTION_WORD,
		OPTION_INTO(struct trial_options, colour),
		.words = colours,
		.help = "a word" },
	{ .name = "own",
		.value = "A-VERY-LONG-NAME-OF-A-VALUE",
		.kind = OPTION_OWN,
		.take = take_own,
		.help = "what is taken by a function" },
	OPTION_ROW_HELP,
};

static const struct command command = {
	.name = "trial",
	.summary = "try the reader out",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "One.\n\n  Kept   as it is,\n  line by line\n\nTwo.",
	.notes = "Three.",
	.exit_ok = "done",
	.exit_config = "bad configuration",
};

struct line_case {
	const char *arguments[ARGUMENTS_MAX];
	int want; /* the exit code; -1: it passes */
	size_t action;
	size_t operands_count;
	struct trial_options options;
};

static const struct line_case cases[] = {
	{ { "list" }, -1, ACTION_LIST, 0, { 0 } },
	{ { "-s", "list", "--name", "x" }, -1, ACTION_LIST, 0, { .switched = true, .name = "x" } },
	{ { "list", "-nx", "--na=y" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "list", "--name", "" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "list", "--limit", "all" }, -1, ACTION_LIST, 0, { 0 } },
	{ { "list", "--limit=9" }, -1, ACTION_LIST, 0, { .limit = 9 } },
	{ { "list", "--limit", "10" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "list", "--limit", "-1" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "list", "--count", "3" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "list", "surplus" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "show", "1", "--limit", "3" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "show", "1", "--count", "3" }, -1, ACTION_SHOW, 1, { .count = 3 } },
	{ { "show", "1", "--count", "1" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "show", "1", "--count", "many" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "show" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "show", "" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "show", "1", "2" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "show", "--", "-s" }, -1, ACTION_SHOW, 1, { 0 } },
	{ { "run" }, -1, ACTION_RUN, 0, { 0 } },
	{ { "run", "a", "-s", "b" }, -1, ACTION_RUN, 2, { .switched = true } },
	{ { "run", "--colour", "green" }, -1, ACTION_RUN, 0, { .colour = GREEN } },
	{ { "run", "--colour", "blue" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "run", "--own", "a", "--own", "b" }, -1, ACTION_RUN, 0, { .own = 2 } },
	{ { "run", "--own", "bad" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "run", "--own" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "run", "--switch=1" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "run", "--unknown" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "run", "-x" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "rum" }, EXIT_USAGE, 0, 0, { 0 } },
	{ { NULL }, EXIT_USAGE, 0, 0, { 0 } },
	{ { "-h" }, EXIT_OK, 0, 0, { 0 } },
	{ { "rum", "--help" }, EXIT_OK, 0, 0, { 0 } },
	{ { "show", "-s", "--help", "--unknown" }, EXIT_OK, 0, 0, { 0 } },
};

static bool is_as_wanted(const struct trial_options *got, const struct trial_options *want)
{
	bool same_name = got->name == want->name || (got->name != NULL && want->name != NULL &&
							    strcmp(got->name, want->name) == 0);

	return same_name && got->switched == want->switched && got->count == want->count &&
	       got->limit == want->limit && got->colour == want->colour && got->own == want->own;
}

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char *argv[ARGUMENTS_MAX + 2] = { (char *)"trial" };
		struct trial_options options = { 0 };
		struct command_line line;
		int argc = 1;
		bool passed;

		for (; argc <= ARGUMENTS_MAX && cases[i].arguments[argc - 1] != NULL; argc++)
			argv[argc] = (char *)(uintptr_t)cases[i].arguments[argc - 1];
		passed = command_line_read(&command, argc, argv, &options, &line);
		if (passed != (cases[i].want < 0) || (!passed && line.exit_code != cases[i].want) ||
			(passed && (line.action != cases[i].action ||
					   line.operands_count != cases[i].operands_count ||
					   !is_as_wanted(&options, &cases[i].options))))
			fail_msg("row %zu (%s): exit code %d, action %zu, %zu operands", i,
				cases[i].arguments[0] == NULL ? "" : cases[i].arguments[0],
				line.exit_code, line.action, line.operands_count);
	}
}

static void test_help(void **state)
{
	static const char want[] =
		"Usage: repostal trial list [--limit N]\n"
		"       repostal trial show ID\n"
		"       repostal trial run [FILE...]\n"
		"       repostal trial run --count N\n"
		"\n"
		"One.\n"
		"\n"
		"  Kept   as it is,\n"
		"  line by line\n"
		"\n"
		"Two.\n"
		"\n"
		"  list  what there is\n"
		"  show  one\n"
		"  run   a text that is so long that it does not fit into a line of eighty\n"
		"        characters: it continues on the next one\n"
		"\n"
		"  -n, --name NAME      a text\n"
		"  -s, --switch         a switch\n"
		"      --count N        a number\n"
		"      --limit N        a limit (default: 5)\n"
		"      --colour COLOUR  a word\n"
		"      --own A-VERY-LONG-NAME-OF-A-VALUE\n"
		"                       what is taken by a function\n"
		"  -h, --help           print this text\n"
		"\n"
		"Three.\n"
		"\n"
		"Exit: 0 done; 2 wrong usage; 78 bad configuration.\n";
	struct slice rest;
	struct buf text;

	(void)state;
	buf_init(&text, HELP_SIZE_MAX);
	help_append(&text, &command);
	assert_string_equal(text.data, want);
	for (rest = buf_slice(&text); rest.size > 0;)
		assert_true(slice_cut(&rest, '\n').size <= HELP_WIDTH);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
