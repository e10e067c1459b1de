/* SPDX-License-Identifier: MIT */
#include "preload.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Until the page is mapped, and in programs that were not told of one. */
static struct control nothing;
struct control *control = &nothing;

void system_find(void **function_out, const char *name)
{
	*function_out = dlsym(RTLD_NEXT, name);
	if (*function_out == NULL)
		abort();
}

_Noreturn void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

bool dies_at(enum kill_point point)
{
	return atomic_load(&control->kill_point) == (int64_t)point &&
	       atomic_fetch_sub(&control->kill_countdown, 1) == 1;
}

void pass(enum kill_point point)
{
	if (dies_at(point))
		die();
}

/* Not through open(): ours asks where the store is, and may run before this. */
__attribute__((constructor)) static void control_map(void)
{
	const char *path = getenv("TORTURE_CONTROL");
	void *page;
	int fd;

	if (path == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	page = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		abort();
	control = page;
	syscall(SYS_close, fd);
}
