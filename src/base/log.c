/* SPDX-License-Identifier: MIT */
/*
 * One lock holds the queue, the limits that owe a summary, and what the writer is up to. It is never
 * held while something is written, once the writer runs.
 */
#include "repostal/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log_line.h"
#include "log_queue.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/metric.h"

enum {
	LAST_WORDS_MS = 500, /* what an assertion waits for the reader of the log */
	STREAM_NAME_SIZE = 64,
	NS_PER_MS = 1000000
};

enum log_mode {
	LOG_DIRECT,   /* callers write */
	LOG_QUEUED,   /* the writer does */
	LOG_ABANDONED /* the writer is stuck for ever: nobody writes any more */
};

static _Atomic int level_wanted = LOG_LEVEL_INFO;
static _Atomic int format_wanted = LOG_FORMAT_TEXT;
static _Atomic bool is_journal;
static struct counter suppressed;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static enum log_mode mode;
static struct log_queue queue;
static struct log_limit *owing; /* limits that left lines out since their last summary */
static int64_t owing_due_ms = INT64_MAX;
static int64_t failed_count; /* lines whose write failed */

static pthread_t writer;
static pthread_cond_t arrived; /* work for the writer */
static pthread_cond_t ended;   /* the writer has written everything */
static bool is_closing;

void log_configure(const struct log_settings *settings)
{
	atomic_store_explicit(&level_wanted, (int)settings->level, memory_order_relaxed);
	atomic_store_explicit(&format_wanted, (int)settings->format, memory_order_relaxed);
}

void log_detect_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char name[STREAM_NAME_SIZE];
	struct stat is;

	atomic_store(&is_journal, false);
	if (stream == NULL || fstat(STDERR_FILENO, &is) != 0)
		return;
	(void)snprintf(name, sizeof(name), "%ju:%ju", (uintmax_t)is.st_dev, (uintmax_t)is.st_ino);
	atomic_store(&is_journal, strcmp(stream, name) == 0);
}

bool log_wants(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&level_wanted, memory_order_relaxed);
}

uint64_t log_suppressed_count(void)
{
	return counter_read(&suppressed);
}

static void lock(void)
{
	REPOSTAL_ASSERT(pthread_mutex_lock(&mutex) == 0);
}

static void unlock(void)
{
	REPOSTAL_ASSERT(pthread_mutex_unlock(&mutex) == 0);
}

/* False: it was not written. Standard error may be non-blocking, by whoever else has it. */
static bool write_line(struct slice line)
{
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t written;

	while ((written = write(STDERR_FILENO, line.data, line.size)) < 0) {
		if (errno == EAGAIN)
			(void)poll(&room, 1, -1);
		else if (errno != EINTR)
			return false;
	}
	return (size_t)written == line.size;
}

/* With the lock. */

static void push(struct slice line)
{
	if (!log_queue_push(&queue, line))
		counter_add(&suppressed, 1);
	pthread_cond_signal(&arrived);
}

static void begin_line(struct log_line *line, enum log_level level, const char *event)
{
	log_line_begin(line,
		(enum log_format)atomic_load_explicit(&format_wanted, memory_order_relaxed),
		atomic_load_explicit(&is_journal, memory_order_relaxed), level, event,
		clock_unix_ms());
}

/* The gap's own line stands where the gap is. */
static void tell_gap(int64_t lines, const char *by)
{
	struct log_line line;

	begin_line(&line, LOG_LEVEL_WARN, "log.suppressed");
	log_line_add(&line, LOG_FIELDS(LOG_INT("lines", lines), LOG_STR("by", by)));
	push(log_line_end(&line));
	log_line_free(&line);
}

static void tell_lost(void)
{
	int64_t lost = log_queue_take_lost(&queue);

	if (lost > 0)
		tell_gap(lost, "queue");
}

static void put(struct slice line)
{
	switch (mode) {
	case LOG_DIRECT:
		if (!write_line(line))
			counter_add(&suppressed, 1);
		break;
	case LOG_QUEUED:
		tell_lost();
		push(line);
		break;
	case LOG_ABANDONED:
		counter_add(&suppressed, 1);
		break;
	}
}

static void put_limited(struct log_line *line, const struct log_limit *limit)
{
	for (size_t i = 0; i < limit->labels_count; i++)
		log_line_add(
			line, LOG_FIELDS(LOG_STR(limit->labels[i].name, limit->labels[i].value)));
}

