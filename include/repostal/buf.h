/* SPDX-License-Identifier: MIT */
/*
 * buf.h - a growing buffer with a ceiling
 *
 * Promise    Never holds more than size_max bytes. A write that does not fit changes nothing,
 *            returns false and marks the buffer as overflowed, so a run of writes may be checked
 *            once at its end. The bytes are followed by a NUL that is not counted.
 * Threads    One owner.
 * Ownership  The buffer owns its bytes until buf_free() or buf_take().
 */
#ifndef REPOSTAL_BUF_H
#define REPOSTAL_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/slice.h"

struct buf {
	char *data;
	size_t size;
	size_t capacity;
	size_t size_max; /* set once, by buf_init() */
	bool overflowed;
};

void buf_init(struct buf *buf, size_t size_max);
bool buf_append(struct buf *buf, const void *data, size_t size);
bool buf_append_text(struct buf *buf, const char *text);
bool buf_append_slice(struct buf *buf, struct slice slice);
bool buf_append_char(struct buf *buf, char c);
bool buf_append_int(struct buf *buf, int64_t number);
/* The shortest decimal that reads back as the same number; else "NaN", "+Inf" or "-Inf". */
bool buf_append_double(struct buf *buf, double number);
bool buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Room for size more bytes at the end, or NULL (overflowed). The caller writes there and says with
 * buf_commit() how many it used.
 */
char *buf_reserve(struct buf *buf, size_t size);
void buf_commit(struct buf *buf, size_t size);

struct slice buf_slice(const struct buf *buf);

/* Empties the buffer and keeps its memory. */
void buf_reset(struct buf *buf);

/* Gives the bytes (NUL-terminated, never NULL) to the caller, who frees them. The buffer is empty.
 */
char *buf_take(struct buf *buf);
void buf_free(struct buf *buf);

/* \uXXXX of a code point; one beyond the BMP as a surrogate pair. */
bool buf_append_unicode_escape(struct buf *buf, uint32_t code);
/*
 * A JSON string literal with its quotes, as our own answers and logs need it: what text_hidden_sequence()
 * names, quote and backslash escaped, all else raw. Envelopes have a writer of their own (envelope.h).
 */
bool buf_append_json_string(struct buf *buf, struct slice text);

#endif
