/* SPDX-License-Identifier: MIT */
/*
 * The thread that writes the log, with standard error as a pipe that is read when the test says so.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "repostal/clock.h"
#include "repostal/log.h"
#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	FLUSH_MS = 60000, /* ends earlier: everything is read */
	STUCK_FLUSH_MS = 10,
	THREADS = 4,
	LINES_EACH = 300,
	FLOOD = 5000,
	TEXT_SIZE = 4 * 1024 * 1024,
};

/* Reads a pipe to its end. */
struct reader {
	int fd;
	pthread_t thread;
	char *text;
	size_t size;
};

static void *read_all(void *data)
{
	struct reader *reader = data;
	ssize_t got;

	do {
		got = read(reader->fd, reader->text + reader->size, TEXT_SIZE - 1 - reader->size);
		reader->size += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	reader->text[reader->size] = '\0';
	return NULL;
}

static void reader_start(struct reader *reader, int fd)
{
	*reader = (struct reader){ .fd = fd, .text = memory_alloc(TEXT_SIZE) };
	assert_int_equal(pthread_create(&reader->thread, NULL, read_all, reader), 0);
}

static void reader_end(struct reader *reader)
{
	pthread_join(reader->thread, NULL);
	close(reader->fd);
}

/* Standard error is a pipe from here on; the end to read is returned. */
static int redirect(int *saved_fd)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	*saved_fd = dup(STDERR_FILENO);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	close(ends[1]);
	return ends[0];
}

static void restore(int saved_fd)
{
	assert_true(dup2(saved_fd, STDERR_FILENO) >= 0);
	close(saved_fd);
}

static int64_t number_behind(const char *line, const char *name)
{
	const char *at = strstr(line, name);
	int64_t number = 0;

	if (at == NULL)
		return -1;
	for (at += strlen(name); *at >= '0' && *at <= '9'; at++)
		number = number * 10 + *at - '0';
	return number;
}

static void *log_many(void *data)
{
	for (int i = 0; i < LINES_EACH; i++)
		log_event(LOG_LEVEL_INFO, "test.line", LOG_INT("thread", *(int *)data),
			LOG_INT("number", i));
	return NULL;
}

