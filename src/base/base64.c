/* SPDX-License-Identifier: MIT */
#include "repostal/base64.h"

static const char *digits_of(enum base64_alphabet alphabet)
{
	switch (alphabet) {
	case BASE64_STANDARD:
		return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	case BASE64_URL:
		return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	}
	return NULL;
}

size_t base64_encode(enum base64_alphabet alphabet, const uint8_t *bytes, size_t size, char *out)
{
	const char *digits = digits_of(alphabet);
	char *end = out;

	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (left > 1)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			group |= bytes[i + 2];
		*end++ = digits[group >> 18];
		*end++ = digits[group >> 12 & 63];
		if (left > 1)
			*end++ = digits[group >> 6 & 63];
		else if (alphabet == BASE64_STANDARD)
			*end++ = '=';
		if (left > 2)
			*end++ = digits[group & 63];
		else if (alphabet == BASE64_STANDARD)
			*end++ = '=';
	}
	return (size_t)(end - out);
}

/* 0 to 63, or -1. */
static int digit_value(enum base64_alphabet alphabet, char c)
{
	const char *digits = digits_of(alphabet);

	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == digits[62])
		return 62;
	return c == digits[63] ? 63 : -1;
}

static struct slice without_padding(struct slice text)
{
	size_t padding = 0;

	while (padding < 2 && text.size > 0 && text.data[text.size - 1] == '=') {
		text.size--;
		padding++;
	}
	return text;
}

bool base64_decode(enum base64_alphabet alphabet, struct slice text, uint8_t *out, size_t size_max,
	size_t *size_out)
{
	uint32_t bits = 0;
	unsigned bit_count = 0;
	size_t size = 0;

	if (text.size % 4 == 0)
		text = without_padding(text);
	if (text.size % 4 == 1)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		int value = digit_value(alphabet, text.data[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		bit_count += 6;
		if (bit_count < 8)
			continue;
		bit_count -= 8;
		if (size == size_max)
			return false;
		out[size++] = (uint8_t)(bits >> bit_count);
	}
	*size_out = size;
	/* Left-over bits that are not zero would make two texts of the same bytes. */
	return (bits & ((1U << bit_count) - 1)) == 0;
}
