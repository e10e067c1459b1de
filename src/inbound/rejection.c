/* SPDX-License-Identifier: MIT */
#include "rejection.h"

#include "auth.h"

#define RETRY_AFTER_S "30"

static void count(const struct arrival *arrival, enum reject_reason reason)
{
	struct inbound *inbound = arrival->inbound;
	struct inbound_source_metrics *metrics =
		arrival->source == NULL ? NULL : inbound->source_metrics[arrival->source->number];

	counter_add(metrics == NULL ? &inbound->rejected[reason] : &metrics->rejected[reason], 1);
}

static void count_and_log(const struct arrival *arrival, enum reject_reason reason)
{
	const struct http_request *request = arrival->request;
	struct source_lines *lines = inbound_lines(arrival->view, arrival->source);
	struct address client;

	count(arrival, reason);
	if (!source_lines_want_rejected(lines, reason))
		return;
	client = auth_client_address(
		arrival->view->trusted_proxies, &request->peer, request->forwarded_for);
	source_lines_rejected(lines, reason, &client);
}

void reject_not_found(const struct arrival *arrival)
{
	count(arrival, REJECT_NOT_FOUND);
	http_answer_error(
		arrival->exchange, 404, "there is nothing at this path", "path", "request");
}

void reject_method(const struct arrival *arrival, struct slice allow)
{
	count(arrival, REJECT_METHOD);
	http_answer_error_with(arrival->exchange, 405, "method not allowed", "method", "request",
		(struct http_header){ .name = "allow", .value = allow });
}

void reject_forbidden(const struct arrival *arrival)
{
	count_and_log(arrival, REJECT_FORBIDDEN);
	http_answer_error(
		arrival->exchange, 403, "this address may not post here", "address", "request");
}

void reject_unauthorized(const struct arrival *arrival)
{
	count_and_log(arrival, REJECT_UNAUTHORIZED);
	http_answer_error_with(arrival->exchange, 401, "missing or wrong credentials",
		"authorization", "headers",
		(struct http_header){ .name = "www-authenticate",
			.value = slice_text(auth_challenge(&arrival->source->settings->auth)) });
}

void reject_encoded(const struct arrival *arrival)
{
	count_and_log(arrival, REJECT_MEDIA_TYPE);
	http_answer_error_with(arrival->exchange, 415,
		"a body with a Content-Encoding is not taken", "content-encoding", "headers",
		(struct http_header){
			.name = "accept-encoding", .value = SLICE_LITERAL("identity") });
}

void reject_media_type(const struct arrival *arrival)
{
	count_and_log(arrival, REJECT_MEDIA_TYPE);
	http_answer_error(arrival->exchange, 415,
		"the content type is not JSON, urlencoded or multipart form", "content-type",
		"headers");
}

void reject_unavailable(const struct arrival *arrival, enum status status)
{
	bool is_full = status == STATUS_FULL;

	count_and_log(arrival, is_full ? REJECT_BACKLOG_FULL : REJECT_UNAVAILABLE);
	http_answer_error_with(arrival->exchange, 503,
		is_full ? "the backlog is full; nothing was accepted, try again later"
			: "the event could not be stored; nothing was accepted, try again later",
		"server", "server",
		(struct http_header){
			.name = "retry-after", .value = SLICE_LITERAL(RETRY_AFTER_S) });
}
