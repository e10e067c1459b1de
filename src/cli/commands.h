/* SPDX-License-Identifier: MIT */
/*
 * commands.h - what operators type
 *
 * Promise    Each prints results to standard output and everything else to standard error, and returns
 *            what the process exits with. argv[0] is the command's own name.
 * Threads    The main thread, once.
 */
#ifndef REPOSTAL_CLI_COMMANDS_H
#define REPOSTAL_CLI_COMMANDS_H

#include "cli/command/command.h"

extern const struct command command_serve;
extern const struct command command_check;
extern const struct command command_status;
extern const struct command command_translate;
extern const struct command command_queue;
extern const struct command command_target;
extern const struct command command_quarantine;
extern const struct command command_store;
extern const struct command command_keygen;
extern const struct command command_version;

int run_serve(int argc, char **argv);
int run_check(int argc, char **argv);
int run_status(int argc, char **argv);
int run_translate(int argc, char **argv);
int run_queue(int argc, char **argv);
int run_target(int argc, char **argv);
int run_quarantine(int argc, char **argv);
int run_store(int argc, char **argv);
int run_keygen(int argc, char **argv);
int run_version(int argc, char **argv);

#endif
