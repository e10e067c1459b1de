/* SPDX-License-Identifier: MIT */
/*
 * trial.h - what tries a gateway out: a sender and a receiver
 *
 * Promise    As cli/commands.h: results to standard output, everything else to standard error.
 * Threads    The main thread, once.
 */
#ifndef REPOSTAL_TRIAL_H
#define REPOSTAL_TRIAL_H

#include "cli/command/command.h"

extern const struct command command_trigger;
extern const struct command command_listen;

int run_trigger(int argc, char **argv);
int run_listen(int argc, char **argv);

#endif
