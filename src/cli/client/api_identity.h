/* SPDX-License-Identifier: MIT */
/*
 * api_identity.h - whether what answers is the gateway of this store
 *
 * Promise    Asks before anything else is sent. Only who can read the store can answer.
 * Threads    One owner.
 */
#ifndef REPOSTAL_CLI_API_IDENTITY_H
#define REPOSTAL_CLI_API_IDENTITY_H

#include "api_http.h"
#include "repostal/config.h"
#include "repostal/error.h"

enum api_identity {
	API_IDENTITY_PROVEN,
	API_IDENTITY_WRONG,   /* something else, or the gateway of another store */
	API_IDENTITY_UNKNOWN, /* it cannot be told: we, or the gateway, cannot read the store */
	API_IDENTITY_ABSENT,  /* nothing answers */
};

/* why is filled for all but PROVEN. */
enum api_identity api_identity_ask(
	struct api_http *http, const struct config *config, struct error *why);

#endif
