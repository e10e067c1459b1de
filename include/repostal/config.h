/* SPDX-License-Identifier: MIT */
/*
 * config.h - repostal.conf as checked, immutable values
 *
 * Promise    A config that was loaded is complete: every setting has its value or its default, and
 *            all rules between settings hold. All problems of a file are reported in one run, each
 *            as "FILE:LINE: text". Secrets are resolved as far as they are needed, and never
 *            printed.
 * Threads    Loading on one; a loaded config may be read by all.
 * Ownership  config_free() frees everything in it.
 * Errors     STATUS_INVALID with the problems in the report; STATUS_IO when the file cannot be
 *            read.
 */
#ifndef REPOSTAL_CONFIG_H
#define REPOSTAL_CONFIG_H

#include <stddef.h>

#include "repostal/address.h"
#include "repostal/buf.h"
#include "repostal/error.h"
#include "repostal/http.h"
#include "repostal/log.h"
#include "repostal/signer.h"
#include "repostal/source_settings.h"
#include "repostal/store.h"
#include "repostal/target_settings.h"
#include "repostal/translate.h"

#define CONFIG_PATH_DEFAULT "/etc/repostal/repostal.conf"

struct admin_settings {
	char *address;
	int port;
	char *token; /* NULL: none; otherwise a secret */
};

struct config {
	struct http_settings listen; /* threads is never 0 here */
	struct address_ranges trusted_proxies;
	struct admin_settings admin;
	struct store_settings store;
	struct source_settings *sources;
	size_t sources_count;
	struct translate_settings translate;
	struct signing_settings signing;
	struct target_settings *targets;
	size_t targets_count;
	struct egress_settings egress;
	struct log_settings log;
	int64_t shutdown_timeout_ms;
	uint64_t fingerprint; /* of all of the above but the secrets: may be shown */
	/* The same for gateways that treat events alike (sources, targets, translation, how long
	 * the store keeps what); no secrets. */
	uint64_t shared_fingerprint;
};

/*
 * Whose secrets are needed. One of another group that stands elsewhere ("env:NAME", "file:/path") is
 * not looked for, and is an empty text in the config; nor need the files be readable that such a
 * group names. So an operator's command works without the service's environment and permissions.
 */
enum config_secrets {
	CONFIG_SECRETS_ALL,     /* for the gateway itself */
	CONFIG_SECRETS_CONTROL, /* of admin and store: for what speaks to a gateway */
	CONFIG_SECRETS_NONE,
};

/*
 * report gets one line for each problem ("FILE:LINE: text\n"), and for each warning
 * ("FILE:LINE: warning: text\n") also when the file is good.
 */
enum status config_load(const char *path, enum config_secrets secrets, struct config **config_out,
	struct buf *report);
void config_free(struct config **configp);

/* The effective settings, defaults included, in the file's own syntax; secrets as "***". */
void config_print(const struct config *config, struct buf *out);

/*
 * NULL when a running gateway can change from one to the other, else the name of the first setting
 * that needs a restart (sockets, sizes and the store are made once).
 */
const char *config_needs_restart(const struct config *from, const struct config *to);

#endif
