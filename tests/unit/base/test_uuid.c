/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/memory.h"
#include "repostal/uuid.h"

static void test_from_sha1(void **state)
{
	/* RFC 9562, A.4: SHA-1 of the DNS name space and "www.example.com" */
	static const uint8_t digest[20] = { 0x2e, 0xd6, 0x65, 0x7d, 0xe9, 0x27, 0x46, 0x8b, 0x55,
		0xe1, 0x26, 0x65, 0xa8, 0xae, 0xa6, 0xa2, 0x2d, 0xee, 0x3e, 0x35 };
	struct uuid uuid = uuid_from_sha1(digest);
	char text[UUID_TEXT_SIZE];

	(void)state;
	uuid_format(&uuid, text);
	assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void test_parse(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *want; /* NULL: refused */
	} cases[] = {
		{ "lower case", "820b47a4-4dfd-42e4-ae6a-1e5bed5a33fd",
			"820b47a4-4dfd-42e4-ae6a-1e5bed5a33fd" },
		{ "upper case", "820B47A4-4DFD-42E4-AE6A-1E5BED5A33FD",
			"820b47a4-4dfd-42e4-ae6a-1e5bed5a33fd" },
		{ "nil", "00000000-0000-0000-0000-000000000000",
			"00000000-0000-0000-0000-000000000000" },
		{ "too short", "820b47a4-4dfd-42e4-ae6a-1e5bed5a33f", NULL },
		{ "too long", "820b47a4-4dfd-42e4-ae6a-1e5bed5a33fd0", NULL },
		{ "no hyphens", "820b47a44dfd42e4ae6a1e5bed5a33fd", NULL },
		{ "hyphen misplaced", "820b47a-44dfd-42e4-ae6a-1e5bed5a33fd", NULL },
		{ "hyphen replaced", "820b47a4_4dfd-42e4-ae6a-1e5bed5a33fd", NULL },
		{ "not a digit", "820b47a4-4dfd-42e4-ae6a-1e5bed5a33fg", NULL },
		{ "braces", "{20b47a4-4dfd-42e4-ae6a-1e5bed5a33f}", NULL },
		{ "empty", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct uuid uuid;
		char text[UUID_TEXT_SIZE];
		bool accepted = uuid_parse(slice_text(cases[i].text), &uuid);

		if (accepted != (cases[i].want != NULL))
			fail_msg("%s: %s", cases[i].name, accepted ? "accepted" : "refused");
		if (!accepted)
			continue;
		uuid_format(&uuid, text);
		assert_string_equal(text, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_sha1),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
