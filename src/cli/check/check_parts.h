/* SPDX-License-Identifier: MIT */
/*
 * check_parts.h - what check looks at beyond what a gateway looks at before it starts
 *
 * Promise    What a gateway finds out while it starts, and what its first delivery would. Each works
 *            on configurations that have problems already, changes nothing, and takes a bounded
 *            time.
 * Threads    The main thread.
 * Errors     Everything goes into the problems.
 */
#ifndef REPOSTAL_CLI_CHECK_PARTS_H
#define REPOSTAL_CLI_CHECK_PARTS_H

#include "repostal/config.h"

/* The store's folder and file, or its database. */
void check_store(const struct config *config, struct problems *problems);
/* The addresses to listen on: free, or held by a repostal. */
void check_listeners(const struct config *config, struct problems *problems);
/* Whether the user that the gateway runs as can use the files, when that is another. */
void check_user(const char *path, const struct config *config, struct problems *problems);
/* The names of targets and proxies, and what egress.deny says of their addresses. */
void check_names(const struct config *config, struct problems *problems);

#endif
