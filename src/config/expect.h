/* SPDX-License-Identifier: MIT */
/*
 * expect.h - what a setting takes, in words
 *
 * Promise    From the row alone, so that messages and limits cannot differ.
 * Threads    Any.
 */
#ifndef REPOSTAL_CONFIG_EXPECT_H
#define REPOSTAL_CONFIG_EXPECT_H

#include "repostal/buf.h"
#include "setting.h"

/* Completes "must be ". */
void expect_append(struct buf *out, const struct setting *row);

#endif
