/* SPDX-License-Identifier: MIT */
/*
 * The public listener's paths, and a request's way through the refusals to intake.
 */
#include "auth.h"
#include "intake.h"
#include "rejection.h"
#include "repostal/clock.h"

/* A new key has to be published for so long before it signs. */
#define JWKS_CACHE "public, max-age=900"

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
	for (size_t i = 0; i < view->rules.sources_count; i++) {
		const struct routed_source *source = &view->rules.sources[i];
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

/* False: refused. */
static bool is_admitted(const struct arrival *arrival, struct slice token)
{
	switch (auth_check(&arrival->source->settings->auth, arrival->view->trusted_proxies,
		arrival->request, token)) {
	case AUTH_OK:
		return true;
	case AUTH_FORBIDDEN:
		reject_forbidden(arrival);
		return false;
	case AUTH_UNAUTHORIZED:
		reject_unauthorized(arrival);
		return false;
	}
	return false; /* not reached: -Wswitch guards the cases */
}

static void take_body(const struct arrival *arrival, enum bizmail_kind kind)
{
	const struct http_request *request = arrival->request;
	const struct event_record record = {
		.source = arrival->source->number,
		.source_name = slice_text(arrival->source->settings->name),
		.received_us = clock_unix_us(),
		.kind = (uint8_t)kind,
		.content_type = request->content_type,
		.raw = request->body,
	};
	struct parsed_event parsed;

	if (request->is_encoded) {
		reject_encoded(arrival);
		return;
	}
	if (bizmail_encoding_of(record.content_type, record.raw) == BIZMAIL_ENCODING_NONE) {
		reject_media_type(arrival);
		return;
	}
	if (event_parse(&record, &parsed) == BIZMAIL_PROBLEM_NONE)
		intake_event(arrival, &record, &parsed);
	else
		intake_quarantine(arrival, &record, &parsed);
	parsed_event_release(&parsed);
}

static void answer_fixed(
	const struct arrival *arrival, struct slice body, struct slice cache_control)
{
	struct slice method = arrival->request->method;
	struct http_answer answer = {
		.status = 200,
		.content_type = "application/json; charset=utf-8",
		.body = body,
		.headers = { { .name = "cache-control", .value = cache_control } },
		.headers_count = 1,
	};

	if (slice_is(method, "GET") || slice_is(method, "HEAD"))
		http_answer(arrival->exchange, &answer);
	else
		reject_method(arrival, SLICE_LITERAL("GET, HEAD"));
}

/* Needs no store: receivers verify by it, and most when something else is wrong. */
static void answer_jwks(const struct arrival *arrival)
{
	counter_add(&arrival->inbound->jwks_requests, 1);
	answer_fixed(arrival, arrival->view->jwks, SLICE_LITERAL(JWKS_CACHE));
}

static void take_event(struct arrival *arrival)
{
	const struct http_request *request = arrival->request;
	struct subpath subpath;

	arrival->source = find_source(arrival->view, request->path, &subpath);
	if (arrival->source == NULL)
		reject_not_found(arrival);
	else if (!slice_is(request->method, "POST"))
		reject_method(arrival, SLICE_LITERAL("POST"));
	else if (!is_admitted(arrival, subpath.token))
		return;
	else if (!atomic_load(&arrival->view->is_open) || request->body_refused)
		/* A reload may have let in, meanwhile, whoever was refused his body. */
		reject_unavailable(arrival, STATUS_IO);
	else
		take_body(arrival, subpath.kind);
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
	struct arrival arrival = {
		.inbound = context,
		.view = inbound_hold_view(context),
		.exchange = exchange,
		.request = request,
	};

	if (slice_is(request->path, "/healthz"))
		answer_fixed(
			&arrival, SLICE_LITERAL("{\"status\":\"ok\"}"), SLICE_LITERAL("no-store"));
	else if (slice_is(request->path, "/.well-known/jwks.json"))
		answer_jwks(&arrival);
	else
		take_event(&arrival);
	inbound_release_view(arrival.view);
}
