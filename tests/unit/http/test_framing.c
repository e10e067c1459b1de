/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "framing.h"
#include "repostal/memory.h"

#define BARE "POST /a HTTP/1.1\r\n"
#define POST BARE "Host: a\r\n"
#define OLD "POST /a HTTP/1.0\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define DIGITS_16 "0000000000000005"
#define AHEAD "GET / HTTP/1.1\r\n"

enum {
	END = -1 /* the request ends with the bytes */
};

static const struct {
	const char *name;
	const char *bytes;
	enum framing_state want;
	int size; /* of the request, when it is whole */
} cases[] = {
	{ "nothing", "", FRAMING_HEAD, 0 },
	{ "no end", POST "X: a", FRAMING_HEAD, 0 },
	{ "no body", POST "\r\n", FRAMING_WHOLE, END },
	{ "an empty line in front", "\r\n" POST "\r\n", FRAMING_WHOLE, END },
	{ "a line feed in front", "\n" POST "\r\n", FRAMING_WHOLE, END },
	{ "line feeds alone", "GET / HTTP/1.1\nHost: a\n\n", FRAMING_WHOLE, END },
	{ "the next request", POST "\r\n" AHEAD, FRAMING_WHOLE, sizeof(POST "\r\n") - 1 },

	{ "a length", POST "Content-Length: 5\r\n\r\nabcde", FRAMING_WHOLE, END },
	{ "a length, more to come", POST "Content-Length: 5\r\n\r\nabcd", FRAMING_LENGTH, 0 },
	{ "a length, and the next request", POST "Content-Length: 1\r\n\r\na" AHEAD, FRAMING_WHOLE,
		sizeof(POST "Content-Length: 1\r\n\r\na") - 1 },
	{ "a length of zero", POST "Content-Length: 0\r\n\r\n", FRAMING_WHOLE, END },
	{ "a length beyond every limit", POST "Content-Length: 99999999999\r\n\r\n", FRAMING_LENGTH,
		0 },
	{ "no length", POST "Content-Length:\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "a length with a plus", POST "Content-Length: +5\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "a length with a minus", POST "Content-Length: -5\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "a length in hexadecimal", POST "Content-Length: 0x5\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "a length twice in one line", POST "Content-Length: 5, 5\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "a length with a space in it", POST "Content-Length: 1 0\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "a length of twenty digits", POST "Content-Length: 00000000000000000005\r\n\r\n",
		FRAMING_BROKEN, 0 },
	{ "length and encoding", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		FRAMING_BROKEN, 0 },
	{ "encoding and length",
		POST "transfer-encoding: chunked\r\nX: y\r\ncontent-length: 5\r\n\r\n",
		FRAMING_BROKEN, 0 },
	{ "two lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "the same length twice", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
		FRAMING_BROKEN, 0 },
	{ "two encodings", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
		FRAMING_BROKEN, 0 },
	{ "another encoding", POST "Transfer-Encoding: identity\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "two lengths with line feeds alone",
		"POST / HTTP/1.1\nHost: a\nContent-Length: 5\nContent-Length: 6\n\n",
		FRAMING_BROKEN, 0 },
	{ "only in the body", POST "Content-Length: 19\r\n\r\nContent-Length: 6\r\n", FRAMING_WHOLE,
		END },
	{ "names that begin like it", POST "Host-A: 1\r\nHost-B: 2\r\n\r\n", FRAMING_WHOLE, END },
	{ "in a value", POST "A: Host: b\r\nB: Host: c\r\n\r\n", FRAMING_WHOLE, END },
	{ "in the path", "POST /Host:a HTTP/1.1\r\nHost: b\r\n\r\n", FRAMING_WHOLE, END },
	{ "a folded line", POST "A: b\r\n c\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "encoding in HTTP/1.0", OLD "Transfer-Encoding: chunked\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "length in HTTP/1.0", OLD "Content-Length: 5\r\n\r\nabcde", FRAMING_WHOLE, END },
	{ "1.0 in the path",
		"POST /%20HTTP/1.0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
		FRAMING_CHUNK_BEGIN, 0 },

	{ "no host", BARE "\r\n", FRAMING_BROKEN, 0 },
	{ "no host, but a length", BARE "Content-Length: 5\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "no host in HTTP/1.0", OLD "\r\n", FRAMING_WHOLE, END },
	{ "an empty host", BARE "Host:\r\n\r\n", FRAMING_WHOLE, END },
	{ "two hosts", POST "host: b\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "a host with a port", BARE "Host: [2001:db8::1]:8025\r\n\r\n", FRAMING_WHOLE, END },
	{ "a host with a path", BARE "Host: a/b\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "a host with a space", BARE "Host: a b\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "a host with a user", BARE "Host: a@b\r\n\r\n", FRAMING_BROKEN, 0 },

	{ "chunks", CHUNKED "5\r\nabcde\r\n0\r\n\r\n", FRAMING_WHOLE, END },
	{ "chunks and the next request", CHUNKED "0\r\n\r\n" AHEAD, FRAMING_WHOLE,
		sizeof(CHUNKED "0\r\n\r\n") - 1 },
	{ "digits of either case", CHUNKED "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
		FRAMING_WHOLE, END },
	{ "leading zeros", CHUNKED DIGITS_16 "\r\nabcde\r\n000\r\n\r\n", FRAMING_WHOLE, END },
	{ "an extension", CHUNKED "5;a=\"b c\"\r\nabcde\r\n0;d\r\n\r\n", FRAMING_WHOLE, END },
	{ "trailers", CHUNKED "0\r\nA: b\r\nC:\r\n\r\n", FRAMING_WHOLE, END },
	{ "a chunk that has not come", CHUNKED "5\r\nabc", FRAMING_CHUNK_DATA, 0 },
	{ "the largest chunk", CHUNKED "ffffffffffffffff\r\n", FRAMING_CHUNK_DATA, 0 },
	{ "a size that is too long", CHUNKED "0" DIGITS_16 "\r\n", FRAMING_BROKEN, 0 },
	{ "a size with a prefix", CHUNKED "0x2\r\n", FRAMING_BROKEN, 0 },
	{ "a size with a plus", CHUNKED "+2\r\n", FRAMING_BROKEN, 0 },
	{ "a size with a minus", CHUNKED "-2\r\n", FRAMING_BROKEN, 0 },
	{ "no size", CHUNKED "\r\n", FRAMING_BROKEN, 0 },
	{ "no size, but an extension", CHUNKED ";a\r\n", FRAMING_BROKEN, 0 },
	{ "a space in front of a size", CHUNKED " 2\r\n", FRAMING_BROKEN, 0 },
	{ "a space behind a size", CHUNKED "2 \r\n", FRAMING_BROKEN, 0 },
	{ "a tab behind a size", CHUNKED "2\t\r\n", FRAMING_BROKEN, 0 },
	{ "a space in front of an extension", CHUNKED "2 ;a\r\n", FRAMING_BROKEN, 0 },
	{ "two sizes", CHUNKED "2 2\r\n", FRAMING_BROKEN, 0 },
	{ "a comma in a size", CHUNKED "1,0\r\n", FRAMING_BROKEN, 0 },
	{ "a fraction of a size", CHUNKED "2.0\r\n", FRAMING_BROKEN, 0 },
	{ "a size that is none", CHUNKED "g\r\n", FRAMING_BROKEN, 0 },
	{ "a size behind a line feed alone", CHUNKED "2\nab", FRAMING_BROKEN, 0 },
	{ "an extension and a line feed alone", CHUNKED "2;a\nab", FRAMING_BROKEN, 0 },
	{ "a carriage return in an extension", CHUNKED "2;a\rb\r\n", FRAMING_BROKEN, 0 },
	{ "a control character in an extension", CHUNKED "2;a\001\r\n", FRAMING_BROKEN, 0 },
	{ "two carriage returns", CHUNKED "2\r\r\n", FRAMING_BROKEN, 0 },
	{ "data longer than its size", CHUNKED "2\r\nabc\r\n", FRAMING_BROKEN, 0 },
	{ "data with a line feed alone", CHUNKED "2\r\nab\n0\r\n\r\n", FRAMING_BROKEN, 0 },
	{ "data and two carriage returns", CHUNKED "2\r\nab\r\r\n", FRAMING_BROKEN, 0 },
	{ "trailers with a line feed alone", CHUNKED "0\r\nA: b\n\r\n", FRAMING_BROKEN, 0 },
	{ "an end with a line feed alone", CHUNKED "0\r\n\n", FRAMING_BROKEN, 0 },
	{ "a trailer without a name", CHUNKED "0\r\n: b\r\n", FRAMING_BROKEN, 0 },
	{ "a trailer without a colon", CHUNKED "0\r\nabc\r\n", FRAMING_BROKEN, 0 },
	{ "a trailer with a space in its name", CHUNKED "0\r\na : b\r\n", FRAMING_BROKEN, 0 },
	{ "a folded trailer", CHUNKED "0\r\na: b\r\n c\r\n", FRAMING_BROKEN, 0 },
};

static void check(const char *name, const struct framing *framing, size_t taken, size_t i)
{
	size_t size = strlen(cases[i].bytes);

	if (framing->state != cases[i].want)
		fail_msg("%s, %s: state %d", cases[i].name, name, (int)framing->state);
	if (cases[i].want == FRAMING_WHOLE &&
		taken != (cases[i].size == END ? size : (size_t)cases[i].size))
		fail_msg("%s, %s: ends at %zu", cases[i].name, name, taken);
}

static void test_at_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct framing framing;

		framing_begin(&framing);
		check("at once", &framing, framing_take(&framing, slice_text(cases[i].bytes), 0),
			i);
	}
}

