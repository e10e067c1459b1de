/* SPDX-License-Identifier: MIT */
/*
 * The small parsers that everything else is made of: addresses and ranges, numbers with units, dates,
 * base64, UUIDs, percent and UTF-8 repair. What was understood and is written again means the same.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "repostal/address.h"
#include "repostal/base64.h"
#include "repostal/clock.h"
#include "repostal/uuid.h"

static void check_address(struct slice text)
{
	struct address address, again;
	char written[ADDRESS_TEXT_SIZE];

	if (!address_parse(text, &address)) {
		(void)address_parse_node(text, &address);
		return;
	}
	REPOSTAL_ASSERT(address_parse_node(text, &again));
	REPOSTAL_ASSERT(memcmp(&address, &again, sizeof(address)) == 0);
	address_format(&address, written);
	REPOSTAL_ASSERT(address_parse(slice_text(written), &again));
	REPOSTAL_ASSERT(memcmp(&address, &again, sizeof(address)) == 0);
}

static void check_range(struct slice text)
{
	struct address_range range;
	struct address_ranges ranges = { .list = &range, .count = 1 };
	struct address inside;

	if (!address_range_parse(text, &range))
		return;
	REPOSTAL_ASSERT(range.prefix_bits <= 128);
	inside = range.base;
	/* An IPv4 address is in no range that is wider than IPv4. */
	if (range.prefix_bits >= 96)
		REPOSTAL_ASSERT(address_in_ranges(&inside, &ranges));
	if (range.prefix_bits == 0)
		return;
	/* The last bit of the prefix turned over: outside. */
	inside.bytes[(range.prefix_bits - 1) / 8] ^= (uint8_t)(0x80 >> (range.prefix_bits - 1) % 8);
	REPOSTAL_ASSERT(!address_in_ranges(&inside, &ranges));
}

static void check_number(struct slice text, bool (*parse)(struct slice text, int64_t *out),
	void (*format)(struct buf *buf, int64_t number))
{
	int64_t number, again;
	struct buf written;

	if (!parse(text, &number))
		return;
	buf_init(&written, 64);
	format(&written, number);
	REPOSTAL_ASSERT(number >= 0 && !written.overflowed);
	REPOSTAL_ASSERT(parse(buf_slice(&written), &again) && again == number);
	buf_free(&written);
}

static void check_rate(struct slice text)
{
	double rate, again;
	struct buf written;

	if (!text_parse_rate(text, &rate))
		return;
	buf_init(&written, 64);
	text_format_rate(&written, rate);
	REPOSTAL_ASSERT(rate > 0 && !written.overflowed);
	REPOSTAL_ASSERT(text_parse_rate(buf_slice(&written), &again));
	REPOSTAL_ASSERT(again > rate * 0.999 && again < rate * 1.001);
	buf_free(&written);
}

static void check_base64(struct slice text)
{
	uint8_t bytes[256];
	uint8_t again[256];
	char written[BASE64_SIZE(sizeof(bytes))];
	size_t size, again_size;

	for (int url = 0; url < 2; url++) {
		enum base64_alphabet alphabet = url == 0 ? BASE64_STANDARD : BASE64_URL;

		if (!base64_decode(alphabet, text, bytes, sizeof(bytes), &size))
			continue;
		REPOSTAL_ASSERT(size <= sizeof(bytes));
		REPOSTAL_ASSERT(base64_decode(alphabet,
			slice_of(written, base64_encode(alphabet, bytes, size, written)), again,
			sizeof(again), &again_size));
		REPOSTAL_ASSERT(again_size == size && memcmp(again, bytes, size) == 0);
	}
}

static void check_utf8(struct slice text)
{
	struct buf repaired;
	struct slice prefix;

	buf_init(&repaired, 3 * text.size + 1);
	text_append_utf8_repaired(&repaired, text);
	REPOSTAL_ASSERT(!repaired.overflowed && text_is_utf8(buf_slice(&repaired)));
	if (text_is_utf8(text))
		REPOSTAL_ASSERT(slice_equal(buf_slice(&repaired), text));
	prefix = text_utf8_prefix(buf_slice(&repaired), 5);
	REPOSTAL_ASSERT(prefix.size <= 20 && text_is_utf8(prefix));
	buf_free(&repaired);
}

static void check_percent(struct slice text)
{
	for (int plus = 0; plus < 2; plus++) {
		char *copy = memory_copy_bytes(text.data, text.size);
		size_t size = text_percent_decode(copy, text.size, plus != 0);

		REPOSTAL_ASSERT(size <= text.size && 3 * size >= text.size);
		free(copy);
	}
}

static void check_uuid(struct slice text)
{
	struct uuid uuid, again;
	char written[UUID_TEXT_SIZE];

	if (!uuid_parse(text, &uuid))
		return;
	uuid_format(&uuid, written);
	REPOSTAL_ASSERT(uuid_parse(slice_text(written), &again));
	REPOSTAL_ASSERT(memcmp(&uuid, &again, sizeof(uuid)) == 0);
}

static void check_date(struct slice text)
{
	char written[CLOCK_TEXT_SIZE];
	int64_t date_ms, again_ms;

	if (!clock_parse_date(text, &date_ms) || date_ms < 0)
		return;
	clock_format_utc(date_ms, written);
	REPOSTAL_ASSERT(clock_parse_date(slice_text(written), &again_ms));
	REPOSTAL_ASSERT(date_ms == again_ms || date_ms > INT64_C(253402300799999));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = fuzz_input(data, size);
	double number = 0;

	check_address(text);
	check_range(text);
	check_number(text, text_parse_duration_ms, text_format_duration);
	check_number(text, text_parse_size, text_format_size);
	check_rate(text);
	check_base64(text);
	check_utf8(text);
	check_percent(text);
	check_uuid(text);
	check_date(text);
	if (text_parse_double(text, &number))
		REPOSTAL_ASSERT(number - number == 0); /* finite */
	return 0;
}
