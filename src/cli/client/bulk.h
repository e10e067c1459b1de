/* SPDX-License-Identifier: MIT */
/*
 * bulk.h - a job of the admin API, from its start to its end
 *
 * Promise    Starts the job, awaits its end, and shows how far it is: a bar while standard error is a
 *            terminal. SIGINT and SIGTERM leave it running in the gateway, and say what to type to
 *            cancel it; without a gateway it ends with this process, so it is cancelled then.
 * Threads    The main thread; takes over SIGINT and SIGTERM.
 */
#ifndef REPOSTAL_CLI_BULK_H
#define REPOSTAL_CLI_BULK_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "session.h"

/* body: of POST /jobs; expected: changes, or -1 when it is not known. Returns the exit code. */
int bulk_run(struct session *session, const json_t *body, int64_t expected);

#endif
