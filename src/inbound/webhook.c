/* SPDX-License-Identifier: MIT */
/*
 * The public listener's paths, and a request's way through the refusals to intake.
 */
#include "auth.h"
#include "intake.h"
#include "repostal/memory.h"
#include "repostal/text.h"

/* A new key has to be published for so long before it signs. */
#define JWKS_CACHE "public, max-age=900"

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

void inbound_release_view(struct inbound_view *view)
{
	if (atomic_fetch_sub(&view->references, 1) != 1)
		return;
	for (size_t i = 0; i < view->sources_count; i++)
		source_lines_close(&view->lines[i]);
	free(view->lines);
	view->lines = NULL;
	view->on_unused(view);
}

struct source_lines *inbound_lines(
	const struct inbound_view *view, const struct routed_source *source)
{
	return &view->lines[source - view->sources];
}

void inbound_log_rejection(const struct inbound_view *view, const struct routed_source *source,
	const struct http_request *request, enum reject_reason reason)
{
	struct source_lines *lines = inbound_lines(view, source);
	struct address client;

	if (!source_lines_want_rejected(lines, reason))
		return;
	client = auth_client_address(view->trusted_proxies, &request->peer, request->forwarded_for);
	source_lines_rejected(lines, reason, &client);
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

void inbound_show(struct inbound *inbound, struct inbound_view *view)
{
	struct inbound_view *old;

	view->lines = memory_array(view->sources_count, sizeof(view->lines[0]));
	for (size_t i = 0; i < view->sources_count; i++)
		source_lines_open(&view->lines[i], view->sources[i].settings->name);
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
	for (size_t i = 0; i < view->sources_count; i++) {
		uint16_t number = view->sources[i].number;

		if (inbound->source_metrics[number] == NULL)
			inbound->source_metrics[number] =
				memory_zalloc(sizeof(struct inbound_source_metrics));
	}
	atomic_store(&view->is_open, true);
}

const struct inbound_source_metrics *inbound_source_metrics(
	const struct inbound *inbound, uint16_t source)
{
	return ((struct inbound *)(uintptr_t)inbound)->source_metrics[source];
}

void inbound_connect(struct inbound *inbound, struct http_server *server,
	struct store_thread *store, struct dispatcher *dispatcher)
{
	inbound->server = server;
	inbound->store = store;
	inbound->dispatcher = dispatcher;
	atomic_store(&inbound->is_connected, true);
}

const char *reject_reason_name(enum reject_reason reason)
{
	switch (reason) {
	case REJECT_UNAUTHORIZED:
		return "unauthorized";
	case REJECT_FORBIDDEN:
		return "forbidden";
	case REJECT_NOT_FOUND:
		return "not_found";
	case REJECT_METHOD:
		return "method";
	case REJECT_MEDIA_TYPE:
		return "media_type";
	case REJECT_UNAVAILABLE:
		return "unavailable";
	case REJECT_BACKLOG_FULL:
		return "backlog_full";
	}
	return "unknown"; /* not reached: -Wswitch guards the cases */
}

const struct counter *inbound_rejected(const struct inbound *inbound)
{
	return inbound->rejected;
}

const struct counter *inbound_jwks_requests(const struct inbound *inbound)
{
	return &inbound->jwks_requests;
}

void inbound_count_rejected(
	struct inbound *inbound, const struct routed_source *source, enum reject_reason reason)
{
	struct inbound_source_metrics *metrics =
		source == NULL ? NULL : inbound->source_metrics[source->number];

	counter_add(metrics == NULL ? &inbound->rejected[reason] : &metrics->rejected[reason], 1);
}

/* What stands behind a source's path: /KIND, /TOKEN, /KIND/TOKEN or nothing. */
struct subpath {
	enum bizmail_kind kind;
	struct slice token; /* percent-encoded */
};

static bool parse_subpath(struct slice rest, bool may_hold_token, struct subpath *out)
{
	struct slice segment;

	*out = (struct subpath){ .kind = BIZMAIL_UNKNOWN };
	if (rest.size == 0 || slice_is(rest, "/"))
		return true;
	rest = slice_of(rest.data + 1, rest.size - 1);
	segment = slice_cut(&rest, '/');
	out->kind = bizmail_kind_parse(segment);
	if (out->kind != BIZMAIL_UNKNOWN)
		segment = slice_cut(&rest, '/');
	out->token = segment;
	return rest.size == 0 && (segment.size == 0 || may_hold_token);
}

static const struct routed_source *find_source(
	const struct inbound_view *view, struct slice path, struct subpath *subpath_out)
{
	for (size_t i = 0; i < view->sources_count; i++) {
		const struct routed_source *source = &view->sources[i];
		struct slice prefix = slice_text(source->settings->path);
		struct slice rest;

		if (path.size < prefix.size || memcmp(path.data, prefix.data, prefix.size) != 0)
			continue;
		rest = slice_of(path.data + prefix.size, path.size - prefix.size);
		if (rest.size > 0 && rest.data[0] != '/')
			continue;
		if (parse_subpath(rest, source->settings->auth.token != NULL, subpath_out))
			return source;
	}
	return NULL;
}

static void reject_with(struct inbound *inbound, const struct routed_source *source,
	struct http_exchange *exchange, enum reject_reason reason, int status, const char *message,
	const char *param, const char *location, struct http_header header)
{
	inbound_count_rejected(inbound, source, reason);
	http_answer_error_with(exchange, status, message, param, location, header);
}

static void reject(struct inbound *inbound, const struct routed_source *source,
	struct http_exchange *exchange, enum reject_reason reason, int status, const char *message,
	const char *param, const char *location)
{
	reject_with(inbound, source, exchange, reason, status, message, param, location,
		(struct http_header){ .name = NULL });
}

static void reject_method(struct inbound *inbound, const struct routed_source *source,
	struct http_exchange *exchange, struct slice allow)
{
	reject_with(inbound, source, exchange, REJECT_METHOD, 405, "method not allowed", "method",
		"request", (struct http_header){ .name = "allow", .value = allow });
}

static bool is_admitted(struct inbound *inbound, const struct inbound_view *view,
	const struct routed_source *source, struct http_exchange *exchange,
	const struct http_request *request, struct slice token)
{
	const struct auth_settings *auth = &source->settings->auth;
	struct http_header challenge = { .name = "www-authenticate" };

	switch (auth_check(auth, view->trusted_proxies, request, token)) {
	case AUTH_OK:
		return true;
	case AUTH_FORBIDDEN:
		inbound_log_rejection(view, source, request, REJECT_FORBIDDEN);
		reject(inbound, source, exchange, REJECT_FORBIDDEN, 403,
			"this address may not post here", "address", "request");
		return false;
	case AUTH_UNAUTHORIZED:
		inbound_log_rejection(view, source, request, REJECT_UNAUTHORIZED);
		challenge.value = slice_text(auth_challenge(auth));
		reject_with(inbound, source, exchange, REJECT_UNAUTHORIZED, 401,
			"missing or wrong credentials", "authorization", "headers", challenge);
		return false;
	}
	return false; /* not reached: -Wswitch guards the cases */
}

static void take_body(struct inbound *inbound, struct inbound_view *view,
	const struct routed_source *source, struct http_exchange *exchange,
	const struct http_request *request, enum bizmail_kind kind)
{
	enum bizmail_encoding encoding = bizmail_encoding_of(request->content_type, request->body);
	struct bizmail_event event;
	enum bizmail_problem problem;

	if (request->is_encoded) {
		inbound_log_rejection(view, source, request, REJECT_MEDIA_TYPE);
		reject_with(inbound, source, exchange, REJECT_MEDIA_TYPE, 415,
			"a body with a Content-Encoding is not taken", "content-encoding",
			"headers",
			(struct http_header){
				.name = "accept-encoding", .value = SLICE_LITERAL("identity") });
		return;
	}
	if (encoding == BIZMAIL_ENCODING_NONE) {
		inbound_log_rejection(view, source, request, REJECT_MEDIA_TYPE);
		reject(inbound, source, exchange, REJECT_MEDIA_TYPE, 415,
			"the content type is not JSON, urlencoded or multipart form",
			"content-type", "headers");
		return;
	}
	problem = bizmail_parse(encoding, request->content_type, request->body, kind, &event, NULL);
	if (problem == BIZMAIL_PROBLEM_NONE)
		intake_event(inbound, view, source, exchange, request, &event);
	else
		intake_quarantine(
			inbound, view, source, exchange, request, problem, kind, event.id);
	bizmail_event_release(&event);
}

static void answer_fixed(struct inbound *inbound, struct http_exchange *exchange,
	const struct http_request *request, struct slice body, struct slice cache_control)
{
	struct http_answer answer = {
		.status = 200,
		.content_type = "application/json; charset=utf-8",
		.body = body,
		.headers = { { .name = "cache-control", .value = cache_control } },
		.headers_count = 1,
	};

	if (slice_is(request->method, "GET") || slice_is(request->method, "HEAD"))
		http_answer(exchange, &answer);
	else
		reject_method(inbound, NULL, exchange, SLICE_LITERAL("GET, HEAD"));
}

/* Needs no store: receivers verify by it, and most when something else is wrong. */
static void answer_jwks(struct inbound *inbound, const struct inbound_view *view,
	struct http_exchange *exchange, const struct http_request *request)
{
	counter_add(&inbound->jwks_requests, 1);
	answer_fixed(inbound, exchange, request, view->jwks, SLICE_LITERAL(JWKS_CACHE));
}

static void take_event(struct inbound *inbound, struct inbound_view *view,
	struct http_exchange *exchange, const struct http_request *request)
{
	struct subpath subpath;
	const struct routed_source *source = find_source(view, request->path, &subpath);

	if (source == NULL)
		reject(inbound, NULL, exchange, REJECT_NOT_FOUND, 404,
			"there is nothing at this path", "path", "request");
	else if (!slice_is(request->method, "POST"))
		reject_method(inbound, source, exchange, SLICE_LITERAL("POST"));
	else if (!is_admitted(inbound, view, source, exchange, request, subpath.token))
		return;
	else if (!atomic_load(&view->is_open) || request->body_refused)
		/* A reload may have let in, meanwhile, whoever was refused his body. */
		intake_unavailable(inbound, view, source, exchange, request, STATUS_IO);
	else
		take_body(inbound, view, source, exchange, request, subpath.kind);
}

bool inbound_may_send_body(void *context, const struct http_request *request)
{
	struct inbound_view *view = inbound_hold_view(context);
	struct subpath subpath;
	const struct routed_source *source = find_source(view, request->path, &subpath);
	bool may = source != NULL && slice_is(request->method, "POST") &&
		   auth_check(&source->settings->auth, view->trusted_proxies, request,
			   subpath.token) == AUTH_OK;

	inbound_release_view(view);
	return may;
}

void inbound_handle(
	void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct inbound *inbound = context;
	struct inbound_view *view = inbound_hold_view(inbound);

	if (slice_is(request->path, "/healthz"))
		answer_fixed(inbound, exchange, request, SLICE_LITERAL("{\"status\":\"ok\"}"),
			SLICE_LITERAL("no-store"));
	else if (slice_is(request->path, "/.well-known/jwks.json"))
		answer_jwks(inbound, view, exchange, request);
	else
		take_event(inbound, view, exchange, request);
	inbound_release_view(view);
}
