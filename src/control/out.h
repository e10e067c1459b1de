/* SPDX-License-Identifier: MIT */
/*
 * out.h - writing answers
 *
 * Promise    Commas come by themselves. Any bytes give valid JSON: what is not UTF-8 is repaired.
 *            Whether all of it fitted is asked once, at the end (buf.overflowed).
 * Threads    Any; one owner of the buffer.
 */
#ifndef REPOSTAL_CONTROL_OUT_H
#define REPOSTAL_CONTROL_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/buf.h"

/* An object or array within an array, or the whole. */
void out_open(struct buf *out, char bracket);
void out_close(struct buf *out, char bracket);
void out_key(struct buf *out, const char *key);

/* A member of the present object. */
void out_open_at(struct buf *out, const char *key, char bracket);
void out_text(struct buf *out, const char *key, struct slice text);
/* The same as an element of a list. */
void out_element(struct buf *out, struct slice text);
/* null when empty */
void out_text_or_null(struct buf *out, const char *key, struct slice text);
void out_int(struct buf *out, const char *key, int64_t number);
void out_bool(struct buf *out, const char *key, bool value);
void out_null(struct buf *out, const char *key);
void out_time_ms(struct buf *out, const char *key, int64_t unix_ms);
void out_seconds(struct buf *out, const char *key, int64_t us);

#endif
