/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/show/progress.h"
#include "repostal/memory.h"

enum {
	LINE_SIZE_MAX = 1024
};

static void test_lines(void **state)
{
	static const struct {
		const char *name;
		struct progress progress;
		size_t width_max;
		const char *want;
	} cases[] = {
		{ "just begun", { .expected = 100 }, 80,
			"[----------------------------------------]    0 %  0 of 100" },
		{ "a third", { .expected = 3000, .changed = 1000, .elapsed_ms = 4000 }, 100,
			"[#############---------------------------]   33 %  1000 of 3000, 250/s, "
			"8s left" },
		{ "too early for a rate", { .expected = 100, .changed = 50, .elapsed_ms = 100 }, 80,
			"[####################--------------------]   50 %  50 of 100" },
		{ "done", { .expected = 100, .changed = 100, .elapsed_ms = 1000 }, 80,
			"[########################################]  100 %  100 of 100, 100/s" },
		{ "more than expected", { .expected = 100, .changed = 120 }, 80,
			"[########################################]  100 %  120 of 100" },
		{ "nothing to do", { .expected = 0 }, 80,
			"[########################################]  100 %  0 of 0" },
		{ "a narrow terminal", { .expected = 100, .changed = 50 }, 40,
			"[##########----------]   50 %  50 of 100" },
		{ "no room for a bar", { .expected = 100, .changed = 50 }, 20, " 50 %  50 of 100" },
		{ "no room at all", { .expected = 100, .changed = 50 }, 3, " 50" },
		{ "how many there are is not known",
			{ .expected = -1, .changed = 10, .scanned = 40 }, 80,
			"10 changed of 40 seen" },
		{ "not known, but how fast",
			{ .expected = -1, .changed = 10, .scanned = 40, .elapsed_ms = 2000 }, 80,
			"10 changed of 40 seen, 5/s" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf out;

		buf_init(&out, LINE_SIZE_MAX);
		progress_append(&out, &cases[i].progress, cases[i].width_max);
		if (!slice_is(buf_slice(&out), cases[i].want))
			fail_msg("%s: got '%.*s'", cases[i].name, (int)out.size, out.data);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
