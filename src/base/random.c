/* SPDX-License-Identifier: MIT */
#include "repostal/random.h"

#include <stdbool.h>
#include <sys/random.h>
#include <unistd.h>

#include "repostal/clock.h"
#include "repostal/memory.h"

/* PCG32 (XSH RR 64/32): a state and a stream, the stream odd. */
struct dice {
	bool seeded;
	uint64_t state;
	uint64_t stream;
};

static _Thread_local struct dice dice;

static void seed(void)
{
	uint64_t seeds[2];

	if (getrandom(seeds, sizeof(seeds), 0) != (ssize_t)sizeof(seeds)) {
		/* Only dice: without the system's help the clock and the thread must do. */
		seeds[0] = (uint64_t)clock_monotonic_us();
		seeds[1] = (uint64_t)(uintptr_t)&dice;
	}
	dice.state = seeds[0];
	dice.stream = seeds[1] | 1;
	dice.seeded = true;
}

uint32_t random_u32(void)
{
	uint64_t old;
	uint32_t folded;
	uint32_t turn;

	if (!dice.seeded)
		seed();
	old = dice.state;
	dice.state = old * UINT64_C(6364136223846793005) + dice.stream;
	folded = (uint32_t)(((old >> 18) ^ old) >> 27);
	turn = (uint32_t)(old >> 59);
	return folded >> turn | folded << (-turn & 31);
}

double random_unit(void)
{
	return (double)random_u32() / 4294967296.0; /* 2^32 */
}

void random_secret(void *out, size_t size)
{
	REPOSTAL_ASSERT(getentropy(out, size) == 0);
}
