/* SPDX-License-Identifier: MIT */
/*
 * received.h - a webhook that has arrived, for people to read
 *
 * Promise    Any body can be printed; nothing in it can control the terminal. The payload keeps its
 *            order, and its numbers their value.
 * Threads    Any.
 */
#ifndef REPOSTAL_TRIAL_RECEIVED_H
#define REPOSTAL_TRIAL_RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "receiver_keys.h"
#include "repostal/buf.h"
#include "repostal/uuid.h"

struct received {
	int64_t arrived_ms; /* Unix */
	struct slice body;  /* borrowed */
	json_t *envelope;   /* NULL: not a JSON object */
	struct uuid uuid;
	bool has_uuid;
	bool seen_before;
	struct signature_checks signatures;
	int answer_status;
};

/* Reads the envelope out of the body; received_clear() frees it. */
void received_parse(struct slice body, struct received *out);
void received_clear(struct received *received);

bool received_is_bad(const struct received *received);
bool received_is_unsigned(const struct received *received);

enum {
	RECEIVED_TEXT_SIZE_MAX = 8 * 1024 * 1024
};
/* Appends a block of lines that ends in an empty one. */
void received_print(const struct received *received, struct buf *out);

#endif
