/* SPDX-License-Identifier: MIT */
#include "scripted_client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "fake_clock.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/outgoing.h"

enum {
	ATTEMPTS_MAX = 4096,
	SCRIPTS_MAX = 16,
};

struct script {
	const char *target;
	int type;
	struct script_answer answers[SCRIPT_ANSWERS_MAX];
	size_t count, next;
};

/* Under way, in the order of the starts. */
struct exchange {
	struct exchange *next;
	struct client_target *target;
	void *request;
	struct script_answer answer;
	int64_t started_ms, ends_ms; /* by fake_clock_ms() */
};

struct client {
	client_done *on_done;
	void *context;
	struct exchange *exchanges;
	_Atomic bool is_woken;
};

struct client_target {
	struct client *client;
	const struct target_settings *settings;
};

static struct script scripts[SCRIPTS_MAX];
static size_t scripts_count;
static struct scripted_attempt attempts[ATTEMPTS_MAX];
static size_t attempts_count;
static struct client *the_client;
static _Atomic int targets_count;
static void (*watch_start)(const struct scripted_attempt *attempt);
static void (*watch_poll)(void);

void scripted_client_reset(void)
{
	scripts_count = 0;
	attempts_count = 0;
	targets_count = 0;
	watch_start = NULL;
	watch_poll = NULL;
}

static struct script *find_script(const char *target, int type)
{
	for (size_t i = 0; i < scripts_count; i++)
		if (scripts[i].type == type && strcmp(scripts[i].target, target) == 0)
			return &scripts[i];
	return NULL;
}

void scripted_client_answer(
	const char *target, int type, const struct script_answer *answers, size_t count)
{
	struct script *script = find_script(target, type);

	REPOSTAL_ASSERT(count > 0 && count <= SCRIPT_ANSWERS_MAX && scripts_count < SCRIPTS_MAX);
	if (script == NULL)
		script = &scripts[scripts_count++];
	*script = (struct script){ .target = target, .type = type, .count = count };
	memcpy(script->answers, answers, count * sizeof(*answers));
}

void scripted_client_watch(
	void (*on_start)(const struct scripted_attempt *attempt), void (*on_poll)(void))
{
	watch_start = on_start;
	watch_poll = on_poll;
}

size_t scripted_client_attempts_count(void)
{
	return attempts_count;
}

const struct scripted_attempt *scripted_client_attempt(size_t index)
{
	REPOSTAL_ASSERT(index < attempts_count);
	return &attempts[index];
}

int scripted_client_in_flight(const char *target)
{
	int count = 0;

	for (struct exchange *e = the_client->exchanges; e != NULL; e = e->next)
		count += target == NULL || strcmp(e->target->settings->name, target) == 0;
	return count;
}

int scripted_client_targets_count(void)
{
	return targets_count;
}

/* client.h */

struct client *client_open(const struct egress_settings *egress, int connections_max,
	client_done *on_done, void *context)
{
	struct client *client = memory_zalloc(sizeof(*client));

	(void)egress;
	(void)connections_max;
	client->on_done = on_done;
	client->context = context;
	the_client = client;
	return client;
}

void client_close(struct client **clientp)
{
	REPOSTAL_ASSERT((*clientp)->exchanges == NULL && targets_count == 0);
	free(*clientp);
	*clientp = NULL;
	the_client = NULL;
}

enum status client_target_open(struct client *client, const struct target_settings *settings,
	struct client_target **target_out, struct error *err)
{
	if (settings->url[0] == '\0') {
		error_set(err, "target '%s': not a URL that can be used", settings->name);
		return STATUS_INVALID;
	}
	*target_out = memory_zalloc(sizeof(**target_out));
	(*target_out)->client = client;
	(*target_out)->settings = settings;
	targets_count++;
	return STATUS_OK;
}

void client_target_close(struct client_target **targetp)
{
	if (*targetp == NULL)
		return;
	REPOSTAL_ASSERT(client_target_is_idle(*targetp));
	free(*targetp);
	*targetp = NULL;
	targets_count--;
}

void client_target_rebind(struct client_target *target, const struct target_settings *settings)
{
	target->settings = settings;
}

bool client_target_is_idle(const struct client_target *target)
{
	for (struct exchange *e = target->client->exchanges; e != NULL; e = e->next)
		if (e->target == target)
			return false;
	return true;
}

void client_set_egress(struct client *client, const struct egress_settings *egress)
{
	(void)client;
	(void)egress;
}

void client_set_own(struct client *client, const struct own_listeners *own)
{
	(void)client;
	(void)own;
}

