/* SPDX-License-Identifier: MIT */
#include "repostal/store_opening.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/random.h"

enum {
	BACK_OFF_MIN_MS = 100,
	BACK_OFF_MAX_MS = 5000,
};

struct store_opening {
	struct store_settings settings;
	int fd;
	pthread_t thread;
	int64_t delay_ms; /* the thread's own: before the next attempt */

	pthread_mutex_t mutex; /* for these */
	pthread_cond_t ended;
	bool is_stopping;
	bool is_over; /* the thread does nothing more */
	enum status status;
	struct store *store;
	struct error error;
};

static struct timespec after_ms(int64_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/* False: it is time to stop. */
static bool await_turn(struct store_opening *opening)
{
	struct timespec until = after_ms(opening->delay_ms);
	bool goes_on;

	pthread_mutex_lock(&opening->mutex);
	while (!opening->is_stopping &&
		pthread_cond_timedwait(&opening->ended, &opening->mutex, &until) != ETIMEDOUT)
		continue;
	goes_on = !opening->is_stopping;
	pthread_mutex_unlock(&opening->mutex);
	return goes_on;
}

static void back_off(struct store_opening *opening)
{
	int64_t delay_ms = opening->delay_ms * 2;

	if (delay_ms < BACK_OFF_MIN_MS)
		delay_ms = BACK_OFF_MIN_MS;
	if (delay_ms > BACK_OFF_MAX_MS)
		delay_ms = BACK_OFF_MAX_MS;
	/* Not all processes at the same moment. */
	opening->delay_ms = delay_ms - (int64_t)(random_unit() * (double)delay_ms / 4);
}

static void tell(struct store_opening *opening)
{
	const uint64_t one = 1;

	(void)!write(opening->fd, &one, sizeof(one));
}

/* False: there will be no other attempt. */
static bool try_once(struct store_opening *opening)
{
	struct store *store = NULL;
	struct error err = { .text = "" };
	enum status status = store_open(&opening->settings, clock_schedule_ms(), &store, &err);

	pthread_mutex_lock(&opening->mutex);
	opening->store = store;
	opening->error = err;
	if (status == STATUS_OK)
		opening->status = STATUS_OK;
	else
		opening->status = status == STATUS_INVALID ? STATUS_IO : STATUS_BUSY;
	pthread_mutex_unlock(&opening->mutex);
	tell(opening);
	return status != STATUS_OK && status != STATUS_INVALID;
}

static void *opening_main(void *data)
{
	struct store_opening *opening = data;

	while (await_turn(opening) && try_once(opening))
		back_off(opening);
	pthread_mutex_lock(&opening->mutex);
	opening->is_over = true;
	pthread_cond_broadcast(&opening->ended);
	pthread_mutex_unlock(&opening->mutex);
	return NULL;
}

static void opening_free(struct store_opening *opening)
{
	store_close(&opening->store);
	if (opening->fd >= 0)
		close(opening->fd);
	pthread_cond_destroy(&opening->ended);
	pthread_mutex_destroy(&opening->mutex);
	free(opening->settings.path);
	free(opening->settings.dsn);
	free(opening);
}

enum status store_opening_start(const struct store_settings *settings, int64_t delay_ms,
	struct store_opening **opening_out, struct error *err)
{
	struct store_opening *opening = memory_zalloc(sizeof(*opening));
	pthread_condattr_t monotonic;

	pthread_mutex_init(&opening->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&opening->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	opening->settings = *settings;
	opening->settings.path = settings->path == NULL ? NULL : memory_copy_text(settings->path);
	opening->settings.dsn = settings->dsn == NULL ? NULL : memory_copy_text(settings->dsn);
	opening->status = STATUS_BUSY;
	opening->delay_ms = delay_ms;
	opening->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (opening->fd < 0 || pthread_create(&opening->thread, NULL, opening_main, opening) != 0) {
		error_set(err, "cannot start the thread that opens the store");
		opening_free(opening);
		return STATUS_IO;
	}
	*opening_out = opening;
	return STATUS_OK;
}

int store_opening_fd(const struct store_opening *opening)
{
	return opening->fd;
}

enum status store_opening_look(
	struct store_opening *opening, struct store **store_out, struct error *err)
{
	uint64_t news;
	enum status status;

	(void)!read(opening->fd, &news, sizeof(news));
	pthread_mutex_lock(&opening->mutex);
	status = opening->status;
	*err = opening->error;
	if (status == STATUS_OK) {
		*store_out = opening->store;
		opening->store = NULL;
	}
	pthread_mutex_unlock(&opening->mutex);
	return status;
}

void store_opening_stop(struct store_opening **openingp, int64_t timeout_ms)
{
	struct store_opening *opening = *openingp;
	struct timespec until = after_ms(timeout_ms);
	bool is_over;

	if (opening == NULL)
		return;
	*openingp = NULL;
	pthread_mutex_lock(&opening->mutex);
	opening->is_stopping = true;
	pthread_cond_broadcast(&opening->ended);
	while (!opening->is_over &&
		pthread_cond_timedwait(&opening->ended, &opening->mutex, &until) != ETIMEDOUT)
		continue;
	is_over = opening->is_over;
	pthread_mutex_unlock(&opening->mutex);
	if (!is_over)
		return;
	pthread_join(opening->thread, NULL);
	opening_free(opening);
}
