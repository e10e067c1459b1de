/* SPDX-License-Identifier: MIT */
/*
 * A name server that hangs or fails: every name below hang.test and fail.test is this machine, as
 * soon as the test lets it be known. A call that hangs holds its thread, as the real one does.
 */
#include <netdb.h>
#include <string.h>
#include <time.h>

#include "preload.h"

typedef int getaddrinfo_type(
	const char *, const char *, const struct addrinfo *, struct addrinfo **);

static bool is_below(const char *name, const char *domain)
{
	size_t name_size = name == NULL ? 0 : strlen(name), domain_size = strlen(domain);

	return name_size > domain_size && strcmp(name + name_size - domain_size, domain) == 0;
}

int getaddrinfo(const char *restrict node, const char *restrict service,
	const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	SYSTEM(system_getaddrinfo, getaddrinfo_type);

	/* Whether a name is an address is told without asking anybody. */
	if ((hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0) ||
		(!is_below(node, ".hang.test") && !is_below(node, ".fail.test")))
		return system_getaddrinfo(node, service, hints, out);
	atomic_fetch_add(&control->names_asked, 1);
	if (is_below(node, ".fail.test") && atomic_load(&control->names_fail) != 0)
		return EAI_AGAIN;
	while (is_below(node, ".hang.test") && atomic_load(&control->names_hang) != 0)
		nanosleep(&pause, NULL);
	return system_getaddrinfo("127.0.0.1", service, hints, out);
}
