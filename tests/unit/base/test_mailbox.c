/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdlib.h>

#include "repostal/clock.h"
#include "repostal/mailbox.h"
#include "repostal/memory.h"

enum {
	SENDERS = 4,
	TAKERS = 3,
	LETTERS_EACH = 5000
};

struct letter {
	int sender;
	int number;
	struct mailbox_item item; /* not first: MAILBOX_ENTRY must find the start */
};

struct sender {
	pthread_t thread;
	int index;
	struct mailbox *box;
	struct letter letters[LETTERS_EACH];
};

static struct letter *letter_of(struct mailbox_item *item)
{
	return MAILBOX_ENTRY(item, struct letter, item);
}

/* Half of them one by one, half in chains of three. */
static void *send_letters(void *argument)
{
	struct sender *sender = argument;
	struct mailbox_chain chain = { 0 };

	for (int i = 0; i < LETTERS_EACH; i++) {
		sender->letters[i].sender = sender->index;
		sender->letters[i].number = i;
		if (i < LETTERS_EACH / 2) {
			mailbox_post(sender->box, &sender->letters[i].item);
			continue;
		}
		mailbox_chain_add(&chain, &sender->letters[i].item);
		if (i % 3 == 0)
			mailbox_post_chain(sender->box, &chain);
	}
	mailbox_post_chain(sender->box, &chain);
	return NULL;
}

static struct sender *start_senders(struct mailbox *box)
{
	struct sender *senders = memory_array(SENDERS, sizeof(*senders));

	for (int i = 0; i < SENDERS; i++) {
		senders[i].index = i;
		senders[i].box = box;
		assert_int_equal(
			pthread_create(&senders[i].thread, NULL, send_letters, &senders[i]), 0);
	}
	return senders;
}

static void join_senders(struct sender *senders)
{
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
}

static void test_order_of_each_sender(void **state)
{
	struct mailbox box;
	struct sender *senders;
	int next[SENDERS] = { 0 };
	int left = SENDERS * LETTERS_EACH;

	(void)state;
	mailbox_init(&box, NULL, NULL);
	senders = start_senders(&box);
	while (left > 0) {
		struct mailbox_chain chain = mailbox_wait(&box, -1);
		struct mailbox_item *item;

		while ((item = mailbox_chain_pop(&chain)) != NULL) {
			struct letter *letter = letter_of(item);

			assert_int_equal(letter->number, next[letter->sender]++);
			left--;
		}
	}
	join_senders(senders);
	assert_null(mailbox_take(&box).first);
	mailbox_destroy(&box);
	free(senders);
}

struct taker {
	pthread_t thread;
	struct mailbox *box;
	int64_t taken;
};

static void *take_letters(void *argument)
{
	struct taker *taker = argument;

	while (mailbox_wait_one(taker->box) != NULL)
		taker->taken++;
	return NULL;
}

static void test_workers_share(void **state)
{
	struct taker takers[TAKERS] = { 0 };
	struct mailbox box;
	struct sender *senders;
	int64_t taken = 0;

	(void)state;
	mailbox_init(&box, NULL, NULL);
	for (int i = 0; i < TAKERS; i++) {
		takers[i].box = &box;
		assert_int_equal(
			pthread_create(&takers[i].thread, NULL, take_letters, &takers[i]), 0);
	}
	senders = start_senders(&box);
	join_senders(senders);
	/* What was posted before the close is still handed out. */
	mailbox_close(&box);
	for (int i = 0; i < TAKERS; i++) {
		pthread_join(takers[i].thread, NULL);
		taken += takers[i].taken;
	}
	assert_int_equal(taken, SENDERS * LETTERS_EACH);
	mailbox_destroy(&box);
	free(senders);
}

static void test_timeout_and_close(void **state)
{
	struct letter letter = { 0 };
	struct mailbox box;
	int64_t before_ms = clock_monotonic_ms();

	(void)state;
	mailbox_init(&box, NULL, NULL);
	assert_null(mailbox_wait(&box, 20).first);
	assert_true(clock_monotonic_ms() - before_ms >= 20);
	assert_null(mailbox_wait(&box, 0).first);
	mailbox_post(&box, &letter.item);
	assert_ptr_equal(mailbox_wait(&box, INT64_MAX).first, &letter.item);

	assert_false(mailbox_is_closed(&box));
	mailbox_post(&box, &letter.item);
	mailbox_close(&box);
	assert_true(mailbox_is_closed(&box));
	assert_ptr_equal(mailbox_wait(&box, -1).first, &letter.item);
	assert_null(mailbox_wait(&box, -1).first);
	assert_null(mailbox_wait_one(&box));
	mailbox_destroy(&box);
}

static void count_wake(void *context)
{
	++*(int *)context;
}

static void test_wake_when_it_was_empty(void **state)
{
	struct letter letters[3] = { 0 };
	struct mailbox_chain chain = { 0 };
	struct mailbox box;
	int wakes = 0;

	(void)state;
	mailbox_init(&box, count_wake, &wakes);
	mailbox_post_chain(&box, &chain);
	assert_int_equal(wakes, 0);
	mailbox_post(&box, &letters[0].item);
	mailbox_post(&box, &letters[1].item);
	assert_int_equal(wakes, 1);
	chain = mailbox_take(&box);
	assert_ptr_equal(chain.first, &letters[0].item);
	assert_ptr_equal(chain.last, &letters[1].item);
	mailbox_post(&box, &letters[2].item);
	assert_int_equal(wakes, 2);
	mailbox_take(&box);
	mailbox_close(&box);
	assert_int_equal(wakes, 3);
	mailbox_destroy(&box);
}

static void test_chain(void **state)
{
	struct letter letters[4] = { 0 };
	struct mailbox_chain chain = { 0 };
	struct mailbox_chain tail = { 0 };

	(void)state;
	mailbox_chain_join(&chain, &tail);
	assert_null(mailbox_chain_pop(&chain));
	mailbox_chain_add(&tail, &letters[0].item);
	mailbox_chain_join(&chain, &tail);
	assert_null(tail.first);
	mailbox_chain_join(&chain, &tail);
	mailbox_chain_add(&tail, &letters[1].item);
	mailbox_chain_add(&tail, &letters[2].item);
	mailbox_chain_join(&chain, &tail);
	mailbox_chain_add(&chain, &letters[3].item);
	for (int i = 0; i < 4; i++)
		assert_ptr_equal(mailbox_chain_pop(&chain), &letters[i].item);
	assert_null(mailbox_chain_pop(&chain));
	assert_null(chain.last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_order_of_each_sender),
		cmocka_unit_test(test_workers_share),
		cmocka_unit_test(test_timeout_and_close),
		cmocka_unit_test(test_wake_when_it_was_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
