/* SPDX-License-Identifier: MIT */
#include "repostal/slice.h"

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool slice_equal(struct slice a, struct slice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool slice_is(struct slice slice, const char *text)
{
	return slice_equal(slice, slice_text(text));
}

bool slice_is_nocase(struct slice slice, const char *text)
{
	return slice.size == strlen(text) && slice_starts_nocase(slice, text);
}

bool slice_starts_nocase(struct slice slice, const char *prefix)
{
	size_t prefix_size = strlen(prefix);

	if (slice.size < prefix_size)
		return false;
	for (size_t i = 0; i < prefix_size; i++) {
		if (fold(slice.data[i]) != fold(prefix[i]))
			return false;
	}
	return true;
}

struct slice slice_trim(struct slice slice)
{
	while (slice.size > 0 && is_space(slice.data[0])) {
		slice.data++;
		slice.size--;
	}
	while (slice.size > 0 && is_space(slice.data[slice.size - 1]))
		slice.size--;
	return slice;
}

struct slice slice_cut(struct slice *rest, char separator)
{
	struct slice part = *rest;
	const char *found = part.size == 0 ? NULL : memchr(part.data, separator, part.size);

	if (found == NULL) {
		*rest = slice_of(NULL, 0);
		return part;
	}
	part.size = (size_t)(found - part.data);
	*rest = slice_of(found + 1, rest->size - part.size - 1);
	return part;
}

bool slice_equal_constant_time(struct slice a, struct slice b)
{
	/* volatile: the compiler may not see that one difference already decides */
	volatile unsigned char difference = 0;

	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++)
		difference |= (unsigned char)(a.data[i] ^ b.data[i]);
	return difference == 0;
}
