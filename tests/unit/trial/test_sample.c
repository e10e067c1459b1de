/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "repostal/bizmail.h"
#include "trial/trigger/sample.h"

static const int64_t time_ms = INT64_C(1713100000123);

/* What our own parser makes of a sample; the event is to be released. */
static int place_of(const char *name, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	fail_msg("'%s' is no name", name);
	return -1;
}

static struct bizmail_event parse(const char *encoding_name, enum sample_kind kind, int64_t number)
{
	struct slice content_type;
	enum sample_encoding encoding;
	struct bizmail_event event;
	struct buf body;

	encoding = (enum sample_encoding)place_of(encoding_name, sample_encoding_names);
	content_type = slice_text(strchr(sample_content_type(encoding), ':') + 1);
	content_type = slice_trim(content_type);
	buf_init(&body, SAMPLE_SIZE_MAX);
	sample_write(&body, encoding, kind, "run", number, time_ms);
	assert_false(body.overflowed);
	assert_int_equal(bizmail_parse(bizmail_encoding_of(content_type, buf_slice(&body)),
				 content_type, buf_slice(&body), BIZMAIL_UNKNOWN, &event, NULL),
		BIZMAIL_PROBLEM_NONE);
	buf_free(&body);
	return event;
}

static void test_kinds_in_all_encodings(void **state)
{
	static const char *const encodings[] = { "json", "form", "multipart" };
	static const struct {
		const char *name;
		enum bizmail_kind want;
		bool permanent;
		int64_t want_ms;
	} cases[] = {
		{ "delivered", BIZMAIL_DELIVERED, false, time_ms },
		{ "bounce", BIZMAIL_BOUNCE, true, time_ms },
		{ "soft-bounce", BIZMAIL_BOUNCE, false, time_ms },
		{ "drop", BIZMAIL_DROP, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t k = 0; k < sizeof(encodings) / sizeof(encodings[0]); k++) {
			struct bizmail_event event;
			enum sample_kind kind =
				(enum sample_kind)place_of(cases[i].name, sample_kind_names);

			event = parse(encodings[k], kind, 42);
			if (event.kind != cases[i].want || event.time_ms != cases[i].want_ms ||
				(event.kind == BIZMAIL_BOUNCE &&
					event.permanent != cases[i].permanent) ||
				!slice_is(event.id, "run-42@bizfly.vn") ||
				!slice_is(event.recipient, "user42@example.com"))
				fail_msg("%s as %s", cases[i].name, encodings[k]);
			bizmail_event_release(&event);
		}
}

static void test_mix(void **state)
{
	int delivered = 0, hard = 0, soft = 0, drops = 0;

	(void)state;
	for (int64_t number = 0; number < 100; number++) {
		struct bizmail_event event = parse("json", SAMPLE_MIX, number);

		delivered += event.kind == BIZMAIL_DELIVERED;
		hard += event.kind == BIZMAIL_BOUNCE && event.permanent;
		soft += event.kind == BIZMAIL_BOUNCE && !event.permanent;
		drops += event.kind == BIZMAIL_DROP;
		bizmail_event_release(&event);
	}
	assert_int_equal(delivered, 75);
	assert_int_equal(hard, 10);
	assert_int_equal(soft, 10);
	assert_int_equal(drops, 5);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(sample_kind_names[SAMPLE_MIX], "mix");
	assert_null(sample_kind_names[SAMPLE_MIX + 1]);
	assert_string_equal(sample_encoding_names[SAMPLE_MULTIPART], "multipart");
	assert_null(sample_encoding_names[SAMPLE_MULTIPART + 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_in_all_encodings),
		cmocka_unit_test(test_mix),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
