/* SPDX-License-Identifier: MIT */
#include "client_place.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MAPPED_PREFIX_SIZE = 12,
	ANY_PORT = 9,
};

static socklen_t fill(struct sockaddr_storage *storage, const struct address *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;

	memset(storage, 0, sizeof(*storage));
	if (address_is_ipv4(address)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(ANY_PORT);
		memcpy(&v4->sin_addr, address->bytes + MAPPED_PREFIX_SIZE, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(ANY_PORT);
	memcpy(&v6->sin6_addr, address->bytes, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

/* To itself a machine speaks from the address that it speaks to. */
bool client_is_this_machine(const struct address *address)
{
	struct sockaddr_storage there, here;
	socklen_t size = fill(&there, address), here_size = sizeof(here);
	struct address from;
	bool is_same = false;
	int fd = socket(there.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&there, size) == 0 &&
		getsockname(fd, (struct sockaddr *)&here, &here_size) == 0 &&
		address_from_sockaddr((struct sockaddr *)&here, &from))
		is_same = memcmp(&from, address, sizeof(from)) == 0;
	close(fd);
	return is_same;
}
