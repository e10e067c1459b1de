/* SPDX-License-Identifier: MIT */
/*
 * command.h - what a command is: its words, its options and what is said about them
 *
 * Promise    One table for each command. Reading the command line, --help, the manual page and the
 *            completion of shells walk it, so that they agree.
 * Threads    Constants; any.
 *
 * Texts are plain sentences of ASCII. A blank line ends a paragraph; one that begins with a space keeps its lines.
 */
#ifndef REPOSTAL_CLI_COMMAND_H
#define REPOSTAL_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/config.h"

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,  /* it did not work */
	EXIT_USAGE = 2,   /* it was called in a wrong way */
	EXIT_CONFIG = 78, /* EX_CONFIG of sysexits.h: a restart will not help */
};

/* What becomes of the value (behind the dash: the type of the field). */
enum option_kind {
	OPTION_HELP,   /* no value, and no field: the help is printed, nothing else counts */
	OPTION_SWITCH, /* no value - bool */
	OPTION_TEXT,   /* at least .min bytes - const char *, of the arguments */
	OPTION_NUMBER, /* .min to .max - int64_t */
	OPTION_LIMIT,  /* 0 to .max, or "all" for 0 - int64_t */
	OPTION_WORD,   /* one of .words - an enum: its place among them */
	OPTION_OWN,    /* what .take makes of it */
};

struct command_option {
	const char *name; /* "config" */
	char letter;      /* 'c'; 0: none */
	const char *
		value; /* "FILE"; NULL: it takes none. Of FILE and PATH, shells complete the names of files */
	enum option_kind kind;
	size_t offset; /* of the field in the command's own struct */
	size_t size;
	int64_t min, max;
	/* Ends with a null. Of a WORD all that are taken; else what shells complete. */
	const char *const *words;
	/* False after it has said what is wrong. */
	bool (*take)(void *options, const struct command_option *option, char *text);
	bool once;        /* a second one is refused: it looks as if both counted */
	uint32_t actions; /* 1 << place of an action; 0: of all */
	const char *fallback;
	const char *help;
};

#define OPTION_INTO(type, member) \
	.offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)

/* Options of several commands. */
#define OPTION_ROW_CONFIG(type, member)                                                \
	{                                                                              \
		.name = "config", .letter = 'c', .value = "FILE", .kind = OPTION_TEXT, \
		OPTION_INTO(type, member), .fallback = CONFIG_PATH_DEFAULT,            \
		.help = "the configuration"                                            \
	}
#define OPTION_ROW_HELP                                                                       \
	{                                                                                     \
		.name = "help", .letter = 'h', .kind = OPTION_HELP, .help = "print this text" \
	}

enum operand_need {
	OPERAND_NONE,
	OPERAND_REQUIRED,
	OPERAND_OPTIONAL,
	OPERAND_ANY, /* none, one or several */
};

struct command_action {
	const char *name; /* "list" */
	const char *operand;
	enum operand_need need;
	const char *usage; /* what may follow its name: a line for each way */
	const char *help;
};

struct command {
	const char *name;
	const char *summary; /* what "repostal" prints beside the name */
	/* In the order of the command's enum. A command without any has one that has no name. */
	const struct command_action *actions;
	size_t actions_count;
	const struct command_option *options;
	size_t options_count;
	const char *about; /* before the options */
	const char *notes; /* after them; NULL: none */
	/* When it exits so; NULL: never. EXIT_USAGE is the same for all. */
	const char *exit_ok;
	const char *exit_failed;
	const char *exit_config;
};

enum {
	COMMAND_OPTIONS_MAX = 32,
	COMMAND_ACTIONS_MAX = 16,
};

#endif
