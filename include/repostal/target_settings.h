/* SPDX-License-Identifier: MIT */
/*
 * target_settings.h - what the configuration says about one receiver, and about all of them
 *
 * Promise    Immutable once loaded. Strings are never NULL unless said.
 * Ownership  Belongs to struct config.
 */
#ifndef REPOSTAL_TARGET_SETTINGS_H
#define REPOSTAL_TARGET_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/address.h"
#include "repostal/breaker.h"
#include "repostal/give_up.h"
#include "repostal/retry.h"

enum target_ordering {
	TARGET_ORDERING_NONE,
	TARGET_ORDERING_MESSAGE, /* events of one message to one recipient, one after the other */
};

struct target_header {
	char *name;
	char *value; /* a secret: never printed */
};

struct target_settings {
	char *name;
	char *url;
	bool enabled;         /* false: takes no new events; what waits for it stays */
	bool final_only;      /* no soft bounces, whatever they are translated to */
	uint32_t events;      /* bit 1 << enum postal_event_type */
	char **sources;       /* names */
	size_t sources_count; /* 0: all */
	int64_t timeout_ms;
	int64_t connect_timeout_ms;
	int concurrency;
	double rate_per_second; /* 0: none */
	struct retry_settings retry;
	double retry_share; /* 0 .. 1: of concurrency, for retries while first attempts wait */
	enum target_ordering ordering;
	int64_t max_backlog; /* open deliveries; 0: half of the store's */
	struct target_header *headers;
	size_t headers_count;
	bool http2;
	char *proxy;  /* "": none */
	char *tls_ca; /* "": the system's */
	char *tls_certificate;
	char *tls_key;
	bool tls_verify;
	struct breaker_settings breaker;
	struct give_up_settings give_up;
	/* Differs when anything of the above was changed; secrets are in it, so it is never shown. */
	uint64_t fingerprint;
};

struct egress_settings {
	struct address_ranges deny; /* checked on the address that is dialled */
};

#endif
