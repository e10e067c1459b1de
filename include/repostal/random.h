/* SPDX-License-Identifier: MIT */
/*
 * random.h - random numbers of the system
 *
 * Promise    Good enough for secrets. Each costs a system call: none is needed for a delivery that succeeds.
 * Threads    Any.
 * Errors     None: where the system has no randomness, the process ends.
 */
#ifndef REPOSTAL_RANDOM_H
#define REPOSTAL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

uint32_t random_u32(void);
/* 0 <= result < 1 */
double random_unit(void);
void random_secret(void *out, size_t size);

#endif
