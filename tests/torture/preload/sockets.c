/* SPDX-License-Identifier: MIT */
/* Answers, in both directions: ours to senders (libh2o calls writev), receivers' to us (libcurl, recv). */
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "preload.h"

typedef ssize_t writev_type(int, const struct iovec *, int);
typedef ssize_t recv_type(int, void *, size_t, int);

/* Set by receivers' answers, cleared by the process's end only. */
static atomic_bool has_2xx;

bool receiver_has_answered(void)
{
	return atomic_load(&has_2xx);
}

static bool holds(const struct iovec *parts, int count, const char *text)
{
	for (int i = 0; i < count; i++)
		if (memmem(parts[i].iov_base, parts[i].iov_len, text, strlen(text)) != NULL)
			return true;
	return false;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	SYSTEM(system_writev, writev_type);
	bool is_answer = atomic_load(&control->kill_point) != KILL_AT_none &&
			 holds(parts, count, "\"status\":\"accepted\"");
	ssize_t result;

	if (is_answer)
		pass(KILL_AT_answer_before);
	result = system_writev(fd, parts, count);
	if (is_answer)
		pass(KILL_AT_answer_after);
	return result;
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
	SYSTEM(system_recv, recv_type);
	ssize_t result = system_recv(fd, data, size, flags);

	if (result > 9 && memcmp(data, "HTTP/1.1 2", 10) == 0) {
		atomic_store(&has_2xx, true);
		pass(KILL_AT_receiver_2xx);
	}
	return result;
}
