/* SPDX-License-Identifier: MIT */
#include "repostal/outcome.h"

#include <stdbool.h>

enum {
	HTTP_GONE = 410,
	HTTP_TOO_MANY_REQUESTS = 429,
	HTTP_BAD_GATEWAY = 502,
	HTTP_GATEWAY_TIMEOUT = 504,
	HTTP_SERVICE_UNAVAILABLE = 503
};

static int64_t retry_after_of(const struct outcome *outcome)
{
	bool honoured = outcome->transport == TRANSPORT_OK &&
			(outcome->http_status == HTTP_TOO_MANY_REQUESTS ||
				outcome->http_status == HTTP_SERVICE_UNAVAILABLE);

	return honoured ? outcome->retry_after_ms : -1;
}

struct decision outcome_decide(const struct outcome *outcome, const struct retry_settings *retry,
	const struct give_up_settings *give_up, int attempts_done, double jitter)
{
	int64_t delay_ms;

	if (outcome->transport == TRANSPORT_INTERRUPTED)
		return (struct decision){ .verdict = VERDICT_RETRY };
	if (outcome_result(outcome) == ATTEMPT_2XX)
		return (struct decision){ .verdict = VERDICT_DELIVERED };
	if (outcome->transport == TRANSPORT_OK && give_up_on_status(give_up, outcome->http_status))
		return (struct decision){ .verdict = VERDICT_GIVE_UP };
	if (outcome->transport == TRANSPORT_OK && outcome->http_status == HTTP_GONE)
		return (struct decision){ .verdict = VERDICT_PAUSE };
	delay_ms = retry_delay_ms(retry, attempts_done, retry_after_of(outcome), jitter);
	if (delay_ms < 0)
		return (struct decision){ .verdict = VERDICT_DEAD };
	return (struct decision){ .verdict = VERDICT_RETRY, .delay_ms = delay_ms };
}

static enum blame blame_of_status(int http_status)
{
	if ((http_status >= 200 && http_status <= 299) || http_status == HTTP_TOO_MANY_REQUESTS)
		return BLAME_NOBODY;
	if (http_status == HTTP_BAD_GATEWAY || http_status == HTTP_GATEWAY_TIMEOUT)
		return BLAME_TARGET;
	return BLAME_TYPE;
}

enum blame outcome_blame(const struct outcome *outcome)
{
	switch (outcome->transport) {
	case TRANSPORT_OK:
		return blame_of_status(outcome->http_status);
	case TRANSPORT_TIMEOUT:
	case TRANSPORT_CONNECT:
	case TRANSPORT_TLS:
	case TRANSPORT_DNS:
	case TRANSPORT_DENIED:
		return BLAME_TARGET;
	case TRANSPORT_OTHER:
		return BLAME_TYPE;
	case TRANSPORT_INTERRUPTED:
	case TRANSPORT_GIVEN_UP:
	case TRANSPORT_BACKLOG_FULL:
		return BLAME_NOBODY;
	}
	return BLAME_TARGET; /* not reached: -Wswitch guards the cases */
}

static enum attempt_result result_of_status(int http_status)
{
	if (http_status >= 200 && http_status <= 299)
		return ATTEMPT_2XX;
	if (http_status >= 300 && http_status <= 399)
		return ATTEMPT_3XX;
	if (http_status >= 400 && http_status <= 499)
		return ATTEMPT_4XX;
	if (http_status >= 500 && http_status <= 599)
		return ATTEMPT_5XX;
	return ATTEMPT_OTHER;
}

enum attempt_result outcome_result(const struct outcome *outcome)
{
	switch (outcome->transport) {
	case TRANSPORT_OK:
	case TRANSPORT_GIVEN_UP:
		return result_of_status(outcome->http_status);
	case TRANSPORT_TIMEOUT:
		return ATTEMPT_TIMEOUT;
	case TRANSPORT_CONNECT:
		return ATTEMPT_CONNECT;
	case TRANSPORT_TLS:
		return ATTEMPT_TLS;
	case TRANSPORT_DNS:
		return ATTEMPT_DNS;
	case TRANSPORT_DENIED:
	case TRANSPORT_OTHER:
	case TRANSPORT_INTERRUPTED:
	case TRANSPORT_BACKLOG_FULL:
		return ATTEMPT_OTHER;
	}
	return ATTEMPT_OTHER; /* not reached: -Wswitch guards the cases */
}

const char *attempt_result_name(enum attempt_result result)
{
	switch (result) {
	case ATTEMPT_2XX:
		return "2xx";
	case ATTEMPT_3XX:
		return "3xx";
	case ATTEMPT_4XX:
		return "4xx";
	case ATTEMPT_5XX:
		return "5xx";
	case ATTEMPT_TIMEOUT:
		return "timeout";
	case ATTEMPT_CONNECT:
		return "connect";
	case ATTEMPT_TLS:
		return "tls";
	case ATTEMPT_DNS:
		return "dns";
	case ATTEMPT_OTHER:
		return "other";
	}
	return "other"; /* not reached: -Wswitch guards the cases */
}