static void test_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		size_t size = strlen(cases[i].bytes), taken = 0;
		struct framing framing;

		framing_begin(&framing);
		for (size_t at = 1; at <= size && framing.state != FRAMING_WHOLE; at++)
			taken = framing_take(&framing, slice_of(cases[i].bytes, at), at - 1);
		check("byte by byte", &framing, taken, i);
	}
}

static void test_what_surrounds_a_body_is_bounded(void **state)
{
	static const struct {
		const char *name;
		const char *begin;
		const char *again;
		bool is_bounded;
	} endless[] = {
		{ "one extension", "1;", "a", true },
		{ "an extension to each chunk", "", "1;aaaaaaaaaaaaaaaa\r\nx\r\n", true },
		{ "one trailer", "0\r\na: ", "b", true },
		{ "many trailers", "0\r\n", "a: b\r\n", true },
		{ "chunks of one byte", "", "1\r\nx\r\n", false },
		{ "chunks of sixteen bytes", "", "10;a=b\r\n0123456789abcdef\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(endless); i++) {
		size_t size = 0;
		struct framing framing;

		framing_begin(&framing);
		framing_take(&framing, SLICE_LITERAL(CHUNKED), 0);
		framing_take(&framing, slice_text(endless[i].begin), 0);
		while (framing.state != FRAMING_BROKEN && size < (size_t)16 * FRAMING_SPARE_MAX) {
			framing_take(&framing, slice_text(endless[i].again), 0);
			size += strlen(endless[i].again);
		}
		if ((framing.state == FRAMING_BROKEN) != endless[i].is_bounded)
			fail_msg("%s: %zu bytes", endless[i].name, size);
	}
}

static void test_a_body_is_hidden(void **state)
{
	static const struct {
		const char *name;
		const char *head;
		const char *want;
	} heads[] = {
		{ "a length", POST "Content-Length: 5\r\n\r\n", POST "xontent-Length: 5\r\n\r\n" },
		{ "chunks", POST "transfer-encoding: chunked\r\n\r\n",
			POST "xransfer-encoding: chunked\r\n\r\n" },
		{ "all of them",
			POST "Content-Length: 5\r\nTransfer-Encoding: a\r\ncontent-length:6\n\n",
			POST "xontent-Length: 5\r\nxransfer-Encoding: a\r\nxontent-length:6\n\n" },
		{ "no other name", POST "Content-Length-A: 5\r\nA: Content-Length: 5\r\n\r\n",
			POST "Content-Length-A: 5\r\nA: Content-Length: 5\r\n\r\n" },
		{ "another protocol", POST "Upgrade: a\r\nContent-Length: 5\r\n\r\n",
			POST "xpgrade: a\r\nxontent-Length: 5\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
		char head[256];
		size_t size = strlen(heads[i].head);

		memcpy(head, heads[i].head, size);
		framing_hide_body(head, size);
		if (!slice_is(slice_of(head, size), heads[i].want))
			fail_msg("%s: %.*s", heads[i].name, (int)size, head);
	}
}

static void test_another_protocol_is_hidden(void **state)
{
	static const struct {
		const char *name;
		const char *head;
		const char *want;
		bool asks;
	} heads[] = {
		{ "none", POST "Content-Length: 5\r\n\r\n", POST "Content-Length: 5\r\n\r\n",
			false },
		{ "one", POST "Content-Length: 5\r\nUpgrade: a\r\n\r\n",
			POST "Content-Length: 5\r\nxpgrade: a\r\n\r\n", true },
		{ "two", POST "upgrade: a\r\nA: b\r\nUPGRADE:b\r\n\r\n",
			POST "xpgrade: a\r\nA: b\r\nxPGRADE:b\r\n\r\n", true },
		{ "no other name", POST "Connection: upgrade\r\nUpgrade-A: b\r\n\r\n",
			POST "Connection: upgrade\r\nUpgrade-A: b\r\n\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
		char head[256];
		size_t size = strlen(heads[i].head);
		struct framing framing;

		framing_begin(&framing);
		framing_take(&framing, slice_text(heads[i].head), 0);
		memcpy(head, heads[i].head, size);
		framing_hide_upgrade(head, size);
		if (framing.asks_upgrade != heads[i].asks ||
			!slice_is(slice_of(head, size), heads[i].want))
			fail_msg("%s: %.*s", heads[i].name, (int)size, head);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_what_surrounds_a_body_is_bounded),
		cmocka_unit_test(test_a_body_is_hidden),
		cmocka_unit_test(test_another_protocol_is_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
