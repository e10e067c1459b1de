/* SPDX-License-Identifier: MIT */
#include "last_error.h"

#include <stdio.h>
#include <string.h>

enum {
	HTTP_UNAUTHORIZED = 401,
	HTTP_FORBIDDEN = 403,
};

/* "": signing is off. */
static const char *key_id(const struct target *target)
{
	return signer_key_id(target->shared->signer);
}

static const char *jwks_url(const struct target *target)
{
	const char *url = target->shared->jwks_url;

	return url == NULL ? "/.well-known/jwks.json" : url;
}

/* A receiver that has never taken anything may be one that was not given our key. */
static bool may_not_know_key(const struct target *target, const struct client_result *result)
{
	int status = result->outcome.http_status;

	return (status == HTTP_UNAUTHORIZED || status == HTTP_FORBIDDEN) &&
	       !target->has_delivered && key_id(target)[0] != '\0';
}

static void print_hint(
	const struct target *target, const struct client_result *result, char out[TARGET_HINT_SIZE])
{
	out[0] = '\0';
	if (may_not_know_key(target, result))
		snprintf(out, TARGET_HINT_SIZE,
			"the receiver may not know our signing key: key id %s, published at %s",
			key_id(target), jwks_url(target));
}

void last_error_hint_at_key(struct target *target, const struct client_result *result)
{
	if (target->is_key_hinted || !may_not_know_key(target, result))
		return;
	target->is_key_hinted = true;
	log_limited(&target->lines.key_unknown, LOG_INT("status", result->outcome.http_status),
		LOG_STR("key_id", key_id(target)), LOG_STR("jwks", jwks_url(target)),
		LOG_STR("advice", "the receiver has taken nothing yet: it may not know this key"));
}

void last_error_note(struct target *target, const struct client_result *result)
{
	struct target_error *error = &target->last_error;

	pthread_mutex_lock(&target->error_mutex);
	error->time_ms = result->started_ms + result->duration_us / 1000;
	error->result = outcome_result(&result->outcome);
	error->http_status = result->outcome.http_status;
	memcpy(error->cause, result->cause, sizeof(error->cause));
	print_hint(target, result, error->hint);
	pthread_mutex_unlock(&target->error_mutex);
	last_error_hint_at_key(target, result);
}

bool last_error_read(struct target *target, struct target_error *error_out)
{
	pthread_mutex_lock(&target->error_mutex);
	*error_out = target->last_error;
	pthread_mutex_unlock(&target->error_mutex);
	return error_out->time_ms != 0;
}
