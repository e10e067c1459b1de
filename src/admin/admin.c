/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "access.h"
#include "admin_private.h"
#include "repostal/clock.h"
#include "repostal/memory.h"

enum {
	METRICS_SIZE_MAX = 8 * 1024 * 1024,
	SMALL_SIZE_MAX = 4096
};

struct admin *admin_new(void)
{
	return memory_zalloc(sizeof(struct admin));
}

void admin_connect(struct admin *admin, const struct admin_view *view)
{
	admin->view = *view;
	if (view->control != NULL)
		admin->api = api_start(&admin->view);
}

void admin_stop(struct admin *admin)
{
	if (admin != NULL)
		api_stop(&admin->api);
}

void admin_free(struct admin **adminp)
{
	free(*adminp);
	*adminp = NULL;
}

static void answer(struct http_exchange *exchange, int status, const char *content_type,
	const struct buf *body)
{
	struct http_answer answer = {
		.status = status,
		.content_type = content_type,
		.body = buf_slice(body),
		.headers[0] = ADMIN_NO_SNIFFING,
		.headers_count = 1,
	};

	http_answer(exchange, &answer);
}

void admin_answer_unauthorized(struct http_exchange *exchange)
{
	http_answer_error_with(exchange, 401, "missing or wrong token", "authorization", "headers",
		(struct http_header){
			.name = "www-authenticate",
			.value = SLICE_LITERAL("Bearer realm=\"repostal admin\""),
		});
}

const char *admin_refuse_browser(const struct http_exchange *exchange)
{
	struct access_headers headers = {
		.host = http_request_header(exchange, "host"),
		.origin = http_request_header(exchange, "origin"),
		.fetch_site = http_request_header(exchange, "sec-fetch-site"),
	};

	return access_refuse_browser(&headers);
}

void admin_answer_forbidden(struct http_exchange *exchange, const char *refusal)
{
	http_answer_error(exchange, 403, refusal, "origin", "headers");
}

static void answer_metrics(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request)
{
	bool has_token = access_has_token(view->token, request->authorization);
	const char *refusal = has_token ? NULL : admin_refuse_browser(exchange);
	struct buf page;

	if (!view->is_loopback && !has_token) {
		admin_answer_unauthorized(exchange);
		return;
	}
	if (refusal != NULL) {
		admin_answer_forbidden(exchange, refusal);
		return;
	}
	buf_init(&page, METRICS_SIZE_MAX);
	admin_print_metrics(view, &page);
	answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", &page);
	buf_free(&page);
}

/* As for the API: against the fingerprint a guess at the whole configuration can be checked. */
static bool may_see_configuration(const struct admin_view *view,
	const struct http_exchange *exchange, const struct http_request *request)
{
	if (view->token != NULL || !view->is_loopback)
		return access_has_token(view->token, request->authorization);
	return admin_refuse_browser(exchange) == NULL;
}

/* Whoever asks is told that we live. */
static void answer_health(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request)
{
	int64_t generation;
	uint64_t fingerprint;
	struct buf body;

	buf_init(&body, SMALL_SIZE_MAX);
	buf_append_text(&body, "{\"status\":\"ok\"");
	if (view->describe != NULL && may_see_configuration(view, exchange, request)) {
		view->describe(view->describe_context, &generation, &fingerprint);
		buf_printf(&body, ",\"generation\":%" PRId64 ",\"fingerprint\":\"%016" PRIx64 "\"",
			generation, fingerprint);
	}
	buf_append_char(&body, '}');
	answer(exchange, 200, "application/json", &body);
	buf_free(&body);
}

static void answer_ready(const struct admin_view *view, struct http_exchange *exchange)
{
	struct buf reasons, body;
	bool is_ready;

	buf_init(&reasons, SMALL_SIZE_MAX);
	buf_init(&body, SMALL_SIZE_MAX);
	is_ready = admin_print_reasons(view, clock_monotonic_ms(), &reasons);
	buf_append_text(&body, is_ready ? "{\"status\":\"ready\"" : "{\"status\":\"not ready\"");
	buf_append_text(&body, ",\"reasons\":");
	buf_append_slice(&body, buf_slice(&reasons));
	buf_append_char(&body, '}');
	answer(exchange, is_ready ? 200 : 503, "application/json", &body);
	buf_free(&body);
	buf_free(&reasons);
}

static void answer_page(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request)
{
	bool is_metrics = slice_is(request->path, "/metrics");
	bool is_health = slice_is(request->path, "/healthz");
	bool is_ready = slice_is(request->path, "/readyz");

	if (!is_metrics && !is_health && !is_ready)
		http_answer_error(
			exchange, 404, "there is nothing at this path", "path", "request");
	else if (!slice_is(request->method, "GET") && !slice_is(request->method, "HEAD"))
		http_answer_error_with(exchange, 405, "method not allowed", "method", "request",
			(struct http_header){
				.name = "allow",
				.value = SLICE_LITERAL("GET, HEAD"),
			});
	else if (is_metrics)
		answer_metrics(view, exchange, request);
	else if (is_health)
		answer_health(view, exchange, request);
	else
		answer_ready(view, exchange);
}

void admin_handle(void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct admin *admin = context;

	if (admin->api != NULL && api_owns_path(request->path))
		api_handle(admin->api, exchange, request);
	else
		answer_page(&admin->view, exchange, request);
}
