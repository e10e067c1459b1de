/* SPDX-License-Identifier: MIT */
/*
 * preflight.h - what a configuration names is looked at before it is used
 *
 * Promise    serve, a reload and check judge by this one piece of code, so what check calls good is
 *            taken by the others. Changes nothing, and asks nobody on the network.
 * Threads    The main thread.
 * Errors     Everything goes into the problems of config_load_examined().
 */
#ifndef REPOSTAL_PREFLIGHT_H
#define REPOSTAL_PREFLIGHT_H

#include "repostal/config.h"

/*
 * A config_examiner. The context points to how grave it is that a target's address is forbidden by
 * egress.deny: a gateway serves its other targets all the same; only check says no.
 */
void preflight_examine(void *context, const struct config *config, struct problems *problems);

/*
 * For a reload: each warning and each problem becomes a line of the log; err has the first problem, and
 * how many more there are.
 */
enum status preflight_load(const char *path, struct config **config_out, struct error *err);
/* One line for each of a report's warnings. */
void preflight_log_warnings(const struct buf *report);

/* The host as the address it is, in any spelling that is dialled without asking for a name. */
bool preflight_literal_address(const char *host, struct address *address_out);

#endif
