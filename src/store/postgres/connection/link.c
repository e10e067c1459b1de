/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/random.h"

enum {
	BACK_OFF_MIN_MS = 100,
	BACK_OFF_MAX_MS = 5000,
	LIFE_MIN_MS = 10 * 1000, /* a session that ends sooner is no success */
};

struct postgres_link {
	char *dsn;
	char name[POSTGRES_NAME_SIZE]; /* of this process's sessions */
	char listener_name[POSTGRES_NAME_SIZE];
	struct postgres_link_calls calls;
	pthread_t thread;
	bool is_running;
	int wake_fd;
	_Atomic bool is_closing;

	pthread_mutex_t mutex; /* for these */
	bool is_needed;
	bool ended_early;       /* the last session did */
	bool is_calm;           /* it did not: the next failure is the first one again */
	int64_t handed_over_ms; /* monotonic */
	struct postgres_session *ready;
	struct error last_error;

	/* the thread's own */
	struct postgres_session *listener;
	int64_t back_off_ms;
	int64_t not_before_ms; /* monotonic */
};

/*
 * What an earlier session of this process left on the server would hold its rows; and a commit that
 * still waits for a standby there would become visible when no process expects it any more.
 */
static enum status end_earlier_sessions(
	struct postgres_link *link, struct postgres_session *session, struct error *err)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		"SELECT count(pg_terminate_backend(pid, 500)) FROM pg_stat_activity"
		" WHERE application_name = '%s' AND usename = current_user"
		" AND pid <> pg_backend_pid()",
		link->name);
	return postgres_session_script(session, sql, err);
}

static enum status make_session(
	struct postgres_link *link, struct postgres_session **session_out, struct error *err)
{
	struct postgres_session *session = NULL;
	enum status status =
		postgres_session_open(link->dsn, link->name, link->wake_fd, &session, err);

	if (status == STATUS_OK)
		status = end_earlier_sessions(link, session, err);
	if (status == STATUS_OK)
		status = link->calls.prepare(session, err);
	if (status == STATUS_OK)
		*session_out = session;
	else
		postgres_session_close(&session);
	return status;
}

static enum status make_listener(struct postgres_link *link, struct error *err)
{
	enum status status = postgres_session_open(
		link->dsn, link->listener_name, link->wake_fd, &link->listener, err);

	if (status == STATUS_OK)
		status = postgres_session_script(link->listener, "LISTEN repostal_due", err);
	if (status != STATUS_OK)
		postgres_session_close(&link->listener);
	return status;
}

static void back_off(struct postgres_link *link)
{
	link->back_off_ms = link->back_off_ms == 0 ? BACK_OFF_MIN_MS : link->back_off_ms * 2;
	if (link->back_off_ms > BACK_OFF_MAX_MS)
		link->back_off_ms = BACK_OFF_MAX_MS;
	/* Not all processes at the same moment. */
	link->not_before_ms = clock_monotonic_ms() + link->back_off_ms +
			      (int64_t)(random_unit() * (double)link->back_off_ms / 2);
}

static void note_failure(struct postgres_link *link, const struct error *err)
{
	back_off(link);
	pthread_mutex_lock(&link->mutex);
	link->last_error = *err;
	pthread_mutex_unlock(&link->mutex);
}

/*
 * A server that takes connections and then hangs would hold up the store's thread again and again; the
 * longer this lasts, the longer everything is refused at once in between.
 */
static void note_last_session(struct postgres_link *link)
{
	bool ended_early;

	pthread_mutex_lock(&link->mutex);
	ended_early = link->ended_early;
	link->ended_early = false;
	if (link->is_calm)
		link->back_off_ms = 0;
	link->is_calm = false;
	pthread_mutex_unlock(&link->mutex);
	if (ended_early)
		back_off(link);
}

static void hand_over(struct postgres_link *link, struct postgres_session *session)
{
	pthread_mutex_lock(&link->mutex);
	link->ready = session;
	link->is_needed = false;
	link->handed_over_ms = clock_monotonic_ms();
	pthread_mutex_unlock(&link->mutex);
	link->calls.hint(link->calls.context);
}

static bool is_needed(struct postgres_link *link)
{
	bool needed;

	pthread_mutex_lock(&link->mutex);
	needed = link->is_needed;
	pthread_mutex_unlock(&link->mutex);
	return needed;
}

