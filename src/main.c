/* SPDX-License-Identifier: MIT */
/*
 * main.c - argv to the table of commands
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command/command.h"
#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	TYPING_ERRORS_MAX = 2,
	COMMAND_SIZE_MAX = 64
};

static int command_help(int argc, char **argv);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "serve", command_serve, "run the gateway" },
	{ "check", command_check, "validate the configuration" },
	{ "status", command_status, "say whether it runs, is ready, and what each target does" },
	{ "translate", command_translate, "BizMail events in, Postal envelopes out" },
	{ "trigger", command_trigger, "post sample BizMail events, print latencies" },
	{ "listen", command_listen, "receive Postal webhooks, print and verify them" },
	{ "queue", command_queue, "see, retry and discard deliveries" },
	{ "target", command_target, "see, pause, resume and test targets" },
	{ "quarantine", command_quarantine, "see, replay and discard what cannot be translated" },
	{ "store", command_store, "copy a store into another one, back it up" },
	{ "keygen", command_keygen, "make a signing key" },
	{ "help", command_help, "say how a command is used" },
	{ "version", command_version, "say which version, commit and libraries this is" },
};

static void print_usage(FILE *file)
{
	fputs("Usage: repostal COMMAND [OPTION...]\n"
	      "       repostal help [COMMAND] | version | --version | --help | COMMAND --help\n"
	      "\n"
	      "Takes BizMail events over HTTP and delivers them as Postal webhooks.\n"
	      "\n",
		file);
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		fprintf(file, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\nExit: 0 done, 1 it failed, 2 wrong usage, 78 bad configuration.\n", file);
}

/* What a name was until another thing needed it; NULL when it was nothing. */
static const char *renamed(const char *given)
{
	return strcmp(given, "send") == 0 ? "trigger" : NULL;
}

static int report_unknown(const char *given)
{
	const char *what = given[0] == '-' ? "option" : "command";

	fprintf(stderr, "repostal: unknown %s '%s'", what, given);
	if (renamed(given) != NULL)
		fprintf(stderr, ": sample events are posted by 'repostal %s'", renamed(given));
	for (size_t i = 0; i < ARRAY_COUNT(commands) && strlen(given) <= COMMAND_SIZE_MAX; i++)
		if (text_edit_distance(given, commands[i].name) <= TYPING_ERRORS_MAX) {
			fprintf(stderr, ", did you mean '%s'?", commands[i].name);
			break;
		}
	fputs("\nTry 'repostal --help'.\n", stderr);
	return EXIT_USAGE;
}

static int run_command(const char *name, int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc, argv);
	return report_unknown(name);
}

static int command_help(int argc, char **argv)
{
	char option[] = "--help";
	char *asked[] = { argc > 1 ? argv[1] : NULL, option, NULL };

	if (argc > 2) {
		fprintf(stderr, "repostal help: unexpected argument '%s'\nTry 'repostal --help'.\n",
			argv[2]);
		return EXIT_USAGE;
	}
	if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
		strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return EXIT_OK;
	}
	return run_command(argv[1], 2, asked);
}

static int run(int argc, char **argv)
{
	if (argc < 2) {
		fputs("repostal: a command is missing\n\n", stderr);
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("repostal " REPOSTAL_VERSION);
		return EXIT_OK;
	}
	return run_command(argv[1], argc - 1, argv + 1);
}

/* True also when the reader of a pipe had enough and closed it: that is not our failure. */
static bool results_arrived(void)
{
	struct pollfd output = { .fd = STDOUT_FILENO };

	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return true;
	if (poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0)
		return true;
	fputs("repostal: cannot write to standard output\n", stderr);
	return false;
}

int main(int argc, char **argv)
{
	int exit_code;

	/* libcurl would write the keys of every TLS connection to the file that this names. */
	unsetenv("SSLKEYLOGFILE");
	/* Every write is checked where it matters, and a peer that hangs up must not end us. */
	signal(SIGPIPE, SIG_IGN);
	exit_code = run(argc, argv);
	if (exit_code == EXIT_OK && !results_arrived())
		exit_code = EXIT_FAILED;
	return exit_code;
}
