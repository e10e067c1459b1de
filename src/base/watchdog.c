/* SPDX-License-Identifier: MIT */
#include "repostal/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/supervisor.h"
#include "repostal/text.h"

enum {
	FEEDS_PER_TIMEOUT = 4
};

struct watchdog {
	bool (*works)(void *context, int64_t now_ms);
	void *context;
	int64_t interval_ms;
	pthread_t thread;
	pthread_mutex_t mutex; /* for the rest; held while works() runs */
	pthread_cond_t changed;
	bool is_trusted;
	bool is_stopping;
};

int64_t watchdog_interval_ms(const char *usec, const char *pid, int64_t own_pid)
{
	int64_t asked_us, asked_pid, interval_ms;

	if (usec == NULL || !text_parse_uint(slice_text(usec), &asked_us) || asked_us <= 0)
		return 0;
	if (pid != NULL && (!text_parse_uint(slice_text(pid), &asked_pid) || asked_pid != own_pid))
		return 0;
	interval_ms = asked_us / 1000 / FEEDS_PER_TIMEOUT;
	return interval_ms > 0 ? interval_ms : 1;
}

static void *watchdog_main(void *data)
{
	struct watchdog *watchdog = data;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	pthread_mutex_lock(&watchdog->mutex);
	while (!watchdog->is_stopping) {
		if (watchdog->is_trusted ||
			watchdog->works(watchdog->context, clock_monotonic_ms()))
			supervisor_notify("WATCHDOG=1");
		until.tv_sec += watchdog->interval_ms / 1000;
		until.tv_nsec += watchdog->interval_ms % 1000 * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		while (!watchdog->is_stopping && pthread_cond_timedwait(&watchdog->changed,
							 &watchdog->mutex, &until) != ETIMEDOUT)
			continue;
	}
	pthread_mutex_unlock(&watchdog->mutex);
	return NULL;
}

struct watchdog *watchdog_start(bool (*works)(void *context, int64_t now_ms), void *context)
{
	int64_t interval_ms = watchdog_interval_ms(
		getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"), (int64_t)getpid());
	struct watchdog *watchdog;
	pthread_condattr_t monotonic;

	if (interval_ms == 0)
		return NULL;
	watchdog = memory_zalloc(sizeof(*watchdog));
	watchdog->works = works;
	watchdog->context = context;
	watchdog->interval_ms = interval_ms;
	pthread_mutex_init(&watchdog->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&watchdog->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	REPOSTAL_ASSERT(pthread_create(&watchdog->thread, NULL, watchdog_main, watchdog) == 0);
	return watchdog;
}

void watchdog_trust(struct watchdog *watchdog)
{
	if (watchdog == NULL)
		return;
	pthread_mutex_lock(&watchdog->mutex);
	watchdog->is_trusted = true;
	pthread_mutex_unlock(&watchdog->mutex);
}

void watchdog_stop(struct watchdog **watchdogp)
{
	struct watchdog *watchdog = *watchdogp;

	if (watchdog == NULL)
		return;
	*watchdogp = NULL;
	pthread_mutex_lock(&watchdog->mutex);
	watchdog->is_stopping = true;
	pthread_cond_broadcast(&watchdog->changed);
	pthread_mutex_unlock(&watchdog->mutex);
	pthread_join(watchdog->thread, NULL);
	pthread_cond_destroy(&watchdog->changed);
	pthread_mutex_destroy(&watchdog->mutex);
	free(watchdog);
}
