/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "framing.h"
#include "repostal/memory.h"

#define POST "POST /a HTTP/1.1\r\n"

static void test_framing(void **state)
{
	static const struct {
		const char *name;
		const char *head;
		bool is_clear;
	} cases[] = {
		{ "nothing", "", true },
		{ "no header", POST "\r\n", true },
		{ "one length", POST "Host: a\r\nContent-Length: 5\r\n\r\nabcde", true },
		{ "one encoding", POST "Transfer-Encoding: chunked\r\n\r\n", true },
		{ "length and encoding",
			POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false },
		{ "encoding and length",
			POST "transfer-encoding: chunked\r\nX: y\r\ncontent-length: 5\r\n\r\n",
			false },
		{ "two lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", false },
		{ "the same length twice", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
			false },
		{ "two encodings",
			POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", false },
		{ "two hosts", POST "Host: a\r\nhost: b\r\n\r\n", false },
		{ "line feeds alone", POST "Content-Length: 5\nContent-Length: 6\n\n", false },
		{ "only in the body", POST "Content-Length: 5\r\n\r\nContent-Length: 6\r\n", true },
		{ "only in the body, line feeds", POST "Content-Length: 5\n\nHost: a\nHost: b\n",
			true },
		{ "names that begin like it", POST "Host-A: 1\r\nHost-B: 2\r\n\r\n", true },
		{ "in a value", POST "A: Host: b\r\nB: Host: c\r\n\r\n", true },
		{ "in the path", "POST /Host:a HTTP/1.1\r\nHost: b\r\n\r\n", true },
		{ "encoding in HTTP/1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
			false },
		{ "length in HTTP/1.0", "POST /a HTTP/1.0\r\nContent-Length: 5\r\n\r\n", true },
		{ "1.0 in the path",
			"POST /%20HTTP/1.0 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", true },
		{ "no end", POST "Host: a", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (framing_is_clear(slice_text(cases[i].head)) != cases[i].is_clear)
			fail_msg("%s", cases[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_framing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
