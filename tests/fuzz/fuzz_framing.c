/* SPDX-License-Identifier: MIT */
/*
 * Where a request ends. First byte: where the input is cut in two. It must not matter in which pieces a
 * request arrives; what belongs to it ends where its framing says; a hidden body is none.
 */
#include <stdlib.h>

#include "framing.h"
#include "fuzz.h"
#include "head.h"

static size_t take_in_pieces(struct framing *framing, struct slice bytes, size_t step)
{
	size_t seen = 0, taken = 0;

	framing_begin(framing);
	while (seen < bytes.size && framing->state != FRAMING_WHOLE) {
		size_t size = bytes.size - seen < step ? bytes.size : seen + step;

		taken = framing_take(framing, slice_of(bytes.data, size), seen);
		seen = size;
	}
	return taken;
}

static void check_pieces(const struct framing *whole, size_t taken, struct slice bytes, size_t step)
{
	struct framing pieces;
	size_t end = take_in_pieces(&pieces, bytes, step);

	REPOSTAL_ASSERT(pieces.state == whole->state);
	if (whole->state == FRAMING_WHOLE)
		REPOSTAL_ASSERT(end == taken);
	if (whole->state != FRAMING_BROKEN)
		REPOSTAL_ASSERT(pieces.left == whole->left && pieces.spare == whole->spare &&
				pieces.announced == whole->announced);
}

static void check_hidden(const struct framing *whole, struct slice bytes)
{
	char *head = memory_copy_bytes(bytes.data, whole->head_size);
	struct framing hidden;

	framing_hide_body(head, whole->head_size);
	framing_begin(&hidden);
	framing_take(&hidden, slice_of(head, whole->head_size), 0);
	REPOSTAL_ASSERT(!framing_awaits_body(&hidden));
	if (whole->state != FRAMING_BROKEN)
		REPOSTAL_ASSERT(hidden.state == FRAMING_WHOLE);
	free(head);
}

static void check_head(struct slice bytes)
{
	struct slice lines[HEAD_LINES_MAX];
	struct http_request request;

	head_read(bytes, lines, &request);
	REPOSTAL_ASSERT(request.path.size > 0);
	REPOSTAL_ASSERT(fuzz_contains(bytes, request.query));
	REPOSTAL_ASSERT(fuzz_contains(bytes, request.authorization));
	REPOSTAL_ASSERT(request.forwarded_for.count <= HEAD_LINES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = fuzz_input(data, size);
	size_t step = (size_t)fuzz_take_byte(&bytes) + 1;
	struct framing whole;
	size_t taken;

	framing_begin(&whole);
	taken = framing_take(&whole, bytes, 0);
	REPOSTAL_ASSERT(taken <= bytes.size);
	REPOSTAL_ASSERT(whole.spare <= FRAMING_SPARE_MAX);
	if (whole.state == FRAMING_WHOLE)
		REPOSTAL_ASSERT(whole.announced <= taken - whole.head_size);
	check_pieces(&whole, taken, bytes, step);
	check_pieces(&whole, taken, bytes, 1);
	if (whole.state != FRAMING_HEAD) {
		check_hidden(&whole, bytes);
		check_head(slice_of(bytes.data, whole.head_size));
	}
	return 0;
}
