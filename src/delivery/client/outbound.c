/* SPDX-License-Identifier: MIT */
#include "outbound.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "repostal/mailbox.h"
#include "repostal/memory.h"
#include "repostal/store.h"

enum {
	POLL_MAX_MS = 1000
};

/* What the proxies' thread is asked to do; a request travels there and back. */
struct outbound_order {
	struct mailbox_item item;
	enum {
		OUTBOUND_START,
		OUTBOUND_CANCEL,
		OUTBOUND_CLOSE
	} kind;
	struct outbound_target *target;
	struct client_target *inner; /* of CLOSE: target is gone by then */
	struct slice body;
	const struct signature *signature;
	void *request;
	struct client_result result;
	char answer[STORE_ANSWER_SIZE_MAX];
};

struct outbound {
	struct client *direct;
	client_done *on_done;
	void *context;
	const struct egress_settings *egress;
	const struct own_listeners *own;
	int connections_max;

	/* the proxies' */
	struct client *_Atomic proxied; /* NULL: no target has had one */
	pthread_t thread;
	pthread_mutex_t turn; /* held by the thread except while it waits */
	pthread_mutex_t
		next; /* held by the thread that comes next: one that is always busy would take each turn */
	_Atomic bool is_stopping;
	struct mailbox orders;
	struct mailbox done;
};

struct outbound_target {
	struct outbound *outbound;
	struct client_target *inner;
	bool is_proxied;
	int under_way; /* of one with a proxy */
};

static void wake_direct(void *context)
{
	outbound_wake(context);
}

static void wake_proxied(void *context)
{
	struct outbound *outbound = context;

	client_wake(outbound->proxied);
}

struct outbound *outbound_open(const struct egress_settings *egress, int connections_max,
	client_done *on_done, void *context)
{
	struct outbound *outbound = memory_zalloc(sizeof(*outbound));

	outbound->direct = client_open(egress, connections_max, on_done, context);
	outbound->on_done = on_done;
	outbound->context = context;
	outbound->egress = egress;
	outbound->connections_max = connections_max;
	pthread_mutex_init(&outbound->turn, NULL);
	pthread_mutex_init(&outbound->next, NULL);
	mailbox_init(&outbound->orders, wake_proxied, outbound);
	mailbox_init(&outbound->done, wake_direct, outbound);
	return outbound;
}

static void take_turn(struct outbound *outbound)
{
	pthread_mutex_lock(&outbound->next);
	pthread_mutex_lock(&outbound->turn);
	pthread_mutex_unlock(&outbound->next);
}

/* The proxies' thread. */

static void on_proxied_done(void *context, void *request, const struct client_result *result)
{
	struct outbound *outbound = context;
	struct outbound_order *order = request;
	size_t size = result->answer.size < sizeof(order->answer) ? result->answer.size
								  : sizeof(order->answer);

	order->result = *result;
	if (size > 0)
		memcpy(order->answer, result->answer.data, size);
	order->result.answer = slice_of(order->answer, size);
	mailbox_post(&outbound->done, &order->item);
}

static void take_orders(struct outbound *outbound)
{
	struct mailbox_chain chain = mailbox_take(&outbound->orders);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct outbound_order *order = MAILBOX_ENTRY(item, struct outbound_order, item);

		switch (order->kind) {
		case OUTBOUND_START:
			client_start(order->inner, order->body, order->signature, order);
			continue;
		case OUTBOUND_CANCEL:
			client_target_cancel(order->inner);
			break;
		case OUTBOUND_CLOSE:
			client_target_close(&order->inner);
			break;
		}
		free(order);
	}
}

static void *proxies_main(void *data)
{
	struct outbound *outbound = data;

	pthread_setname_np(pthread_self(), "proxies");
	while (!outbound->is_stopping) {
		take_turn(outbound);
		take_orders(outbound);
		client_perform(outbound->proxied);
		pthread_mutex_unlock(&outbound->turn);
		client_poll(outbound->proxied, POLL_MAX_MS);
	}
	take_orders(outbound);
	return NULL;
}

static enum status start_proxies(struct outbound *outbound, struct error *err)
{
	struct client *proxied;

	if (outbound->proxied != NULL)
		return STATUS_OK;
	proxied =
		client_open(outbound->egress, outbound->connections_max, on_proxied_done, outbound);
	client_set_own(proxied, outbound->own);
	outbound->proxied = proxied;
	if (pthread_create(&outbound->thread, NULL, proxies_main, outbound) == 0)
		return STATUS_OK;
	outbound->proxied = NULL;
	client_close(&proxied);
	error_set(err, "cannot start the thread for proxies");
	return STATUS_IO;
}

/* The delivery thread's, and the main thread's. */

