/* SPDX-License-Identifier: MIT */
/*
 * hex.h - what a hexadecimal digit is worth
 *
 * Promise    0 .. 15 for either case, -1 for any other character.
 * Threads    Any.
 */
#ifndef REPOSTAL_BASE_HEX_H
#define REPOSTAL_BASE_HEX_H

static inline int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

#endif
