/* SPDX-License-Identifier: MIT */
/*
 * last_error.h - why a target's last attempt failed, kept for operators who ask
 *
 * Threads    The delivery thread writes, under the target's error_mutex.
 */
#ifndef REPOSTAL_DELIVERY_LAST_ERROR_H
#define REPOSTAL_DELIVERY_LAST_ERROR_H

#include "target/target.h"

void last_error_note(struct target *target, const struct client_result *result);
/* Says in the log, once, that the receiver may not know our signing key, where that may be so. */
void last_error_hint_at_key(struct target *target, const struct client_result *result);
/* Any thread. False: none of its attempts has failed. */
bool last_error_read(struct target *target, struct target_error *error_out);

#endif
