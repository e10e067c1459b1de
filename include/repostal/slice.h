/* SPDX-License-Identifier: MIT */
/*
 * slice.h - bytes that belong to somebody else
 *
 * Promise    A pointer and a length; not terminated, may hold NUL. An empty slice may have a null
 *            pointer.
 * Threads    Values.
 * Ownership  A slice never owns; whoever hands one out says how long it is valid.
 */
#ifndef REPOSTAL_SLICE_H
#define REPOSTAL_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *data;
	size_t size;
};

#define SLICE_LITERAL(text) ((struct slice){ .data = (text), .size = sizeof(text) - 1 })

static inline struct slice slice_of(const char *data, size_t size)
{
	return (struct slice){ .data = data, .size = size };
}

/* A null pointer gives an empty slice. */
static inline struct slice slice_text(const char *text)
{
	return (struct slice){ .data = text, .size = text == NULL ? 0 : strlen(text) };
}

/* slice_is* compare with a C string; slice_is_nocase folds ASCII letters only. */
bool slice_equal(struct slice a, struct slice b);
bool slice_is(struct slice slice, const char *text);
bool slice_is_nocase(struct slice slice, const char *text);
bool slice_starts_nocase(struct slice slice, const char *prefix);

/* Without ASCII white space at both ends. */
struct slice slice_trim(struct slice slice);

/*
 * Cuts the part before the first separator off *rest and returns it; *rest then starts behind the
 * separator. Without a separator the whole is returned and *rest becomes empty (data null).
 */
struct slice slice_cut(struct slice *rest, char separator);

/* Same contents and length; the time depends on the lengths only. For secrets. */
bool slice_equal_constant_time(struct slice a, struct slice b);

#endif