static void connect_again(struct postgres_link *link)
{
	struct postgres_session *session = NULL;
	struct error err = { .text = "" };
	enum status status = STATUS_OK;

	note_last_session(link);
	if (clock_monotonic_ms() < link->not_before_ms)
		return;
	if (is_needed(link)) {
		status = make_session(link, &session, &err);
		if (status == STATUS_OK)
			hand_over(link, session);
	}
	if (status == STATUS_OK && link->listener == NULL)
		status = make_listener(link, &err);
	if (status != STATUS_OK)
		note_failure(link, &err);
}

static int wait_ms(struct postgres_link *link)
{
	int64_t left_ms = link->not_before_ms - clock_monotonic_ms();

	if (link->listener != NULL && !is_needed(link))
		return -1;
	return left_ms < 0 ? 0 : (int)left_ms;
}

static void listen_for_hints(struct postgres_link *link)
{
	struct pollfd fds[] = {
		{ .fd = link->wake_fd, .events = POLLIN },
		{ .fd = link->listener == NULL ? -1 : postgres_session_fd(link->listener),
			.events = POLLIN },
	};
	uint64_t wakes;
	bool notified = false;

	if (poll(fds, 2, wait_ms(link)) <= 0)
		return;
	if (fds[0].revents != 0)
		(void)!read(link->wake_fd, &wakes, sizeof(wakes));
	if (fds[1].revents == 0)
		return;
	if (postgres_session_listen(link->listener, &notified, NULL) != STATUS_OK)
		postgres_session_close(&link->listener);
	else if (notified)
		link->calls.hint(link->calls.context);
}

static void *link_main(void *data)
{
	struct postgres_link *link = data;

	while (!atomic_load(&link->is_closing)) {
		connect_again(link);
		if (!atomic_load(&link->is_closing))
			listen_for_hints(link);
	}
	return NULL;
}

static void wake(struct postgres_link *link)
{
	const uint64_t one = 1;

	(void)!write(link->wake_fd, &one, sizeof(one));
}

enum status postgres_link_open(const char *dsn, const struct postgres_link_calls *calls,
	struct postgres_link **link_out, struct error *err)
{
	struct postgres_link *link = memory_zalloc(sizeof(*link));
	uint32_t token = (uint32_t)(random_unit() * UINT32_MAX);
	enum status status;

	pthread_mutex_init(&link->mutex, NULL);
	link->dsn = memory_copy_text(dsn);
	link->calls = *calls;
	snprintf(link->name, sizeof(link->name), "repostal %08" PRIx32, token);
	snprintf(link->listener_name, sizeof(link->listener_name), "repostal-hints %08" PRIx32,
		token);
	link->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (link->wake_fd < 0) {
		error_set(err, "store: cannot make an event descriptor");
		postgres_link_close(&link);
		return STATUS_IO;
	}
	status = make_session(link, &link->ready, err);
	link->handed_over_ms = clock_monotonic_ms();
	if (status == STATUS_OK && pthread_create(&link->thread, NULL, link_main, link) != 0) {
		error_set(err, "store: cannot start a thread");
		status = STATUS_IO;
	}
	if (status != STATUS_OK) {
		postgres_link_close(&link);
		return status;
	}
	link->is_running = true;
	*link_out = link;
	return STATUS_OK;
}

void postgres_link_close(struct postgres_link **linkp)
{
	struct postgres_link *link = *linkp;

	*linkp = NULL;
	if (link == NULL)
		return;
	if (link->is_running) {
		atomic_store(&link->is_closing, true);
		wake(link);
		pthread_join(link->thread, NULL);
	}
	postgres_session_close(&link->ready);
	postgres_session_close(&link->listener);
	if (link->wake_fd >= 0)
		close(link->wake_fd);
	pthread_mutex_destroy(&link->mutex);
	free(link->dsn);
	free(link);
}

struct postgres_session *postgres_link_take(struct postgres_link *link, struct error *err)
{
	struct postgres_session *session;

	pthread_mutex_lock(&link->mutex);
	session = link->ready;
	link->ready = NULL;
	if (session == NULL)
		error_set(err, "%s",
			link->last_error.text[0] == '\0'
				? "store: PostgreSQL: the connection was lost"
				: link->last_error.text);
	pthread_mutex_unlock(&link->mutex);
	return session;
}

void postgres_link_need(struct postgres_link *link)
{
	int64_t now_ms = clock_monotonic_ms();

	pthread_mutex_lock(&link->mutex);
	link->is_needed = true;
	link->ended_early = now_ms - link->handed_over_ms < LIFE_MIN_MS;
	if (!link->ended_early)
		link->is_calm = true;
	link->last_error.text[0] = '\0';
	pthread_mutex_unlock(&link->mutex);
	wake(link);
}
