/* SPDX-License-Identifier: MIT */
/*
 * command.h - the commands of the program
 *
 * Promise    Each command prints results to standard output and everything else to standard
 *            error, and returns what the process exits with. argv[0] is the command's own name.
 * Threads    The main thread, once.
 */
#ifndef REPOSTAL_CLI_COMMAND_H
#define REPOSTAL_CLI_COMMAND_H

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,  /* it did not work */
	EXIT_USAGE = 2,   /* it was called in a wrong way */
	EXIT_CONFIG = 78, /* EX_CONFIG of sysexits.h: a restart will not help */
};

int command_serve(int argc, char **argv);
int command_check(int argc, char **argv);
int command_status(int argc, char **argv);
int command_translate(int argc, char **argv);
int command_trigger(int argc, char **argv);
int command_listen(int argc, char **argv);
int command_queue(int argc, char **argv);
int command_target(int argc, char **argv);
int command_quarantine(int argc, char **argv);
int command_store(int argc, char **argv);
int command_keygen(int argc, char **argv);
int command_version(int argc, char **argv);

#endif
