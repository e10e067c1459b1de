/* SPDX-License-Identifier: MIT */
#include "fake_clock.h"

int64_t __wrap_clock_unix_us(void);
int64_t __wrap_clock_unix_ms(void);
int64_t __wrap_clock_monotonic_us(void);
int64_t __wrap_clock_monotonic_ms(void);
int64_t __wrap_clock_schedule_ms(void);

static int64_t passed_ms;

void fake_clock_reset(void)
{
	passed_ms = 0;
}

int64_t fake_clock_ms(void)
{
	return passed_ms;
}

void fake_clock_advance(int64_t ms)
{
	passed_ms += ms;
}

int64_t __wrap_clock_unix_ms(void)
{
	return FAKE_CLOCK_UNIX_START_MS + passed_ms;
}

int64_t __wrap_clock_unix_us(void)
{
	return __wrap_clock_unix_ms() * 1000;
}

int64_t __wrap_clock_monotonic_ms(void)
{
	return FAKE_CLOCK_MONOTONIC_START_MS + passed_ms;
}

int64_t __wrap_clock_monotonic_us(void)
{
	return __wrap_clock_monotonic_ms() * 1000;
}

int64_t __wrap_clock_schedule_ms(void)
{
	return __wrap_clock_unix_ms();
}
