/* SPDX-License-Identifier: MIT */
/*
 * random.h - dice, and secrets
 *
 * Promise    random_u32() and random_unit() are good enough to spread retries, and not for secrets;
 *            random_secret() is for these.
 * Threads    Any; each thread has its own state.
 */
#ifndef REPOSTAL_RANDOM_H
#define REPOSTAL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

uint32_t random_u32(void);
/* 0 <= result < 1 */
double random_unit(void);
/* From the system; size is at most 256. */
void random_secret(void *out, size_t size);

#endif
