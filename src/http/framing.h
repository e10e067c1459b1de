/* SPDX-License-Identifier: MIT */
/*
 * framing.h - where a request ends: one answer only
 *
 * Promise    Follows the bytes of a request as they arrive, before libh2o changes them. What a proxy in
 *            front may read otherwise than libh2o does is broken: what one takes for a body, the other
 *            would take for the next request (request smuggling). What surrounds a body (chunk sizes,
 *            extensions, trailers) is counted and bounded.
 * Threads    Pure; one owner.
 */
#ifndef REPOSTAL_HTTP_FRAMING_H
#define REPOSTAL_HTTP_FRAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/slice.h"

enum {
	FRAMING_SPARE_MAX = 16 * 1024, /* bytes around the body, beyond what its chunks need */
	FRAMING_SPARE_FOR_BYTE = 8     /* a chunk of one byte has five around it */
};

enum framing_state {
	FRAMING_HEAD,
	FRAMING_LENGTH, /* a body of known length */
	FRAMING_CHUNK_BEGIN,
	FRAMING_CHUNK_SIZE,
	FRAMING_CHUNK_EXTENSION,
	FRAMING_CHUNK_SIZE_END, /* CR was there */
	FRAMING_CHUNK_DATA,
	FRAMING_CHUNK_DATA_END,
	FRAMING_CHUNK_DATA_LF,
	FRAMING_TRAILER_BEGIN,
	FRAMING_TRAILER_NAME,
	FRAMING_TRAILER_VALUE,
	FRAMING_TRAILER_LF,
	FRAMING_LAST_LF,
	FRAMING_WHOLE,
	FRAMING_BROKEN
};

struct framing {
	enum framing_state state;
	size_t head_size;   /* once the head has come */
	uint64_t left;      /* bytes of the body, or of its chunk, that are still to come */
	uint64_t announced; /* bytes of the body, as far as known */
	size_t spare;       /* bytes around the body that may still come */
	int digits;
	bool asks_upgrade; /* once the head has come: it has an Upgrade */
};

void framing_begin(struct framing *framing);

/*
 * While the state is FRAMING_HEAD, bytes begin with the request; later, anywhere in its body. The first
 * `seen` of them are known from calls before. Returns how many belong to this request, once it is
 * FRAMING_WHOLE; else all.
 */
size_t framing_take(struct framing *framing, struct slice bytes, size_t seen);

/* The head has come, and a body is still to come. */
bool framing_awaits_body(const struct framing *framing);

/*
 * Renames what announces a body or another protocol, in a head that has come whole: libh2o then takes it for a
 * request without one.
 */
void framing_hide_body(char *head, size_t size);
void framing_hide_upgrade(char *head, size_t size);

#endif
