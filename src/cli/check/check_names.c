/* SPDX-License-Identifier: MIT */
/*
 * Names are looked up by a few threads at once, and for a few seconds only. A look-up cannot be cut
 * short: one that takes longer is abandoned with what it uses, and ends with the process.
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check_parts.h"
#include "gateway/preflight.h"
#include "repostal/egress.h"
#include "repostal/memory.h"

enum {
	THREADS_MAX = 16,
	PATIENCE_S = 5,
	ADDRESSES_MAX = 64,
};

struct lookup {
	char name[256];
	bool is_done;
	int code; /* of getaddrinfo() */
	struct address addresses[ADDRESSES_MAX];
	size_t addresses_count;
};

struct lookups {
	pthread_mutex_t mutex;
	pthread_cond_t done;
	struct lookup *list;
	size_t count;
	size_t next; /* to be taken by a thread */
	size_t done_count;
	size_t references; /* the threads and their maker */
};

static void release(struct lookups *lookups)
{
	bool is_last;

	pthread_mutex_lock(&lookups->mutex);
	is_last = --lookups->references == 0;
	pthread_mutex_unlock(&lookups->mutex);
	if (!is_last)
		return;
	pthread_cond_destroy(&lookups->done);
	pthread_mutex_destroy(&lookups->mutex);
	free(lookups->list);
	free(lookups);
}

/* Into a copy: the one in the list may be looked at when it is done only. */
static struct lookup resolve(struct lookup lookup)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	lookup.code = getaddrinfo(lookup.name, NULL, &hints, &found);
	for (const struct addrinfo *info = found;
		info != NULL && lookup.addresses_count < ADDRESSES_MAX; info = info->ai_next)
		if (address_from_sockaddr(info->ai_addr, &lookup.addresses[lookup.addresses_count]))
			lookup.addresses_count++;
	if (found != NULL)
		freeaddrinfo(found);
	lookup.is_done = true;
	return lookup;
}

static void *work(void *argument)
{
	struct lookups *lookups = argument;

	pthread_mutex_lock(&lookups->mutex);
	while (lookups->next < lookups->count) {
		size_t index = lookups->next++;
		struct lookup lookup = lookups->list[index];

		pthread_mutex_unlock(&lookups->mutex);
		lookup = resolve(lookup);
		pthread_mutex_lock(&lookups->mutex);
		lookups->list[index] = lookup;
		lookups->done_count++;
		pthread_cond_signal(&lookups->done);
	}
	pthread_mutex_unlock(&lookups->mutex);
	release(lookups);
	return NULL;
}

static void start_threads(struct lookups *lookups)
{
	size_t wanted = lookups->count < THREADS_MAX ? lookups->count : THREADS_MAX;

	pthread_mutex_lock(&lookups->mutex);
	for (size_t i = 0; i < wanted; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, work, lookups) == 0) {
			pthread_detach(thread);
			lookups->references++; /* it cannot begin before the mutex is free */
		}
	}
	pthread_mutex_unlock(&lookups->mutex);
}

/* With the mutex held, before and after. */
static void await(struct lookups *lookups)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += PATIENCE_S;
	while (lookups->done_count < lookups->count &&
		pthread_cond_timedwait(&lookups->done, &lookups->mutex, &deadline) != ETIMEDOUT)
		;
	lookups->next = lookups->count; /* no thread begins another */
}

static struct lookup *find(const struct lookups *lookups, const char *name)
{
	for (size_t i = 0; i < lookups->count; i++)
		if (strcmp(lookups->list[i].name, name) == 0)
			return &lookups->list[i];
	return NULL;
}

/* An address needs no look-up, and preflight has judged it. */
static bool has_name(const struct target_settings *target, struct config_host *host_out)
{
	struct address address;

	return target->enabled && config_dialled_host(target, host_out) &&
	       !preflight_literal_address(host_out->name, &address);
}

static struct lookups *lookups_new(const struct config *config)
{
	struct lookups *lookups = memory_zalloc(sizeof(*lookups));
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&lookups->done, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&lookups->mutex, NULL);
	lookups->references = 1;
	lookups->list = memory_array(config->targets_count + 1, sizeof(*lookups->list));
	for (size_t i = 0; i < config->targets_count; i++) {
		struct config_host host;

		if (has_name(&config->targets[i], &host) && find(lookups, host.name) == NULL)
			memcpy(lookups->list[lookups->count++].name, host.name, sizeof(host.name));
	}
	return lookups;
}

static size_t count_denied(const struct config *config, const struct lookup *lookup)
{
	size_t denied = 0;

	for (size_t i = 0; i < lookup->addresses_count; i++)
		denied += egress_denies(&config->egress, &lookup->addresses[i]);
	return denied;
}

/* A name that is unknown today is a warning: the gateway starts, and asks again for each attempt. */
static void judge(const struct config *config, const struct target_settings *target,
	const struct config_host *host, const struct lookup *lookup, struct problems *problems)
{
	const void *field = host->is_proxy ? &target->proxy : &target->url;
	const char *name = host->is_proxy ? "targets.proxy" : "targets.url";
	size_t denied;

	if (!lookup->is_done) {
		config_report(problems, CONFIG_WARNING, field, target,
			"'%s': no answer about the name %s in %d s", name, host->name, PATIENCE_S);
		return;
	}
	if (lookup->code != 0) {
		config_report(problems, CONFIG_WARNING, field, target,
			"'%s': the name %s cannot be resolved: %s", name, host->name,
			gai_strerror(lookup->code));
		return;
	}
	denied = count_denied(config, lookup);
	if (denied > 0)
		config_report(problems,
			denied == lookup->addresses_count ? CONFIG_WRONG : CONFIG_WARNING, field,
			target, "'%s': of %zu addresses of %s, %zu are forbidden by 'egress.deny'",
			name, lookup->addresses_count, host->name, denied);
}

void check_names(const struct config *config, struct problems *problems)
{
	struct lookups *lookups = lookups_new(config);

	start_threads(lookups);
	pthread_mutex_lock(&lookups->mutex);
	await(lookups);
	for (size_t i = 0; i < config->targets_count; i++) {
		struct config_host host;

		if (has_name(&config->targets[i], &host))
			judge(config, &config->targets[i], &host, find(lookups, host.name),
				problems);
	}
	pthread_mutex_unlock(&lookups->mutex);
	release(lookups);
}
