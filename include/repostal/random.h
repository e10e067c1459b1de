/* SPDX-License-Identifier: MIT */
/*
 * random.h - dice
 *
 * Promise    Good enough to spread retries; not for secrets.
 * Threads    Any; each thread has its own state.
 */
#ifndef REPOSTAL_RANDOM_H
#define REPOSTAL_RANDOM_H

#include <stdint.h>

uint32_t random_u32(void);
/* 0 <= result < 1 */
double random_unit(void);

#endif
