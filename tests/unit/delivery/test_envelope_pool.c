/* SPDX-License-Identifier: MIT */
/*
 * Whatever is posted comes out with its envelope, signed while signing is on, by the rules that are set.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envelope_pool.h"
#include "queue/inbox.h"
#include "repostal/memory.h"

enum {
	COUNT = 200
};

static char key[] = "tests/unit/crypto/test-only-pkcs8.pem";
static const struct translate_settings usual = { .hard_bounce = POSTAL_MESSAGE_DELIVERY_FAILED };
static const struct translate_settings unusual = { .hard_bounce = POSTAL_MESSAGE_BOUNCED };

struct fixture {
	struct signer *off, *on;
	struct mailbox made;
};

static int setup(void **state)
{
	struct fixture *fixture = memory_zalloc(sizeof(*fixture));
	char *keys[] = { key };
	const struct signing_settings none = { .keys_count = 0 };
	const struct signing_settings one = { .keys = keys, .keys_count = 1 };
	struct error err;

	assert_int_equal(signer_load(&none, &fixture->off, &err), STATUS_OK);
	if (signer_load(&one, &fixture->on, &err) != STATUS_OK)
		fail_msg("%s", err.text);
	mailbox_init(&fixture->made, NULL, NULL);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	signer_free(&fixture->off);
	signer_free(&fixture->on);
	mailbox_destroy(&fixture->made);
	free(fixture);
	return 0;
}

static struct outgoing *new_outgoing(void)
{
	const struct event_record record = {
		.source_name = SLICE_LITERAL("bizmail"),
		.content_type = SLICE_LITERAL("application/json"),
		.raw = SLICE_LITERAL("{\"event\":\"bounce\",\"id\":\"a@x.example\","
				     "\"to\":\"b@x.example\",\"category\":\"hard_bounce\"}"),
	};
	struct parsed_event parsed;
	struct outgoing *outgoing;

	assert_int_equal(event_parse(&record, &parsed), BIZMAIL_PROBLEM_NONE);
	outgoing = outgoing_new(&parsed, 1);
	parsed_event_release(&parsed);
	return outgoing;
}

/* How many are there; all with an envelope of this event, and signed or not. */
static int take(struct fixture *fixture, const char *event, bool is_signed)
{
	struct mailbox_chain chain = mailbox_wait(&fixture->made, -1);
	struct mailbox_item *item;
	char want[64];
	int count = 0;

	assert_true(snprintf(want, sizeof(want), "{\"event\":\"%s\"", event) > 0);
	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct outgoing *outgoing = MAILBOX_ENTRY(item, struct outgoing, item);

		assert_int_equal(item->kind, INBOX_READY);
		assert_memory_equal(outgoing->body.data, want, strlen(want));
		assert_int_equal(outgoing->signature != NULL, is_signed);
		outgoing_release(outgoing, 1);
		count++;
	}
	return count;
}

static void post_and_take(
	struct fixture *fixture, struct envelope_pool *pool, const char *event, bool is_signed)
{
	struct mailbox_chain chain = { 0 };
	int taken = 0;

	for (int i = 0; i < COUNT / 2; i++)
		mailbox_chain_add(&chain, &new_outgoing()->item);
	envelope_pool_post_chain(pool, &chain);
	for (int i = 0; i < COUNT / 2; i++)
		envelope_pool_post(pool, new_outgoing());
	while (taken < COUNT)
		taken += take(fixture, event, is_signed);
	assert_int_equal(taken, COUNT);
}

static void test_rules_and_keys_change(void **state)
{
	struct fixture *fixture = *state;
	struct dispatcher_settings settings = {
		.rules = { .translate = &usual },
		.signer = fixture->off,
		.signing_threads = 3,
	};
	struct envelope_pool *pool;
	struct error err;

	assert_int_equal(envelope_pool_start(&settings, &fixture->made, &pool, &err), STATUS_OK);
	post_and_take(fixture, pool, "MessageDeliveryFailed", false);
	settings.signer = fixture->on;
	assert_int_equal(envelope_pool_set(pool, &settings, &err), STATUS_OK);
	post_and_take(fixture, pool, "MessageDeliveryFailed", true);
	settings.signer = fixture->off;
	settings.rules.translate = &unusual;
	assert_int_equal(envelope_pool_set(pool, &settings, &err), STATUS_OK);
	post_and_take(fixture, pool, "MessageBounced", false);
	envelope_pool_stop(&pool);
	assert_null(pool);
}

static void test_what_is_left_is_worked_off(void **state)
{
	struct fixture *fixture = *state;
	const struct dispatcher_settings settings = {
		.rules = { .translate = &usual },
		.signer = fixture->on,
		.signing_threads = 2,
	};
	struct envelope_pool *pool;
	struct error err;
	int taken = 0;

	assert_int_equal(envelope_pool_start(&settings, &fixture->made, &pool, &err), STATUS_OK);
	for (int i = 0; i < COUNT; i++)
		envelope_pool_post(pool, new_outgoing());
	envelope_pool_stop(&pool);
	while (taken < COUNT)
		taken += take(fixture, "MessageDeliveryFailed", true);
	assert_int_equal(taken, COUNT);
	envelope_pool_stop(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rules_and_keys_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_left_is_worked_off, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
