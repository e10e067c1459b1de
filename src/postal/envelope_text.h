/* SPDX-License-Identifier: MIT */
/*
 * envelope_text.h - the parts of JSON that envelope.c does not show to others
 *
 * Promise    As envelope.h.
 * Threads    Pure; any.
 */
#ifndef REPOSTAL_ENVELOPE_TEXT_H
#define REPOSTAL_ENVELOPE_TEXT_H

#include "repostal/envelope.h"

void envelope_write_integer(struct buf *out, uint32_t number);

#endif
