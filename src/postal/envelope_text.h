/* SPDX-License-Identifier: MIT */
/*
 * envelope_text.h - the parts of JSON that envelope.c does not show to others
 *
 * Promise    As envelope.h.
 * Threads    Pure; any.
 */
#ifndef POSTHORN_ENVELOPE_TEXT_H
#define POSTHORN_ENVELOPE_TEXT_H

#include "posthorn/envelope.h"

void envelope_write_integer(struct buf *out, uint32_t number);

#endif
