/* SPDX-License-Identifier: MIT */
#include "inbound_private.h"
#include "repostal/memory.h"

struct inbound *inbound_new(void)
{
	struct inbound *inbound = memory_zalloc(sizeof(*inbound));

	pthread_mutex_init(&inbound->view_mutex, NULL);
	return inbound;
}

void inbound_free(struct inbound **inboundp)
{
	struct inbound *inbound = *inboundp;

	if (inbound == NULL)
		return;
	*inboundp = NULL;
	if (inbound->view != NULL)
		inbound_release_view(inbound->view);
	for (size_t i = 0; i < STORE_SOURCES_MAX; i++)
		free(inbound->source_metrics[i]);
	pthread_mutex_destroy(&inbound->view_mutex);
	free(inbound);
}

struct inbound_view *inbound_hold_view(struct inbound *inbound)
{
	struct inbound_view *view;

	pthread_mutex_lock(&inbound->view_mutex);
	view = inbound->view;
	atomic_fetch_add(&view->references, 1);
	pthread_mutex_unlock(&inbound->view_mutex);
	return view;
}

void inbound_release_view(struct inbound_view *view)
{
	if (atomic_fetch_sub(&view->references, 1) != 1)
		return;
	for (size_t i = 0; i < view->rules.sources_count; i++)
		source_lines_close(&view->lines[i]);
	free(view->lines);
	view->lines = NULL;
	view->on_unused(view);
}

struct source_lines *inbound_lines(
	const struct inbound_view *view, const struct routed_source *source)
{
	return &view->lines[source - view->rules.sources];
}

void inbound_publish(struct inbound *inbound, struct inbound_view *view)
{
	const struct event_rules *rules = &view->rules;
	struct inbound_view *old;

	view->lines = memory_array(rules->sources_count, sizeof(view->lines[0]));
	for (size_t i = 0; i < rules->sources_count; i++)
		source_lines_open(&view->lines[i], rules->sources[i].settings->name);
	atomic_store(&view->references, 1);
	pthread_mutex_lock(&inbound->view_mutex);
	old = inbound->view;
	inbound->view = view;
	pthread_mutex_unlock(&inbound->view_mutex);
	if (old != NULL)
		inbound_release_view(old);
}

void inbound_open(struct inbound *inbound, struct inbound_view *view)
{
	for (size_t i = 0; i < view->rules.sources_count; i++) {
		uint16_t number = view->rules.sources[i].number;

		if (inbound->source_metrics[number] == NULL)
			inbound->source_metrics[number] =
				memory_zalloc(sizeof(struct inbound_source_metrics));
	}
	atomic_store(&view->is_open, true);
}

void inbound_connect(struct inbound *inbound, struct http_server *server,
	struct store_thread *store, struct dispatcher *dispatcher)
{
	inbound->server = server;
	inbound->store = store;
	inbound->dispatcher = dispatcher;
	atomic_store(&inbound->is_connected, true);
}

const struct inbound_source_metrics *inbound_source_metrics(
	const struct inbound *inbound, uint16_t source)
{
	return ((struct inbound *)(uintptr_t)inbound)->source_metrics[source];
}

const struct counter *inbound_rejected(const struct inbound *inbound)
{
	return inbound->rejected;
}

const struct counter *inbound_jwks_requests(const struct inbound *inbound)
{
	return &inbound->jwks_requests;
}