void outbound_close(struct outbound **outboundp)
{
	struct outbound *outbound = *outboundp;
	struct client *proxied;
	struct mailbox_chain chain;
	struct mailbox_item *item;

	if (outbound == NULL)
		return;
	*outboundp = NULL;
	proxied = outbound->proxied;
	if (proxied != NULL) {
		outbound->is_stopping = true;
		client_wake(proxied);
		pthread_join(outbound->thread, NULL);
		client_close(&proxied);
	}
	chain = mailbox_take(&outbound->done);
	while ((item = mailbox_chain_pop(&chain)) != NULL)
		free(MAILBOX_ENTRY(item, struct outbound_order, item));
	client_close(&outbound->direct);
	mailbox_destroy(&outbound->orders);
	mailbox_destroy(&outbound->done);
	pthread_mutex_destroy(&outbound->turn);
	pthread_mutex_destroy(&outbound->next);
	free(outbound);
}

enum status outbound_target_open(struct outbound *outbound, const struct target_settings *settings,
	struct outbound_target **target_out, struct error *err)
{
	bool is_proxied = settings->proxy[0] != '\0';
	enum status status = is_proxied ? start_proxies(outbound, err) : STATUS_OK;
	struct client_target *inner;

	if (status == STATUS_OK)
		status = client_target_open(
			is_proxied ? outbound->proxied : outbound->direct, settings, &inner, err);
	if (status != STATUS_OK)
		return status;
	*target_out = memory_zalloc(sizeof(**target_out));
	(*target_out)->outbound = outbound;
	(*target_out)->inner = inner;
	(*target_out)->is_proxied = is_proxied;
	return STATUS_OK;
}

static struct outbound_order *new_order(struct outbound_target *target, int kind)
{
	struct outbound_order *order = memory_zalloc(sizeof(*order));

	order->kind = kind;
	order->target = target;
	order->inner = target->inner;
	return order;
}

static void post_order(struct outbound_target *target, struct outbound_order *order)
{
	mailbox_post(&target->outbound->orders, &order->item);
}

void outbound_target_close(struct outbound_target **targetp)
{
	struct outbound_target *target = *targetp;

	if (target == NULL)
		return;
	*targetp = NULL;
	if (target->is_proxied)
		post_order(target, new_order(target, OUTBOUND_CLOSE));
	else
		client_target_close(&target->inner);
	free(target);
}

bool outbound_target_is_idle(const struct outbound_target *target)
{
	return target->is_proxied ? target->under_way == 0 : client_target_is_idle(target->inner);
}

void outbound_target_cancel(struct outbound_target *target)
{
	if (target->is_proxied)
		post_order(target, new_order(target, OUTBOUND_CANCEL));
	else
		client_target_cancel(target->inner);
}

void outbound_hold(struct outbound *outbound)
{
	take_turn(outbound);
}

void outbound_continue(struct outbound *outbound)
{
	pthread_mutex_unlock(&outbound->turn);
}

void outbound_target_rebind(struct outbound_target *target, const struct target_settings *settings)
{
	client_target_rebind(target->inner, settings);
}

void outbound_set_egress(struct outbound *outbound, const struct egress_settings *egress)
{
	outbound->egress = egress;
	client_set_egress(outbound->direct, egress);
	if (outbound->proxied != NULL)
		client_set_egress(outbound->proxied, egress);
}

void outbound_set_own(struct outbound *outbound, const struct own_listeners *own)
{
	outbound->own = own;
	client_set_own(outbound->direct, own);
	outbound_hold(outbound);
	if (outbound->proxied != NULL)
		client_set_own(outbound->proxied, own);
	outbound_continue(outbound);
}

void outbound_start(struct outbound_target *target, struct slice body,
	const struct signature *signature, void *request)
{
	struct outbound_order *order;

	if (!target->is_proxied) {
		client_start(target->inner, body, signature, request);
		return;
	}
	order = new_order(target, OUTBOUND_START);
	order->body = body;
	order->signature = signature;
	order->request = request;
	target->under_way++;
	post_order(target, order);
}

void outbound_perform(struct outbound *outbound)
{
	struct mailbox_chain chain;
	struct mailbox_item *item;

	client_perform(outbound->direct);
	if (outbound->proxied == NULL)
		return;
	chain = mailbox_take(&outbound->done);
	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct outbound_order *order = MAILBOX_ENTRY(item, struct outbound_order, item);

		order->target->under_way--;
		outbound->on_done(outbound->context, order->request, &order->result);
		free(order);
	}
}

void outbound_poll(struct outbound *outbound, int64_t timeout_ms)
{
	client_poll(outbound->direct, timeout_ms);
}

void outbound_wake(struct outbound *outbound)
{
	client_wake(outbound->direct);
}
