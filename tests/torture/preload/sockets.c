/* SPDX-License-Identifier: MIT */
/*
 * Answers, in both directions: ours to senders (libh2o 2.2.5 calls writev, upstream's sendmsg), receivers' to
 * us (libcurl, recv).
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "preload.h"

typedef ssize_t writev_type(int, const struct iovec *, int);
typedef ssize_t sendmsg_type(int, const struct msghdr *, int);
typedef ssize_t recv_type(int, void *, size_t, int);

/* Set by receivers' answers, cleared by the process's end only. */
static atomic_bool has_2xx;

bool receiver_has_answered(void)
{
	return atomic_load(&has_2xx);
}

static bool holds(const struct iovec *parts, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (memmem(parts[i].iov_base, parts[i].iov_len, text, strlen(text)) != NULL)
			return true;
	return false;
}

static bool is_answer(const struct iovec *parts, size_t count)
{
	return atomic_load(&control->kill_point) != KILL_AT_none &&
	       holds(parts, count, "\"status\":\"accepted\"");
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	SYSTEM(system_writev, writev_type);
	bool has_answer = is_answer(parts, (size_t)count);
	ssize_t result;

	if (has_answer)
		pass(KILL_AT_answer_before);
	result = system_writev(fd, parts, count);
	if (has_answer)
		pass(KILL_AT_answer_after);
	return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	SYSTEM(system_sendmsg, sendmsg_type);
	bool has_answer = is_answer(message->msg_iov, message->msg_iovlen);
	ssize_t result;

	if (has_answer)
		pass(KILL_AT_answer_before);
	result = system_sendmsg(fd, message, flags);
	if (has_answer)
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
