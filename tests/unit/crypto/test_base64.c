/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repostal/base64.h"
#include "repostal/memory.h"

enum {
	OUT_SIZE = 16
};

static void test_encode(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		const char *standard;
		const char *url;
	} cases[] = {
		{ "nothing", "", "", "" },
		{ "one byte", "f", "Zg==", "Zg" },
		{ "two bytes", "fo", "Zm8=", "Zm8" },
		{ "three bytes", "foo", "Zm9v", "Zm9v" },
		{ "four bytes", "foob", "Zm9vYg==", "Zm9vYg" },
		{ "the last two letters", "\xfb\xff\xbf", "+/+/", "-_-_" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const uint8_t *bytes = (const uint8_t *)cases[i].bytes;
		size_t bytes_size = strlen(cases[i].bytes);
		char out[OUT_SIZE];
		size_t size = base64_encode(BASE64_STANDARD, bytes, bytes_size, out);

		if (!slice_is(slice_of(out, size), cases[i].standard))
			fail_msg("%s: %.*s", cases[i].name, (int)size, out);
		size = base64_encode(BASE64_URL, bytes, bytes_size, out);
		if (!slice_is(slice_of(out, size), cases[i].url))
			fail_msg("%s, URL: %.*s", cases[i].name, (int)size, out);
	}
}

static void test_decode(void **state)
{
	static const struct {
		const char *name;
		enum base64_alphabet alphabet;
		const char *text;
		const char *want; /* NULL: refused */
	} cases[] = {
		{ "nothing", BASE64_STANDARD, "", "" },
		{ "one byte", BASE64_STANDARD, "Zg==", "f" },
		{ "two bytes", BASE64_STANDARD, "Zm8=", "fo" },
		{ "padding lost", BASE64_STANDARD, "Zg", "f" },
		{ "eight bytes", BASE64_STANDARD, "Zm9vYmFyYmE=", "foobarba" },
		{ "URL letters", BASE64_URL, "-_-_", "\xfb\xff\xbf" },
		{ "URL with padding", BASE64_URL, "Zg==", "f" },
		{ "nine bytes, one too many", BASE64_STANDARD, "Zm9vYmFyYmF6", NULL },
		{ "one letter is no byte", BASE64_STANDARD, "Z", NULL },
		{ "half of the padding", BASE64_STANDARD, "Zg=", NULL },
		{ "too much padding", BASE64_STANDARD, "Z===", NULL },
		{ "padding only", BASE64_STANDARD, "====", NULL },
		{ "padding in the middle", BASE64_STANDARD, "Zg==Zg==", NULL },
		{ "left-over bits", BASE64_STANDARD, "Zh==", NULL },
		{ "white space", BASE64_STANDARD, "Zm 9v", NULL },
		{ "line end", BASE64_STANDARD, "Zm9v\n", NULL },
		{ "URL letters in the standard alphabet", BASE64_STANDARD, "-_-_", NULL },
		{ "standard letters in the URL alphabet", BASE64_URL, "+/+/", NULL },
		{ "not ASCII", BASE64_STANDARD, "Zm9\xc3", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t out[8];
		size_t size = 0;
		bool valid = base64_decode(
			cases[i].alphabet, slice_text(cases[i].text), out, sizeof(out), &size);

		if (valid != (cases[i].want != NULL))
			fail_msg("%s: %s", cases[i].name, valid ? "taken" : "refused");
		if (valid && !slice_is(slice_of((const char *)out, size), cases[i].want))
			fail_msg("%s: wrong bytes", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
