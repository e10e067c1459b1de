/* SPDX-License-Identifier: MIT */
#include "delay_line.h"

#include <pthread.h>
#include <stdlib.h>

#include "repostal/clock.h"
#include "repostal/mailbox.h"
#include "repostal/memory.h"

struct delay_line {
	int64_t delay_ms;
	struct mailbox arrived;
	struct mailbox_item hurry; /* posted like a ticket */
	struct http_server *server;
	pthread_t thread;
	/* of the thread */
	struct mailbox_chain waiting; /* all wait equally long, so the first is due first */
	bool is_hurrying;
};

static struct delayed *delayed_of(struct mailbox_item *item)
{
	return MAILBOX_ENTRY(item, struct delayed, ticket.item);
}

static void take(struct delay_line *line, struct mailbox_chain *arrived)
{
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(arrived)) != NULL)
		if (item == &line->hurry)
			line->is_hurrying = true;
		else
			mailbox_chain_add(&line->waiting, item);
}

static void flush_due(struct delay_line *line)
{
	struct http_ticket_batch batch = { 0 };
	int64_t now_ms = clock_monotonic_ms();

	while (line->waiting.first != NULL &&
		(line->is_hurrying || delayed_of(line->waiting.first)->due_ms <= now_ms))
		http_tickets_add(&batch, &delayed_of(mailbox_chain_pop(&line->waiting))->ticket);
	http_tickets_flush(line->server, &batch);
}

/* Negative: until something arrives. */
static int64_t wait_ms(const struct delay_line *line)
{
	int64_t left_ms;

	if (line->waiting.first == NULL)
		return -1;
	left_ms = delayed_of(line->waiting.first)->due_ms - clock_monotonic_ms();
	return left_ms < 0 ? 0 : left_ms;
}

static void *delay_main(void *context)
{
	struct delay_line *line = context;
	bool closed;

	do {
		struct mailbox_chain arrived;

		/* Asked before the taking: what was posted before the closing must not be left over.
		 */
		closed = mailbox_is_closed(&line->arrived);
		arrived = mailbox_wait(&line->arrived, wait_ms(line));
		line->is_hurrying = line->is_hurrying || closed;
		take(line, &arrived);
		flush_due(line);
	} while (!closed);
	return NULL;
}

struct delay_line *delay_line_start(struct http_server *server, int64_t delay_ms)
{
	struct delay_line *line = memory_zalloc(sizeof(*line));

	line->server = server;
	line->delay_ms = delay_ms;
	mailbox_init(&line->arrived, NULL, NULL);
	REPOSTAL_ASSERT(pthread_create(&line->thread, NULL, delay_main, line) == 0);
	return line;
}

void delay_line_add(struct delay_line *line, struct delayed *delayed)
{
	delayed->due_ms = clock_monotonic_ms() + line->delay_ms;
	mailbox_post(&line->arrived, &delayed->ticket.item);
}

void delay_line_hurry(struct delay_line *line)
{
	mailbox_post(&line->arrived, &line->hurry);
}

void delay_line_stop(struct delay_line *line)
{
	mailbox_close(&line->arrived);
	pthread_join(line->thread, NULL);
}

void delay_line_free(struct delay_line **linep)
{
	struct delay_line *line = *linep;
	struct mailbox_chain left;
	struct mailbox_item *item;

	if (line == NULL)
		return;
	*linep = NULL;
	/* What came between the end of the thread and that of the server; nothing waits for it. */
	left = mailbox_take(&line->arrived);
	while ((item = mailbox_chain_pop(&left)) != NULL)
		delayed_of(item)->ticket.complete(&delayed_of(item)->ticket, NULL);
	mailbox_destroy(&line->arrived);
	free(line);
}
