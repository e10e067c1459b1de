/* SPDX-License-Identifier: MIT */
/*
 * text.h - all parsing of numbers, durations, sizes and rates, and all repair of text
 *
 * Promise    Pure functions. The whole slice must match; white space, signs (unless allowed) and
 *            trailing text are refused; overflow is refused, never wrapped.
 * Threads    Any.
 * Errors     The bool functions return false and leave *out alone.
 */
#ifndef REPOSTAL_TEXT_H
#define REPOSTAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/buf.h"
#include "repostal/slice.h"

/* Decimal digits only; 0 .. INT64_MAX. */
bool text_parse_uint(struct slice text, int64_t *out);

/*
 * A decimal number as JSON or a form may carry it: optional sign, digits, optional fraction,
 * optional exponent. Finite only.
 */
bool text_parse_double(struct slice text, double *out);

/* "500ms" "5s" "2m" "1h" "7d": a whole number and one unit, no space; "0" alone is allowed. */
bool text_parse_duration_ms(struct slice text, int64_t *out_ms);
/* "100" "64KiB" "1MiB" "2GiB" (and "B"): bytes. */
bool text_parse_size(struct slice text, int64_t *out_bytes);
/* "100/s" "600/m" "10/h": events per second as a double, more than 0. */
bool text_parse_rate(struct slice text, double *out_per_second);

/* The shortest spelling that parses back to the same value; for check --print and messages. */
void text_format_duration(struct buf *buf, int64_t duration_ms);
void text_format_size(struct buf *buf, int64_t bytes);
void text_format_rate(struct buf *buf, double per_second);

/*
 * Bytes of one valid UTF-8 sequence at data (RFC 3629: no surrogates, no overlong forms, at most
 * U+10FFFF), or 0 when there is none; size > 0.
 */
size_t text_utf8_sequence(const char *data, size_t size);
bool text_is_utf8(struct slice text);
/*
 * Bytes of the control character at data, or 0 when it begins with none; size > 0. DEL and the C1
 * controls (two bytes of UTF-8) are among them: a terminal obeys them like the others.
 */
size_t text_control_sequence(const char *data, size_t size);
/*
 * Bytes of a character at data that is not seen, or changes how others are: a control character, or one of
 * Unicode's categories Cf (bidirectional overrides, zero-width characters), Zl and Zp. 0 when it begins
 * with none; size > 0. What is shown to people escapes them, or a text could look like another one.
 */
size_t text_hidden_sequence(const char *data, size_t size);
/* The code point of a sequence of text_utf8_sequence(). */
uint32_t text_code_point(const char *data, size_t sequence_size);
/* Appends text with each maximal invalid run's bytes replaced by U+FFFD (one per bad byte). */
void text_append_utf8_repaired(struct buf *buf, struct slice text);
/* The longest prefix of at most characters_max characters; text is valid UTF-8. */
struct slice text_utf8_prefix(struct slice text, size_t characters_max);

/* Percent-decoding, in place; plus_is_space for form bodies. Returns the new size. A bad %xx stays.
 */
size_t text_percent_decode(char *data, size_t size, bool plus_is_space);

/* How many single edits turn a into b, for "did you mean"; lengths of at most 64. */
size_t text_edit_distance(const char *a, const char *b);

#endif
