/* SPDX-License-Identifier: MIT */
/* The files that users are told to try out mean what examples/events/README.md says. */
#include <stdio.h>

#include "expect.h"

enum {
	SAMPLE_SIZE_MAX = 4096
};

#define ID "550e8400-e29b-41d4-a716-446655440000@bizfly.vn"

static void test_samples(void **state)
{
	static const struct expect rows[] = {
		{ .name = "examples/events/delivered.json",
			.content_type = "application/json",
			.kind = BIZMAIL_DELIVERED,
			.time_ms = 1713100000000,
			.mx_hostname = "mx.example.com",
			.response = "250 OK" },
		{ .name = "examples/events/bounce-hard.json",
			.content_type = "application/json",
			.kind = BIZMAIL_BOUNCE,
			.permanent = true,
			.time_ms = 1713100000000,
			.category = "hard_bounce",
			.return_path = "",
			.response = "550 5.1.1 The email account does not exist" },
		{ .name = "examples/events/bounce-soft.json",
			.content_type = "application/json",
			.kind = BIZMAIL_BOUNCE,
			.time_ms = 1713100000000,
			.category = "soft_bounce" },
		{ .name = "examples/events/drop.json",
			.content_type = "application/json",
			.kind = BIZMAIL_DROP,
			.reason = "Suppressed address" },
		{ .name = "examples/events/bounce.form",
			.content_type = "application/x-www-form-urlencoded",
			.kind = BIZMAIL_BOUNCE,
			.permanent = true,
			.time_ms = 1713100000123,
			.category = "policy",
			.return_path = "bounces@bizfly.vn" },
		{ .name = "examples/events/delivered.multipart",
			.content_type = "multipart/form-data; boundary=----repostal-example",
			.kind = BIZMAIL_DELIVERED,
			.time_ms = 1713100000000,
			.mx_hostname = "mx.example.com",
			.response = "250 OK" },
	};
	char body[SAMPLE_SIZE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct expect row = rows[i];
		FILE *file = fopen(row.name, "re");

		if (file == NULL)
			fail_msg("%s: cannot be opened", row.name);
		row.body = body;
		row.body_size = fread(body, 1, sizeof(body), file);
		(void)fclose(file);
		row.id = ID;
		row.recipient = "user@example.com";
		expect_row(bizmail_encoding_of(
				   slice_text(row.content_type), slice_of(row.body, row.body_size)),
			&row);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests_name("bizmail_samples", tests, NULL, NULL);
}
