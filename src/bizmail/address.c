/* SPDX-License-Identifier: MIT */
/*
 * address.c - finds the bare address in what a mail program writes into a recipient field
 *
 * Knows quoted strings and angle brackets, not the whole grammar of RFC 5322: comments and groups
 * do not occur in envelope addresses, and an address that is not understood is quarantined, not
 * lost.
 */
#include "fields.h"

#include "repostal/bizmail.h"

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* The size of the quoted string that text starts with, with its quotes; 0: it starts with none. */
static size_t quoted_size(struct slice text)
{
	if (text.size == 0 || text.data[0] != '"')
		return 0;
	for (size_t i = 1; i < text.size; i++) {
		if (is_control(text.data[i]))
			return 0;
		if (text.data[i] == '\\')
			i++;
		else if (text.data[i] == '"')
			return i + 1;
	}
	return 0;
}

/* A quoted local part, as RFC 5321 allows it, may hold blanks and most other things. */
static bool address_is_usable(struct slice text)
{
	size_t quoted = quoted_size(text);
	const char *at = text.size == 0 ? NULL : memrchr(text.data, '@', text.size);

	if (at == NULL || at == text.data || at == text.data + text.size - 1)
		return false;
	if (text.size > BIZMAIL_ADDRESS_SIZE_MAX)
		return false;
	for (size_t i = quoted; i < text.size; i++) {
		char c = text.data[i];

		if (c == ' ' || is_control(c) || c == '<' || c == '>')
			return false;
	}
	return quoted == 0 || at == text.data + quoted;
}

/*
 * Cuts one candidate off *rest: what is inside <>, or what is in front of a comma, a semicolon or
 * the end. A display name with a comma that is not quoted gives candidates which are no addresses.
 */
static struct slice candidate_cut(struct slice *rest)
{
	struct slice all = *rest;
	bool quoted = false;

	for (size_t i = 0; i < all.size; i++) {
		char c = all.data[i];

		if (quoted && c == '\\') {
			i++;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && c == '<') {
			*rest = slice_behind(all, i + 1);
			return slice_trim(slice_cut(rest, '>'));
		} else if (!quoted && (c == ',' || c == ';')) {
			*rest = slice_behind(all, i + 1);
			return slice_trim(slice_of(all.data, i));
		}
	}
	*rest = slice_of(NULL, 0);
	return slice_trim(all);
}

struct slice bizmail_address(struct slice text)
{
	struct slice rest = text;

	while (rest.size > 0) {
		struct slice candidate = candidate_cut(&rest);

		if (address_is_usable(candidate))
			return candidate;
	}
	return slice_of(NULL, 0);
}