static void tell_left_out(struct log_limit *limit, int64_t now_ms)
{
	int64_t left_out = log_throttle_take(&limit->throttle, now_ms);
	struct log_line line;

	if (left_out == 0)
		return;
	begin_line(&line, limit->level, "log.suppressed");
	log_line_add(&line, LOG_FIELDS(LOG_INT("lines", left_out), LOG_STR("by", "limit"),
				    LOG_STR("of", limit->event)));
	put_limited(&line, limit);
	put(log_line_end(&line));
	log_line_free(&line);
}

static void note_owing(struct log_limit *limit)
{
	int64_t due_ms = log_throttle_due_ms(&limit->throttle);

	if (!limit->is_owing) {
		limit->is_owing = true;
		limit->next_owing = owing;
		owing = limit;
	}
	if (due_ms < owing_due_ms) {
		owing_due_ms = due_ms;
		if (mode == LOG_QUEUED)
			pthread_cond_signal(&arrived);
	}
}

/* Every summary that is due; those that owe nothing leave the list. */
static void tell_due(int64_t now_ms)
{
	struct log_limit **at = &owing;

	if (now_ms < owing_due_ms)
		return;
	owing_due_ms = INT64_MAX;
	while (*at != NULL) {
		struct log_limit *limit = *at;
		int64_t due_ms;

		tell_left_out(limit, now_ms);
		due_ms = log_throttle_due_ms(&limit->throttle);
		if (due_ms == INT64_MAX) {
			*at = limit->next_owing;
			limit->is_owing = false;
			continue;
		}
		if (due_ms < owing_due_ms)
			owing_due_ms = due_ms;
		at = &limit->next_owing;
	}
}

/* The calls. */

void log_write(
	enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	struct log_line line;

	if (!log_wants(level))
		return;
	begin_line(&line, level, event);
	log_line_add(&line, fields, count);
	lock();
	put(log_line_end(&line));
	unlock();
	log_line_free(&line);
}

void log_text(enum log_level level, struct slice text)
{
	const char *priority = atomic_load(&is_journal) ? log_line_priority(level) : "";
	char bytes[LOG_LINE_SIZE_MAX];

	lock();
	while (text.size > 0) {
		struct slice line = slice_cut(&text, '\n');
		int size = snprintf(
			bytes, sizeof(bytes) - 1, "%s%.*s", priority, (int)line.size, line.data);

		if ((size_t)size > sizeof(bytes) - 2)
			size = sizeof(bytes) - 2;
		bytes[size] = '\n';
		put(slice_of(bytes, (size_t)size + 1));
	}
	unlock();
}

void log_limit_open(struct log_limit *limit, enum log_level level, const char *event,
	const struct log_field *labels, size_t count)
{
	REPOSTAL_ASSERT(count <= LOG_LABELS_MAX);
	*limit = (struct log_limit){ .level = level, .event = event, .labels_count = count };
	for (size_t i = 0; i < count; i++) {
		struct slice value = labels[i].text;

		limit->labels[i].name = labels[i].name;
		(void)snprintf(limit->labels[i].value, LOG_LABEL_SIZE, "%.*s", (int)value.size,
			value.data);
	}
}

void log_limit_close(struct log_limit *limit)
{
	lock();
	tell_left_out(limit, INT64_MAX);
	for (struct log_limit **at = &owing; *at != NULL; at = &(*at)->next_owing) {
		if (*at == limit) {
			*at = limit->next_owing;
			break;
		}
	}
	limit->is_owing = false;
	unlock();
}

bool log_limit_passes(struct log_limit *limit)
{
	int64_t now_ms = clock_monotonic_ms();
	bool passes;

	if (!log_wants(limit->level))
		return false;
	lock();
	tell_left_out(limit, now_ms);
	passes = log_throttle_pass(&limit->throttle, now_ms);
	if (!passes) {
		counter_add(&suppressed, 1);
		note_owing(limit);
	}
	unlock();
	return passes;
}

void log_write_passed(const struct log_limit *limit, const struct log_field *fields, size_t count)
{
	struct log_line line;

	begin_line(&line, limit->level, limit->event);
	put_limited(&line, limit);
	log_line_add(&line, fields, count);
	lock();
	put(log_line_end(&line));
	unlock();
	log_line_free(&line);
}

void log_write_limited(struct log_limit *limit, const struct log_field *fields, size_t count)
{
	if (log_limit_passes(limit))
		log_write_passed(limit, fields, count);
}

