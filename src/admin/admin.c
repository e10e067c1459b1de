/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "admin_private.h"
#include "repostal/clock.h"
#include "repostal/memory.h"

enum {
	METRICS_SIZE_MAX = 8 * 1024 * 1024,
	SMALL_SIZE_MAX = 4096
};

struct admin *admin_new(void)
{
	struct admin *admin = memory_zalloc(sizeof(*admin));

	pthread_mutex_init(&admin->mutex, NULL);
	log_limit_open(&admin->lines.unauthorized, LOG_LEVEL_WARN, "admin.rejected",
		LOG_FIELDS(LOG_STR("reason", "unauthorized")));
	log_limit_open(&admin->lines.forbidden, LOG_LEVEL_WARN, "admin.rejected",
		LOG_FIELDS(LOG_STR("reason", "forbidden")));
	return admin;
}

void admin_connect(struct admin *admin, const struct admin_view *view)
{
	struct admin_view *kept = &admin->views[view->store != NULL];

	*kept = *view;
	kept->lines = &admin->lines;
	admin->view = kept;
	if (view->control != NULL)
		admin->api = api_start(kept);
}

void admin_explain(struct admin *admin, const char *reason)
{
	pthread_mutex_lock(&admin->mutex);
	error_set(&admin->reason, "%s", reason);
	pthread_mutex_unlock(&admin->mutex);
}

void admin_read_reason(struct admin *admin, struct error *reason_out)
{
	pthread_mutex_lock(&admin->mutex);
	*reason_out = admin->reason;
	pthread_mutex_unlock(&admin->mutex);
}

void admin_refuse(struct admin *admin)
{
	struct api *api = admin == NULL ? NULL : admin->api;

	if (api != NULL)
		api_refuse(api);
}

bool admin_stop(struct admin *admin, int64_t timeout_ms)
{
	struct api *api;

	if (admin == NULL)
		return true;
	api = admin->api;
	admin->api = NULL;
	return api_stop(&api, timeout_ms);
}

