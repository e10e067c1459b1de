/* SPDX-License-Identifier: MIT */
/*
 * sample.h - BizMail events as BizMail would send them, for trying out
 *
 * Promise    Pure: the same arguments give the same bytes. Two events of one run differ in their
 *            message id, and so do runs with different names.
 * Threads    Any.
 */
#ifndef REPOSTAL_TRIAL_SAMPLE_H
#define REPOSTAL_TRIAL_SAMPLE_H

#include <stdint.h>

#include "repostal/buf.h"

enum {
	SAMPLE_SIZE_MAX = 4096
};

enum sample_kind {
	SAMPLE_DELIVERED,
	SAMPLE_BOUNCE,
	SAMPLE_SOFT_BOUNCE,
	SAMPLE_DROP,
	SAMPLE_MIX, /* of twenty: fifteen delivered, two hard and two soft bounces, one drop */
};

enum sample_encoding {
	SAMPLE_JSON,
	SAMPLE_FORM,
	SAMPLE_MULTIPART
};

/* In the order of the enums; a null ends them. */
extern const char *const sample_kind_names[];
extern const char *const sample_encoding_names[];

/* The header line "Content-Type: ...". */
const char *sample_content_type(enum sample_encoding encoding);

/* Appends event number of the run, which happened at time_ms; at most SAMPLE_SIZE_MAX bytes. */
void sample_write(struct buf *out, enum sample_encoding encoding, enum sample_kind kind,
	const char *run, int64_t number, int64_t time_ms);

#endif
