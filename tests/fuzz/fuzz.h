/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what every fuzzer needs
 *
 * Promise    An input is taken apart from its front, so that a short one means zeros and empty texts.
 *            REPOSTAL_ASSERT says what must hold; it stops the fuzzer.
 */
#ifndef REPOSTAL_FUZZ_H
#define REPOSTAL_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "repostal/memory.h"
#include "repostal/slice.h"
#include "repostal/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct slice fuzz_input(const uint8_t *data, size_t size)
{
	return slice_of((const char *)data, size);
}

static inline uint8_t fuzz_take_byte(struct slice *input)
{
	uint8_t byte = 0;

	if (input->size > 0) {
		byte = (uint8_t)input->data[0];
		*input = slice_of(input->data + 1, input->size - 1);
	}
	return byte;
}

static inline bool fuzz_contains(struct slice text, struct slice part)
{
	return part.size == 0 ||
	       (text.size > 0 && memmem(text.data, text.size, part.data, part.size) != NULL);
}

/* Nothing that moves a terminal's cursor or begins a line of its own, but for line feeds and tabs. */
static inline bool fuzz_is_plain_text(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			return false;
	}
	return text_is_utf8(text);
}

#endif
