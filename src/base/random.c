/* SPDX-License-Identifier: MIT */
#include "repostal/random.h"

#include <stdlib.h>

uint32_t random_u32(void)
{
	return arc4random();
}

double random_unit(void)
{
	return (double)random_u32() / 4294967296.0; /* 2^32 */
}

void random_secret(void *out, size_t size)
{
	arc4random_buf(out, size);
}
