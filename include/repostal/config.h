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
 *            read; STATUS_BUSY when the file is good, but an examiner found that what it names
 *            cannot be used at present.
 */
#ifndef REPOSTAL_CONFIG_H
#define REPOSTAL_CONFIG_H

#include <stdbool.h>
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

#define CONFIG_STORE_PATH_DEFAULT "/var/lib/repostal/repostal.db"
#define CONFIG_PATH_DEFAULT "/etc/repostal/repostal.conf"

struct admin_settings {
	char *address;
	int port;
	char *token;      /* NULL: none; otherwise a secret */
	char *read_token; /* the same; whoever has it may look, not change */
	char *socket;     /* see config_admin_socket() */
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
	struct config_origins *origins; /* what config_print() needs to know of secrets */
	uint64_t fingerprint;           /* of all of the above but the secrets: may be shown */
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

/*
 * The same with all secrets, and with what only the rest of the program can judge: the examiner gets
 * the config after all settings are read, also when some were refused (texts may be NULL then), and
 * reports what it finds. So everything comes out in one run, in the order of the lines.
 */
struct problems;
typedef void config_examiner(void *context, const struct config *config, struct problems *problems);
enum status config_load_examined(const char *path, config_examiner *examine, void *context,
	struct config **config_out, struct buf *report);

enum config_finding {
	CONFIG_WARNING,
	CONFIG_WRONG,       /* the file must be changed, or a file that it names */
	CONFIG_UNAVAILABLE, /* it may be good at another time */
};

/*
 * For examiners. field is the member of config that the finding is about, owner the element of
 * sources or targets around it, or NULL: they give the line.
 */
void config_report(struct problems *problems, enum config_finding finding, const void *field,
	const void *owner, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The setting was given and would not do: what is in field is its default. */
bool config_was_refused(const struct problems *problems, const void *field);
/* It stands in the file. */
bool config_was_given(const struct problems *problems, const void *field);
int config_line(const struct problems *problems, const void *field, const void *owner);
void config_report_line(struct problems *problems, enum config_finding finding, int line,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* For examiners: every file that the configuration names, those of secrets included. */
struct config_file {
	char *path;
	char *name; /* of the setting */
	int line;
};
const struct config_file *config_files(const struct problems *problems, size_t *count_out);

/* What is dialled for a target. */
struct config_host {
	char name[256]; /* or an address, without brackets */
	int port;
	bool is_proxy;
	bool is_tls; /* the target is, or its proxy */
};
/* False when there is none: the URL was refused. */
bool config_dialled_host(const struct target_settings *target, struct config_host *host_out);

/*
 * Where the admin API is spoken over a Unix socket: appends the path. runtime_directory is the value of
 * $RUNTIME_DIRECTORY, or NULL; without it, and without a setting, the socket lies beside the SQLite file.
 */
enum config_socket {
	CONFIG_SOCKET_NONE,
	CONFIG_SOCKET_GIVEN, /* by the setting */
	CONFIG_SOCKET_FOUND, /* a folder that is there anyway */
};
enum config_socket config_admin_socket(
	const struct config *config, const char *runtime_directory, struct buf *path);

/* The effective settings, defaults included, in the file's own syntax; secrets as "***". */
void config_print(const struct config *config, struct buf *out);

/*
 * NULL when a running gateway can change from one to the other, else the name of the first setting
 * that needs a restart (sockets, sizes and the store are made once).
 */
const char *config_needs_restart(const struct config *from, const struct config *to);

#endif
