/* SPDX-License-Identifier: MIT */
/*
 * order.h - deliveries of one order_key: one is due, the others are held
 *
 * Threads    The store's, inside a transaction.
 */
#ifndef REPOSTAL_STORE_SQLITE_ORDER_H
#define REPOSTAL_STORE_SQLITE_ORDER_H

#include "store.h"

/* Whether an open delivery of the target has this key. */
enum status sqlite_order_is_busy(struct sqlite_store *sqlite, uint16_t target, int64_t order_key,
	bool *busy_out, struct error *err);
/* After a delivery with an order_key has ended: the next one is due now. */
enum status sqlite_order_release(
	struct sqlite_store *sqlite, int64_t ended, int64_t now_ms, struct error *err);

#endif