static struct script_answer next_answer(const struct client_target *target, int type)
{
	struct script *script = find_script(target->settings->name, type);

	if (script == NULL)
		script = find_script(target->settings->name, SCRIPT_ANY_TYPE);
	if (script == NULL)
		return (struct script_answer){ .status = 200 };
	if (script->next < script->count)
		script->next++;
	return script->answers[script->next - 1];
}

static const struct scripted_attempt *write_down(
	const struct client_target *target, struct slice body, const struct delivery *delivery)
{
	struct scripted_attempt *attempt = &attempts[attempts_count++];
	size_t tail = UUID_TEXT_SIZE - 1 + sizeof("\"}") - 1;

	REPOSTAL_ASSERT(attempts_count < ATTEMPTS_MAX && body.size > tail);
	*attempt = (struct scripted_attempt){
		.target = target->settings->name,
		.event = delivery->outgoing->event,
		.number = delivery->attempts,
		.type = delivery->type,
		.at_ms = fake_clock_ms(),
		.client = target,
	};
	memcpy(attempt->uuid, body.data + body.size - tail, UUID_TEXT_SIZE - 1);
	return attempt;
}

void client_start(struct client_target *target, struct slice body,
	const struct signature *signature, void *request)
{
	const struct scripted_attempt *attempt = write_down(target, body, request);
	struct exchange *exchange = memory_zalloc(sizeof(*exchange));
	struct exchange **end = &target->client->exchanges;

	(void)signature;
	exchange->target = target;
	exchange->request = request;
	exchange->answer = next_answer(target, attempt->type);
	exchange->started_ms = fake_clock_ms();
	exchange->ends_ms = exchange->started_ms + exchange->answer.takes_ms;
	while (*end != NULL)
		end = &(*end)->next;
	*end = exchange;
	if (watch_start != NULL)
		watch_start(attempt);
}

static void hand_back(struct client *client, struct exchange *exchange, struct outcome outcome)
{
	struct client_result result = {
		.outcome = outcome,
		.started_ms = FAKE_CLOCK_UNIX_START_MS + exchange->started_ms,
		.duration_us = (fake_clock_ms() - exchange->started_ms) * 1000,
		.is_unsent = exchange->answer.is_unsent,
	};
	void *request = exchange->request;

	if (outcome_result(&outcome) != ATTEMPT_2XX)
		(void)snprintf(result.cause, sizeof(result.cause),
			"scripted: HTTP %d, transport %d", outcome.http_status,
			(int)outcome.transport);
	result.answer = slice_text(result.cause);
	free(exchange);
	client->on_done(client->context, request, &result);
}

/* Takes the first that satisfies both out of the list; NULL: none does. */
static struct exchange *take_exchange(
	struct client *client, const struct client_target *target, int64_t ends_until_ms)
{
	for (struct exchange **at = &client->exchanges; *at != NULL; at = &(*at)->next) {
		struct exchange *exchange = *at;

		if ((target != NULL && exchange->target != target) ||
			exchange->ends_ms > ends_until_ms)
			continue;
		*at = exchange->next;
		return exchange;
	}
	return NULL;
}

void client_target_cancel(struct client_target *target)
{
	struct exchange *exchange;

	while ((exchange = take_exchange(target->client, target, INT64_MAX)) != NULL)
		hand_back(target->client, exchange,
			(struct outcome){
				.transport = TRANSPORT_INTERRUPTED, .retry_after_ms = -1 });
}

void client_perform(struct client *client)
{
	struct exchange *exchange;

	while ((exchange = take_exchange(client, NULL, fake_clock_ms())) != NULL) {
		const struct script_answer *answer = &exchange->answer;

		hand_back(client, exchange,
			(struct outcome){
				.transport = answer->transport,
				.http_status = answer->status,
				.retry_after_ms =
					answer->retry_after_ms > 0 ? answer->retry_after_ms : -1,
			});
	}
}

void client_poll(struct client *client, int64_t timeout_ms)
{
	int64_t wait_ms = timeout_ms;

	if (watch_poll != NULL)
		watch_poll();
	if (atomic_exchange(&client->is_woken, false))
		return;
	for (struct exchange *e = client->exchanges; e != NULL; e = e->next)
		if (e->ends_ms - fake_clock_ms() < wait_ms)
			wait_ms = e->ends_ms - fake_clock_ms();
	fake_clock_advance(wait_ms > 0 ? wait_ms : 0);
}

void client_wake(struct client *client)
{
	atomic_store(&client->is_woken, true);
}
