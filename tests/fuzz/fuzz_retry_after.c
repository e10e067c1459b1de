/* SPDX-License-Identifier: MIT */
/* A receiver's Retry-After, and what is made of it. The first byte is the answer's status. */
#include <stdlib.h>

#include "client/retry_after.h"
#include "fuzz.h"
#include "repostal/outcome.h"

#define HOUR_MS INT64_C(3600000)

/* However long a receiver wants to be left alone, the settings are the limit. */
static void check_decision(int http_status, int64_t retry_after_ms)
{
	static const struct retry_settings retry = {
		.delays_ms = { 1000, 2 * HOUR_MS },
		.delays_count = 2,
		.jitter = 0.5,
		.retry_after_max_ms = HOUR_MS,
	};
	static const struct give_up_settings give_up;
	const struct outcome outcome = {
		.transport = TRANSPORT_OK,
		.http_status = http_status,
		.retry_after_ms = retry_after_ms,
	};

	for (int attempts = 1; attempts <= 3; attempts++) {
		struct decision decision =
			outcome_decide(&outcome, &retry, &give_up, attempts, 0.999);

		if (decision.verdict != VERDICT_RETRY)
			continue;
		REPOSTAL_ASSERT(attempts <= 2);
		REPOSTAL_ASSERT(decision.delay_ms >= retry.delays_ms[attempts - 1]);
		REPOSTAL_ASSERT(decision.delay_ms <= (attempts == 1 ? HOUR_MS : 3 * HOUR_MS));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t now_ms[] = { 0, INT64_C(1763683200123), INT64_C(253402300799000) };
	struct slice value = fuzz_input(data, size);
	int http_status = 200 + 4 * fuzz_take_byte(&value);
	char *text = memory_copy_bytes(value.data, value.size);
	int64_t seconds;

	for (size_t i = 0; i < ARRAY_COUNT(now_ms); i++) {
		int64_t wait_ms = retry_after_parse_ms(text, now_ms[i]);

		REPOSTAL_ASSERT(wait_ms >= -1);
		if (text_parse_uint(slice_trim(slice_text(text)), &seconds))
			REPOSTAL_ASSERT(seconds > INT64_MAX / 1000 ? wait_ms == INT64_MAX
								   : wait_ms == seconds * 1000);
		check_decision(http_status, wait_ms);
		check_decision(429, wait_ms);
		check_decision(503, wait_ms);
	}
	free(text);
	return 0;
}
