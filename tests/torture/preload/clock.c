/* SPDX-License-Identifier: MIT */
/* A wall clock that is wrong by as much as the test wants; the monotonic one stays right. */
#include <sys/time.h>
#include <time.h>

#include "preload.h"

enum {
	US_PER_S = 1000000,
	NS_PER_US = 1000
};

typedef int clock_gettime_type(clockid_t, struct timespec *);

static void shift(struct timespec *time)
{
	int64_t us = (int64_t)time->tv_sec * US_PER_S + time->tv_nsec / NS_PER_US +
		     atomic_load(&control->clock_offset_us);

	time->tv_nsec = us % US_PER_S * NS_PER_US + time->tv_nsec % NS_PER_US;
	time->tv_sec = us / US_PER_S;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	SYSTEM(system_clock_gettime, clock_gettime_type);
	int result = system_clock_gettime(clock, time);

	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		shift(time);
	return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	struct timespec now;
	int result = clock_gettime(CLOCK_REALTIME, &now);

	(void)zone;
	time->tv_sec = now.tv_sec;
	time->tv_usec = now.tv_nsec / NS_PER_US;
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}