/* The writer. */

static struct timespec monotonic_at(int64_t ms)
{
	return (struct timespec){
		.tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000 * NS_PER_MS),
	};
}

static void await_work(void)
{
	struct timespec until = monotonic_at(owing_due_ms);

	if (owing_due_ms == INT64_MAX)
		pthread_cond_wait(&arrived, &mutex);
	else
		pthread_cond_timedwait(&arrived, &mutex, &until);
}

/*
 * With the lock, which is given away while it writes. That a write failed is told behind the first that
 * did not; when it does not fit the queue by then, the queue's own line tells of it.
 */
static void write_next(char bytes[LOG_LINE_SIZE_MAX], size_t size)
{
	bool is_written;

	unlock();
	is_written = write_line(slice_of(bytes, size));
	lock();
	if (!is_written) {
		counter_add(&suppressed, 1);
		failed_count++;
	} else if (failed_count > 0) {
		tell_gap(failed_count, "write");
		failed_count = 0;
	}
	tell_lost();
}

static void *writer_main(void *context)
{
	char bytes[LOG_LINE_SIZE_MAX];

	(void)context;
	lock();
	for (;;) {
		size_t size;

		if (is_closing)
			owing_due_ms = 0;
		tell_due(is_closing ? INT64_MAX : clock_monotonic_ms());
		size = log_queue_pop(&queue, bytes);
		if (size > 0)
			write_next(bytes, size);
		else if (is_closing)
			break;
		else
			await_work();
	}
	if (mode == LOG_QUEUED)
		mode = LOG_DIRECT;
	pthread_cond_broadcast(&ended);
	unlock();
	return NULL;
}

/* True: everything is written. With the lock. */
static bool close_by(int64_t deadline_ms)
{
	struct timespec deadline = monotonic_at(deadline_ms);

	is_closing = true;
	pthread_cond_signal(&arrived);
	while (mode == LOG_QUEUED)
		if (pthread_cond_timedwait(&ended, &mutex, &deadline) == ETIMEDOUT)
			break;
	return mode == LOG_DIRECT;
}

static void write_if_there_is_room(struct slice text)
{
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&room, 1, 0) == 1)
		(void)!write(STDERR_FILENO, text.data, text.size);
}

/* The process ends, on whatever thread; that may be the writer, or one that has the lock. */
static void say_last_words(const char *text)
{
	struct slice line = slice_text(text);
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	if (!pthread_equal(pthread_self(), writer) &&
		pthread_mutex_timedlock(&mutex, &until) == 0) {
		if (mode == LOG_QUEUED) {
			push(line);
			(void)close_by(clock_monotonic_ms() + LAST_WORDS_MS);
			return;
		}
	}
	write_if_there_is_room(line);
}

static void init_conditions(void)
{
	pthread_condattr_t attributes;

	REPOSTAL_ASSERT(pthread_condattr_init(&attributes) == 0);
	/* A wall clock that jumps must not stretch a wait. */
	REPOSTAL_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	REPOSTAL_ASSERT(pthread_cond_init(&arrived, &attributes) == 0);
	REPOSTAL_ASSERT(pthread_cond_init(&ended, &attributes) == 0);
	pthread_condattr_destroy(&attributes);
}

enum status log_start(struct error *err)
{
	sigset_t all, before;
	int code;

	REPOSTAL_ASSERT(mode == LOG_DIRECT);
	init_conditions();
	is_closing = false;
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	lock();
	code = pthread_create(&writer, NULL, writer_main, NULL);
	if (code == 0)
		mode = LOG_QUEUED;
	unlock();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code != 0) {
		error_set(err, "cannot start the thread that writes the log");
		return STATUS_IO;
	}
	memory_on_fatal(say_last_words);
	return STATUS_OK;
}

void log_stop(int64_t timeout_ms)
{
	bool is_written;

	lock();
	if (mode != LOG_QUEUED) {
		unlock();
		return;
	}
	is_written = close_by(clock_monotonic_ms() + timeout_ms);
	if (!is_written)
		mode = LOG_ABANDONED;
	unlock();
	memory_on_fatal(NULL);
	if (!is_written) {
		pthread_detach(writer);
		return;
	}
	pthread_join(writer, NULL);
	pthread_cond_destroy(&arrived);
	pthread_cond_destroy(&ended);
}
