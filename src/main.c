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

#include "command.h"
#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	TYPING_ERRORS_MAX = 2,
	COMMAND_SIZE_MAX = 64
};

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "serve", command_serve, "run the gateway" },
	{ "check", command_check, "validate the configuration" },
	{ "translate", command_translate, "BizMail events in, Postal envelopes out" },
	{ "send", command_send, "post sample BizMail events, print latencies" },
	{ "listen", command_listen, "receive Postal webhooks, print and verify them" },
	{ "queue", command_queue, "see, retry and discard deliveries" },
	{ "target", command_target, "see, pause and resume targets" },
	{ "quarantine", command_quarantine, "see, replay and discard what cannot be translated" },
	{ "store", command_store, "copy a store into another one, back it up" },
	{ "keygen", command_keygen, "make a signing key" },
};

static void print_usage(FILE *file)
{
	fputs("Usage: repostal COMMAND [OPTION...]\n"
	      "       repostal --version | --help | COMMAND --help\n"
	      "\n"
	      "Takes BizMail events over HTTP and delivers them as Postal webhooks.\n"
	      "\n",
		file);
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		fprintf(file, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\nExit: 0 done, 1 it failed, 2 wrong usage, 78 bad configuration.\n", file);
}

static int report_unknown(const char *given)
{
	const char *what = given[0] == '-' ? "option" : "command";

	fprintf(stderr, "repostal: unknown %s '%s'", what, given);
	for (size_t i = 0; i < ARRAY_COUNT(commands) && strlen(given) <= COMMAND_SIZE_MAX; i++)
		if (text_edit_distance(given, commands[i].name) <= TYPING_ERRORS_MAX) {
			fprintf(stderr, ", did you mean '%s'?", commands[i].name);
			break;
		}
	fputs("\nTry 'repostal --help'.\n", stderr);
	return EXIT_USAGE;
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
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return report_unknown(argv[1]);
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
