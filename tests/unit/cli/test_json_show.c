/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "cli/show/json_show.h"
#include "repostal/memory.h"

enum {
	TEXT_SIZE_MAX = 256
};

static void expect(const char *name, struct buf *got, const char *want)
{
	struct slice text = got->size == 0 ? slice_text("") : buf_slice(got);

	if (!slice_is(text, want))
		fail_msg("%s: got '%.*s', want '%s'", name, (int)text.size, text.data, want);
	buf_reset(got);
}

static void test_amounts(void **state)
{
	static const struct {
		void (*append)(struct buf *out, int64_t amount);
		int64_t amount;
		const char *want;
	} cases[] = {
		{ show_append_seconds, 0, "0s" },
		{ show_append_seconds, 59, "59s" },
		{ show_append_seconds, 60, "1m 0s" },
		{ show_append_seconds, 3599, "59m 59s" },
		{ show_append_seconds, 3600, "1h 0m" },
		{ show_append_seconds, 86399, "23h 59m" },
		{ show_append_seconds, 86400, "1d 0h" },
		{ show_append_seconds, 8640000, "100d 0h" },
		{ show_append_bytes, 0, "0 B" },
		{ show_append_bytes, 1023, "1023 B" },
		{ show_append_bytes, 1024, "1.0 KiB" },
		{ show_append_bytes, 1536 * 1024, "1.5 MiB" },
		{ show_append_bytes, INT64_C(1) << 40, "1.0 TiB" },
		{ show_append_bytes, INT64_C(1) << 52, "4096.0 TiB" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, TEXT_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		cases[i].append(&out, cases[i].amount);
		expect("amount", &out, cases[i].want);
	}
	buf_free(&out);
}

static void test_times(void **state)
{
	static const char *const cases[][3] = {
		{ "2026-11-21T01:02:03.456Z", "2026-11-21T01:02:03Z", "2026-11-21 02:02:03+01:00" },
		{ "2026-07-01T01:02:03Z", "2026-07-01T01:02:03Z", "2026-07-01 03:02:03+02:00" },
		{ "soon", "soon", "soon" },
		{ "2h", "2h", "2h" },
		{ "", "", "" },
	};
	struct buf out;

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	buf_init(&out, TEXT_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		show_append_time_as(&out, slice_text(cases[i][0]), CLOCK_UTC);
		expect(cases[i][0], &out, cases[i][1]);
		show_append_time_as(&out, slice_text(cases[i][0]), CLOCK_LOCAL);
		expect(cases[i][0], &out, cases[i][2]);
	}
	buf_free(&out);
}

static void test_results(void **state)
{
	static const char *const cases[][2] = {
		{ "{\"status\":500,\"result\":\"5xx\"}", "500" },
		{ "{\"status\":null,\"result\":\"timeout\"}", "timeout" },
		{ "{\"status\":null,\"result\":null}", "" },
		{ "{}", "" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, TEXT_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		json_t *attempt = json_loads(cases[i][0], 0, NULL);

		show_append_result(&out, attempt);
		expect(cases[i][0], &out, cases[i][1]);
		json_decref(attempt);
	}
	buf_free(&out);
}

static void test_cells(void **state)
{
	static const struct table_column columns[] = {
		{ .title = "T" },
		{ .title = "N" },
		{ .title = "S" },
		{ .title = "B" },
		{ .title = "A" },
	};
	static const char *const cases[][2] = {
		{ "{\"v\":\"text\"}", "T     N  S  B  A\ntext  -  -  -  -\n" },
		{ "{\"v\":90}", "T  N   S       B     A\n-  90  1m 30s  90 B  -\n" },
		{ "{\"v\":90.9}", "T  N   S       B     A\n-  90  1m 30s  90 B  -\n" },
		{ "{\"v\":null}", "T  N  S  B  A\n-  -  -  -  -\n" },
		{ "{\"v\":[]}", "T  N  S  B  A\n-  -  -  -  -\n" },
		{ "{}", "T  N  S  B  A\n-  -  -  -  -\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		json_t *value = json_loads(cases[i][0], 0, NULL);
		struct table table;
		struct buf out;

		buf_init(&out, TEXT_SIZE_MAX);
		table_init(&table, columns, ARRAY_COUNT(columns), 0);
		show_cell_text(&table, value, "v");
		show_cell_number(&table, value, "v");
		show_cell_seconds(&table, value, "v");
		show_cell_bytes(&table, value, "v");
		show_cell_result(&table, value);
		table_print(&table, &out);
		expect(cases[i][0], &out, cases[i][1]);
		table_free(&table);
		buf_free(&out);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
