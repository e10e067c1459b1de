/* SPDX-License-Identifier: MIT */
/*
 * main.c - from the arguments to a command, and what its results became
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

static int run(int argc, char **argv)
{
	if (argc < 2) {
		fputs("repostal: a command is missing\n\n", stderr);
		commands_print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		commands_print_usage(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("repostal " REPOSTAL_VERSION);
		return EXIT_OK;
	}
	return commands_run(argc - 1, argv + 1);
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
