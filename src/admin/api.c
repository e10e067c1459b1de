/* SPDX-License-Identifier: MIT */
#include "api.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "admin_private.h"
#include "repostal/clock.h"
#include "repostal/control.h"
#include "repostal/log.h"
#include "repostal/memory.h"

enum {
	WAITING_MAX = 64,
	STOP_POLL_US = 2000,
};

#define API_PREFIX "/api/v1"

struct api {
	const struct admin_view *view;
	struct mailbox requests;
	_Atomic int waiting;
	pthread_t worker;
	struct log_limit change_lines;
	_Atomic bool is_refusing;
	_Atomic bool has_ended;            /* the worker has */
	struct http_ticket_batch answered; /* the worker's */
};

/* One request on its way to the worker and back; one allocation with all that it copies. */
struct api_request {
	struct http_ticket http;
	struct mailbox_item item;
	struct api *api;
	struct address peer;
	bool is_local;
	bool is_refused;
	struct control_request request;
	struct control_answer answer;
	char bytes[];
};

bool api_owns_path(struct slice path)
{
	size_t size = sizeof(API_PREFIX) - 1;

	return path.size >= size && memcmp(path.data, API_PREFIX, size) == 0 &&
	       (path.size == size || path.data[size] == '/');
}

/* On the loop. */

/* A form of a web page has a type also when it has no fields. */
static bool may_be_form(const struct http_request *request)
{
	bool says_something = request->body.size > 0 || (!access_only_looks(request->method) &&
								request->content_type.size > 0);

	return says_something && !access_is_json(request->content_type);
}

static void refuse_stopping(struct http_exchange *exchange)
{
	http_answer_error_with(exchange, 503, "the gateway is stopping", "server", "server",
		(struct http_header){
			.name = "retry-after",
			.value = SLICE_LITERAL("5"),
		});
}

static bool is_acceptable(
	struct api *api, struct http_exchange *exchange, const struct http_request *request)
{
	if (!admin_is_granted(api->view, exchange, request, false))
		return false;
	if (may_be_form(request)) {
		http_answer_error(exchange, 415, "the body is not application/json", "content-type",
			"headers");
		return false;
	}
	if (atomic_load(&api->is_refusing)) {
		refuse_stopping(exchange);
		return false;
	}
	if (atomic_load(&api->waiting) >= WAITING_MAX) {
		http_answer_error_with(exchange, 503, "too many requests wait already", "server",
			"server",
			(struct http_header){
				.name = "retry-after",
				.value = SLICE_LITERAL("1"),
			});
		return false;
	}
	return true;
}

static void on_answered(struct http_ticket *http, struct http_exchange *exchange)
{
	struct api_request *waiting = (struct api_request *)http;
	struct http_answer answer = {
		.status = waiting->answer.status,
		.content_type = "application/json",
		.body = buf_slice(&waiting->answer.body),
		.headers[0] = { .name = "cache-control", .value = SLICE_LITERAL("no-store") },
		.headers[1] = ADMIN_NO_SNIFFING,
		.headers_count = 2,
	};

	if (waiting->answer.allow[0] != '\0')
		answer.headers[answer.headers_count++] = (struct http_header){
			.name = "allow",
			.value = slice_text(waiting->answer.allow),
		};
	if (exchange != NULL && waiting->is_refused)
		refuse_stopping(exchange);
	else if (exchange != NULL)
		http_answer(exchange, &answer);
	buf_free(&waiting->answer.body);
	free(waiting);
}

static struct slice copy_behind(char **at, struct slice slice)
{
	struct slice copy = slice_of(*at, slice.size);

	if (slice.size > 0)
		memcpy(*at, slice.data, slice.size);
	*at += slice.size;
	return copy;
}

void api_handle(struct api *api, struct http_exchange *exchange, const struct http_request *request)
{
	size_t bytes = request->method.size + request->path.size + request->query.size +
		       request->content_type.size + request->body.size;
	struct api_request *waiting;
	char *at;

	if (!is_acceptable(api, exchange, request))
		return;
	waiting = memory_alloc(sizeof(*waiting) + bytes);
	memset(waiting, 0, sizeof(*waiting));
	at = waiting->bytes;
	waiting->http.complete = on_answered;
	waiting->api = api;
	waiting->peer = request->peer;
	waiting->is_local = request->is_local;
	waiting->request = (struct control_request){
		.method = copy_behind(&at, request->method),
		.path = copy_behind(&at, request->path),
		.query = copy_behind(&at, request->query),
		.content_type = copy_behind(&at, request->content_type),
		.body = copy_behind(&at, request->body),
		.shows_urls = request->is_local ||
			      access_has_token(api->view->token, request->authorization),
	};
	waiting->request.path.data += sizeof(API_PREFIX) - 1;
	waiting->request.path.size -= sizeof(API_PREFIX) - 1;
	atomic_fetch_add(&api->waiting, 1);
	http_defer(exchange, &waiting->http);
	mailbox_post(&api->requests, &waiting->item);
}

/* On the worker. */

/* Whoever changes something leaves a trace. */
static void log_change(struct log_limit *lines, const struct api_request *done)
{
	char peer[ADDRESS_TEXT_SIZE];

	if (access_only_looks(done->request.method))
		return;
	admin_format_peer(&done->peer, done->is_local, peer);
	log_limited(lines, LOG_SLICE("method", done->request.method),
		LOG_SLICE("path", done->request.path), LOG_INT("status", done->answer.status),
		LOG_STR("peer", peer));
}

static void carry_out(struct api *api, struct api_request *waiting)
{
	waiting->is_refused = atomic_load(&api->is_refusing);
	if (waiting->is_refused)
		return;
	control_handle(api->view->control, &waiting->request, &waiting->answer);
	log_change(&api->change_lines, waiting);
}

static void *work(void *context)
{
	struct api *api = context;
	struct mailbox_item *item;

	while ((item = mailbox_wait_one(&api->requests)) != NULL) {
		struct api_request *waiting = MAILBOX_ENTRY(item, struct api_request, item);

		carry_out(api, waiting);
		atomic_fetch_sub(&api->waiting, 1);
		http_tickets_add(&api->answered, &waiting->http);
		http_tickets_flush(api->view->admin_server, &api->answered);
	}
	atomic_store(&api->has_ended, true);
	return NULL;
}

struct api *api_start(const struct admin_view *view)
{
	struct api *api = memory_zalloc(sizeof(*api));

	api->view = view;
	log_limit_open(&api->change_lines, LOG_LEVEL_INFO, "admin.request", NULL, 0);
	mailbox_init(&api->requests, NULL, NULL);
	REPOSTAL_ASSERT(pthread_create(&api->worker, NULL, work, api) == 0);
	return api;
}

void api_refuse(struct api *api)
{
	atomic_store(&api->is_refusing, true);
}

bool api_stop(struct api **apip, int64_t timeout_ms)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	struct api *api = *apip;

	if (api == NULL)
		return true;
	*apip = NULL;
	api_refuse(api);
	mailbox_close(&api->requests);
	while (!atomic_load(&api->has_ended)) {
		if (clock_monotonic_ms() >= deadline_ms)
			return false;
		usleep(STOP_POLL_US);
	}
	pthread_join(api->worker, NULL);
	mailbox_destroy(&api->requests);
	log_limit_close(&api->change_lines);
	free(api);
	return true;
}