/* Lines of several threads: whole, none missing, and those of each thread in their order. */
static void test_order(void **state)
{
	int saved_fd, numbers[THREADS], next[THREADS] = { 0 };
	pthread_t threads[THREADS];
	struct reader reader;
	char *line, *rest;
	int pipe_fd = redirect(&saved_fd);

	(void)state;
	reader_start(&reader, pipe_fd);
	assert_int_equal(log_start(NULL), STATUS_OK);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, &numbers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_stop(FLUSH_MS);
	restore(saved_fd);
	reader_end(&reader);
	for (line = reader.text; (rest = strchr(line, '\n')) != NULL; line = rest + 1) {
		int64_t thread, number;

		*rest = '\0';
		thread = number_behind(line, " thread=");
		number = number_behind(line, " number=");
		if (thread < 0 || thread >= THREADS || number != next[thread])
			fail_msg("not the next line: %s", line);
		next[thread]++;
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(next[i], LINES_EACH);
	free(reader.text);
}

/* Nobody reads, and no caller waits; when they are read, what is missing is told where it is missing. */
static void test_a_reader_that_comes_late(void **state)
{
	uint64_t before = log_suppressed_count();
	int64_t written = 0, told = 0, next = 0;
	int saved_fd;
	struct reader reader;
	char *line, *rest;
	int pipe_fd = redirect(&saved_fd);

	(void)state;
	assert_int_equal(log_start(NULL), STATUS_OK);
	for (int i = 0; i < FLOOD; i++)
		log_event(LOG_LEVEL_INFO, "test.line",
			LOG_STR("pad", "0123456789012345678901234567"), LOG_INT("number", i));
	assert_true(log_suppressed_count() > before);
	reader_start(&reader, pipe_fd);
	log_stop(FLUSH_MS);
	restore(saved_fd);
	reader_end(&reader);
	for (line = reader.text; (rest = strchr(line, '\n')) != NULL; line = rest + 1) {
		int64_t number;

		*rest = '\0';
		number = number_behind(line, " number=");
		if (number >= 0) {
			assert_int_equal(number, next);
			next++;
			written++;
			continue;
		}
		assert_non_null(strstr(line, " warn log.suppressed lines="));
		assert_non_null(strstr(line, " by=queue"));
		told += number_behind(line, " lines=");
		next += number_behind(line, " lines=");
	}
	assert_int_equal(written + told, FLOOD);
	assert_int_equal(told, log_suppressed_count() - before);
	free(reader.text);
}

/* A full disk: what could not be written is told behind the first line that could. */
static void test_a_write_that_fails(void **state)
{
	uint64_t before = log_suppressed_count();
	int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	const struct timespec pause = { .tv_nsec = 1000000 };
	char text[4096] = "";
	int saved_fd, good_fd;
	int pipe_fd = redirect(&saved_fd);

	(void)state;
	good_fd = dup(STDERR_FILENO);
	assert_true(full_fd >= 0 && dup2(full_fd, STDERR_FILENO) >= 0);
	assert_int_equal(log_start(NULL), STATUS_OK);
	for (int i = 0; i < 3; i++)
		log_event(LOG_LEVEL_INFO, "test.lost", LOG_INT("number", i));
	while (log_suppressed_count() < before + 3)
		nanosleep(&pause, NULL);
	assert_true(dup2(good_fd, STDERR_FILENO) >= 0);
	log_event(LOG_LEVEL_INFO, "test.line", LOG_INT("number", 3));
	log_stop(FLUSH_MS);
	restore(saved_fd);
	assert_true(read(pipe_fd, text, sizeof(text) - 1) > 0);
	assert_null(strstr(text, "test.lost"));
	assert_non_null(strstr(text, "test.line number=3\n"));
	assert_non_null(strstr(text, " warn log.suppressed lines=3 by=write\n"));
	close(good_fd);
	close(full_fd);
	close(pipe_fd);
}

/* The summary comes although no further line does, while the process runs. */
static void test_a_summary_comes_by_itself(void **state)
{
	struct log_limit limit;
	char text[4096] = "";
	size_t size = 0;
	int saved_fd;
	int pipe_fd = redirect(&saved_fd);

	(void)state;
	assert_int_equal(log_start(NULL), STATUS_OK);
	log_limit_open(&limit, LOG_LEVEL_WARN, "event.quarantined",
		LOG_FIELDS(LOG_STR("source", "bizmail")));
	for (uint64_t before = log_suppressed_count(); log_suppressed_count() - before < 2;)
		log_limited(&limit, LOG_INT("id", 1));
	while (strstr(text, "log.suppressed lines=2 by=limit of=event.quarantined "
			    "source=bizmail\n") == NULL) {
		ssize_t got = read(pipe_fd, text + size, sizeof(text) - 1 - size);

		assert_true(got > 0);
		size += (size_t)got;
		text[size] = '\0';
	}
	log_limit_close(&limit);
	log_stop(FLUSH_MS);
	restore(saved_fd);
	close(pipe_fd);
}

static void fill(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
	while (write(fd, "x", 1) == 1)
		continue;
	assert_int_equal(fcntl(fd, F_SETFL, flags), 0);
}

/* In a process of its own, which ends by the assertion. */
static _Noreturn void fail_with(bool is_stuck)
{
	assert_int_equal(log_start(NULL), STATUS_OK);
	if (is_stuck)
		fill(STDERR_FILENO);
	log_event(LOG_LEVEL_INFO, "test.line", LOG_INT("number", 1));
	REPOSTAL_ASSERT(is_stuck && !is_stuck);
	abort();
}

static void test_an_assertion_writes_what_is_queued(void **state)
{
	char text[4096] = "";
	int saved_fd, status;
	int pipe_fd = redirect(&saved_fd);
	pid_t child = fork();
	char *line, *words;

	(void)state;
	if (child == 0)
		fail_with(false);
	restore(saved_fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_true(read(pipe_fd, text, sizeof(text) - 1) > 0);
	line = strstr(text, "test.line number=1\n");
	words = strstr(text, "assertion failed: is_stuck");
	assert_true(line != NULL && words != NULL && line < words);
	close(pipe_fd);
}

static void test_an_assertion_does_not_wait_for_the_reader(void **state)
{
	int saved_fd, status, pipe_fd;
	pid_t child;

	(void)state;
	/* An emulator has last words of its own, on the same standard error, and waits until they are read. */
	if (getenv("REPOSTAL_EMULATED") != NULL)
		skip();
	pipe_fd = redirect(&saved_fd);
	child = fork();
	if (child == 0)
		fail_with(true);
	restore(saved_fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	close(pipe_fd);
}

/* The last test: this process has no log any more. */
static void test_a_stop_does_not_wait_for_the_reader(void **state)
{
	uint64_t before;
	int saved_fd;
	int pipe_fd = redirect(&saved_fd);

	(void)state;
	fill(STDERR_FILENO);
	assert_int_equal(log_start(NULL), STATUS_OK);
	log_event(LOG_LEVEL_INFO, "test.line", LOG_INT("number", 1));
	log_stop(STUCK_FLUSH_MS);
	before = log_suppressed_count();
	log_event(LOG_LEVEL_INFO, "test.line", LOG_INT("number", 2));
	assert_int_equal(log_suppressed_count(), before + 1);
	restore(saved_fd);
	close(pipe_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_a_reader_that_comes_late),
		cmocka_unit_test(test_a_write_that_fails),
		cmocka_unit_test(test_a_summary_comes_by_itself),
		cmocka_unit_test(test_an_assertion_writes_what_is_queued),
		cmocka_unit_test(test_an_assertion_does_not_wait_for_the_reader),
		cmocka_unit_test(test_a_stop_does_not_wait_for_the_reader),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
