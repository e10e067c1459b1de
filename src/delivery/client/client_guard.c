/* SPDX-License-Identifier: MIT */
#include "client_guard.h"

#include <string.h>
#include <strings.h>

#include "repostal/clock.h"

enum {
	CALLS_OF_TURN = 4,   /* of on_progress(), for a handle that receives nothing */
	CALLS_OF_CLOCK = 64, /* between two readings of the clock within a turn */
	HTTP_OK = 200,
	HTTP_MULTIPLE_CHOICES = 300,
};

static bool charge(struct client_guard *guard, size_t size)
{
	guard->received += size;
	if (guard->received > GUARD_SIZE_MAX && guard->verdict == GUARD_CONTENT)
		guard->verdict = GUARD_TOO_LONG;
	return guard->verdict == GUARD_CONTENT;
}

static bool is_final(CURL *easy)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= HTTP_OK;
}

static bool is_end_of_head(size_t size)
{
	return size <= sizeof("\r\n") - 1;
}

/* libcurl would read all of a refusal before it gives up. */
static void check_tunnel(struct client_guard *guard, size_t size)
{
	long status = 0;

	if (!is_end_of_head(size))
		return;
	curl_easy_getinfo(guard->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (status >= HTTP_MULTIPLE_CHOICES && guard->verdict == GUARD_CONTENT)
		guard->verdict = GUARD_REFUSED;
}

static void charge_trailer(struct client_guard *guard, size_t size)
{
	guard->trailers_size += size + GUARD_LINE_SIZE;
	if (guard->trailers_size > GUARD_TRAILERS_MAX && guard->verdict == GUARD_CONTENT)
		guard->verdict = GUARD_TOO_LONG;
}

static bool is_header(const char *line, size_t size, const char *name)
{
	size_t name_size = strlen(name);

	return size > name_size && strncasecmp(line, name, name_size) == 0;
}

/*
 * libcurl shows the sizes of chunks and their extensions to its trace only. It is switched on for
 * answers in chunks, since it costs every other request a dozen lines of text.
 */
static void trace_chunks(struct client_guard *guard)
{
	guard->is_traced = true;
	curl_easy_setopt(guard->easy, CURLOPT_VERBOSE, 1L);
}

/* Lines of heads, interim ones and those of proxies included, and of trailers. */
static size_t on_header(char *line, size_t size, size_t count, void *user)
{
	struct client_guard *guard = user;
	size_t bytes = size * count;

	if (guard->has_head) {
		charge_trailer(guard, bytes);
	} else if (guard->is_asked) {
		if (is_header(line, bytes, "Transfer-Encoding:"))
			trace_chunks(guard);
		guard->has_head = is_end_of_head(bytes) && is_final(guard->easy);
	} else if (guard->through_proxy) {
		check_tunnel(guard, bytes);
	}
	/* A trailer in a trace has been counted there. */
	return charge(guard, guard->is_traced && guard->has_head ? GUARD_LINE_SIZE
								 : bytes + GUARD_LINE_SIZE)
		       ? bytes
		       : 0;
}

static int on_trace(CURL *easy, curl_infotype kind, char *data, size_t size, void *user)
{
	(void)easy;
	(void)data;
	if (kind == CURLINFO_DATA_IN)
		charge(user, size);
	return 0;
}

/* Called for each byte of a proxy's answer, which libcurl reads until none is left: too seldom to yield. */
static void charge_proxy(struct client_guard *guard)
{
	if (guard->calls <= CALLS_OF_TURN)
		return;
	charge(guard, 1);
	if (guard->calls > GUARD_TURN_MAX)
		guard->verdict = GUARD_TOO_LONG;
	else if (guard->calls % CALLS_OF_CLOCK == 0 && clock_monotonic_us() > guard->deadline_us)
		guard->verdict = GUARD_TOO_LATE;
}

static int on_progress(
	void *user, curl_off_t to_receive, curl_off_t received, curl_off_t to_send, curl_off_t sent)
{
	struct client_guard *guard = user;

	(void)to_receive;
	(void)received;
	(void)to_send;
	(void)sent;
	if (guard->seen_turn != *guard->turn) {
		guard->seen_turn = *guard->turn;
		guard->calls = 0;
	}
	guard->calls++;
	if (guard->through_proxy && !guard->is_asked)
		charge_proxy(guard);
	return guard->verdict != GUARD_CONTENT;
}

void client_guard_install(
	struct client_guard *guard, CURL *easy, const uint64_t *turn, bool through_proxy)
{
	*guard = (struct client_guard){ .turn = turn, .through_proxy = through_proxy };
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, guard);
	curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_trace);
	curl_easy_setopt(easy, CURLOPT_DEBUGDATA, guard);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, guard);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

void client_guard_begin(struct client_guard *guard, CURL *easy, int64_t timeout_ms)
{
	if (guard->is_traced)
		curl_easy_setopt(easy, CURLOPT_VERBOSE, 0L);
	*guard = (struct client_guard){
		.turn = guard->turn,
		.easy = easy,
		.through_proxy = guard->through_proxy,
		.deadline_us = clock_monotonic_us() + timeout_ms * 1000,
	};
}

void client_guard_ask(struct client_guard *guard)
{
	guard->is_asked = true;
}

bool client_guard_is_asked(const struct client_guard *guard)
{
	return guard->is_asked;
}

bool client_guard_take_body(struct client_guard *guard, size_t size)
{
	return guard->is_traced ? guard->verdict == GUARD_CONTENT : charge(guard, size);
}

CURLcode client_guard_code(const struct client_guard *guard, CURLcode code)
{
	switch (guard->verdict) {
	case GUARD_CONTENT:
		return code;
	case GUARD_TOO_LATE:
		return CURLE_OPERATION_TIMEDOUT;
	case GUARD_REFUSED:
		return CURLE_RECV_ERROR;
	case GUARD_TOO_LONG:
		return guard->is_asked ? CURLE_FILESIZE_EXCEEDED : CURLE_RECV_ERROR;
	}
	return code; /* not reached: -Wswitch guards the cases */
}

bool client_guard_has_answer(const struct client_guard *guard)
{
	return guard->verdict == GUARD_TOO_LONG && guard->has_head;
}
