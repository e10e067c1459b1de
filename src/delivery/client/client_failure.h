/* SPDX-License-Identifier: MIT */
/*
 * client_failure.h - what libcurl knows of a request that got no answer: as a transport, and in words
 *
 * Promise    Only asked when a request failed: one that succeeds pays nothing for it.
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_CLIENT_FAILURE_H
#define REPOSTAL_DELIVERY_CLIENT_FAILURE_H

#include <curl/curl.h>

#include "repostal/address.h"
#include "repostal/cause.h"
#include "repostal/outcome.h"
#include "repostal/target_settings.h"

/* Where a request went to, as far as it came. */
struct client_peer {
	struct address address;
	int port;
	bool is_known;
	bool is_dialled; /* for this request: the connection is not one that was open already */
};

struct client_failure {
	CURL *easy;
	CURLcode code;
	const char *text; /* libcurl's own; "" when it has none */
	int http_status;  /* of an answer that began; 0: none did */
	int proxy_status; /* of the proxy's answer to CONNECT; 0: none */
	bool is_denied;   /* denied must not be dialled: egress.deny holds it, */
	bool is_own;      /* or it is a listener of this process */
	struct address denied;
	struct client_peer peer;
	const struct target_settings *settings;
};

/* An answer may have arrived all the same; see client.c. */
/* Of a request that was not sent: was it for want of a file descriptor, for a socket or a file? */
bool client_failure_is_shortage(const struct client_failure *failure);
enum transport client_failure_transport(const struct client_failure *failure);
void client_failure_print(const struct client_failure *failure, char out[CAUSE_SIZE]);

#endif
