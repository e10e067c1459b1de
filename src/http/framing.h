/* SPDX-License-Identifier: MIT */
/*
 * framing.h - where a request ends: one answer only
 *
 * Promise    A head whose end of the body a proxy in front may see elsewhere than libh2o does is told
 *            apart: what one takes for a body, the other would take for the next request (request
 *            smuggling).
 * Threads    Pure; any.
 */
#ifndef REPOSTAL_HTTP_FRAMING_H
#define REPOSTAL_HTTP_FRAMING_H

#include "repostal/slice.h"

/* bytes begin with the head of a request that libh2o has accepted; what follows it is not looked at. */
bool framing_is_clear(struct slice bytes);

#endif
