/* SPDX-License-Identifier: MIT */
/*
 * expect.h - what a setting takes, in words
 *
 * Promise    From the row alone, so that messages and limits cannot differ.
 * Threads    Any.
 */
#ifndef POSTHORN_CONFIG_EXPECT_H
#define POSTHORN_CONFIG_EXPECT_H

#include "posthorn/buf.h"
#include "setting.h"

/* Completes "must be ". */
void expect_append(struct buf *out, const struct setting *row);

#endif