void admin_free(struct admin **adminp)
{
	struct admin *admin = *adminp;

	if (admin == NULL)
		return;
	*adminp = NULL;
	log_limit_close(&admin->lines.unauthorized);
	log_limit_close(&admin->lines.forbidden);
	pthread_mutex_destroy(&admin->mutex);
	free(admin);
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

void admin_format_peer(const struct address *peer, bool is_local, char out[ADDRESS_TEXT_SIZE])
{
	if (is_local)
		snprintf(out, ADDRESS_TEXT_SIZE, "socket");
	else
		address_format(peer, out);
}

static void log_rejection(struct log_limit *lines, const struct http_request *request)
{
	char peer[ADDRESS_TEXT_SIZE];

	admin_format_peer(&request->peer, request->is_local, peer);
	log_limited(lines, LOG_STR("address", peer));
}

static void answer_unauthorized(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request)
{
	log_rejection(&view->lines->unauthorized, request);
	http_answer_error_with(exchange, 401, "missing or wrong token", "authorization", "headers",
		(struct http_header){
			.name = "www-authenticate",
			.value = SLICE_LITERAL("Bearer realm=\"repostal admin\""),
		});
}

enum access_verdict admin_judge(const struct admin_view *view, const struct http_exchange *exchange,
	const struct http_request *request, bool is_open, const char **refusal_out)
{
	const struct access_rules rules = {
		.token = view->token,
		.read_token = view->read_token,
		.is_loopback = view->is_loopback,
	};
	const struct access_request asked = {
		.is_local = request->is_local,
		.is_change = !access_only_looks(request->method),
		.is_open = is_open,
		.authorization = request->authorization,
		.headers = {
			.host = http_request_header(exchange, "host"),
			.origin = http_request_header(exchange, "origin"),
			.fetch_site = http_request_header(exchange, "sec-fetch-site"),
		},
	};

	return access_judge(&rules, &asked, refusal_out);
}

static void answer_forbidden(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request, const char *refusal)
{
	log_rejection(&view->lines->forbidden, request);
	http_answer_error(exchange, 403, refusal, "origin", "headers");
}

bool admin_is_granted(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request, bool is_open)
{
	const char *refusal;

	switch (admin_judge(view, exchange, request, is_open, &refusal)) {
	case ACCESS_GRANTED:
		return true;
	case ACCESS_UNAUTHORIZED:
		answer_unauthorized(view, exchange, request);
		break;
	case ACCESS_FORBIDDEN:
		answer_forbidden(view, exchange, request, refusal);
		break;
	}
	return false;
}

static void answer_metrics(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request)
{
	struct buf page;

	if (!admin_is_granted(view, exchange, request, true))
		return;
	buf_init(&page, METRICS_SIZE_MAX);
	admin_print_metrics(view, &page);
	answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", &page);
	buf_free(&page);
}

/*
 * Whoever asks is told that we live. The rest is as for the API: against the fingerprint a guess at the whole
 * configuration can be checked.
 */
static void answer_health(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request)
{
	const char *refusal;
	int64_t generation;
	uint64_t fingerprint;
	struct buf body;

	buf_init(&body, SMALL_SIZE_MAX);
	buf_append_text(&body, "{\"status\":\"ok\"");
	if (view->describe != NULL &&
		admin_judge(view, exchange, request, false, &refusal) == ACCESS_GRANTED) {
		view->describe(view->describe_context, &generation, &fingerprint);
		buf_printf(&body, ",\"generation\":%" PRId64 ",\"fingerprint\":\"%016" PRIx64 "\"",
			generation, fingerprint);
	}
	buf_append_char(&body, '}');
	answer(exchange, 200, "application/json", &body);
	buf_free(&body);
}

static void answer_ready(struct admin *admin, struct http_exchange *exchange)
{
	struct buf reasons, body;
	bool is_ready;

	buf_init(&reasons, SMALL_SIZE_MAX);
	buf_init(&body, SMALL_SIZE_MAX);
	is_ready = admin_print_reasons(admin, clock_monotonic_ms(), &reasons);
	buf_append_text(&body, is_ready ? "{\"status\":\"ready\"" : "{\"status\":\"not ready\"");
	buf_append_text(&body, ",\"reasons\":");
	buf_append_slice(&body, buf_slice(&reasons));
	buf_append_char(&body, '}');
	answer(exchange, is_ready ? 200 : 503, "application/json", &body);
	buf_free(&body);
	buf_free(&reasons);
}

static void answer_page(
	struct admin *admin, struct http_exchange *exchange, const struct http_request *request)
{
	const struct admin_view *view = admin->view;
	bool is_metrics = slice_is(request->path, "/metrics");
	bool is_health = slice_is(request->path, "/healthz");
	bool is_ready = slice_is(request->path, "/readyz");
	bool is_identity = slice_is(request->path, "/identity");

	if (!is_metrics && !is_health && !is_ready && !is_identity)
		http_answer_error(
			exchange, 404, "there is nothing at this path", "path", "request");
	else if (!access_only_looks(request->method))
		http_answer_error_with(exchange, 405, "method not allowed", "method", "request",
			(struct http_header){
				.name = "allow",
				.value = SLICE_LITERAL("GET, HEAD"),
			});
	else if (is_identity)
		admin_answer_identity(view, exchange, request);
	else if (is_metrics)
		answer_metrics(view, exchange, request);
	else if (is_health)
		answer_health(view, exchange, request);
	else
		answer_ready(admin, exchange);
}

/* With a store and a control the API is starting, or stopping. */
static bool has_api_later(const struct admin_view *view)
{
	return view->store == NULL || view->control != NULL;
}

/* As the API would be asked for, and for those who may ask it. */
static void refuse_api(
	struct admin *admin, struct http_exchange *exchange, const struct http_request *request)
{
	struct error reason;

	if (!admin_is_granted(admin->view, exchange, request, false))
		return;
	admin_read_reason(admin, &reason);
	if (admin->view->store != NULL)
		error_set(&reason, "the gateway is starting or stopping");
	else
		error_prefix(&reason, "the store is not there yet");
	http_answer_error_with(exchange, 503, reason.text, "server", "server",
		(struct http_header){
			.name = "retry-after",
			.value = SLICE_LITERAL("5"),
		});
}

bool admin_may_send_body(void *context, const struct http_request *request)
{
	const struct admin *admin = context;
	const struct admin_view *view = admin->view;

	return request->is_local || access_has_token(view->token, request->authorization);
}

void admin_handle(void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct admin *admin = context;
	struct api *api = admin->api;
	const struct admin_view *view = admin->view;

	if (api != NULL && api_owns_path(request->path))
		api_handle(api, exchange, request);
	else if (api == NULL && has_api_later(view) && api_owns_path(request->path))
		refuse_api(admin, exchange, request);
	else
		answer_page(admin, exchange, request);
}
