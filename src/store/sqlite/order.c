/* SPDX-License-Identifier: MIT */
/*
 * Deliveries of one order_key: one is due, the others are held.
 *
 * A held one waits with a due time that never comes, so that claims pass it by without knowing about
 * order. What holds as long as any of a key is held: at least one open delivery of that key is not,
 * and what ends the last of these gives the next one its due time.
 */
#include "order.h"

#include <sqlite3.h>

enum status sqlite_order_is_busy(struct sqlite_store *sqlite, uint16_t target, int64_t order_key,
	bool *busy_out, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_ORDER_BUSY];
	int64_t one = 0;

	sqlite3_bind_int(statement, 1, target);
	sqlite3_bind_int64(statement, 2, order_key);
	return sqlite_read_int(sqlite, SQL_ORDER_BUSY, &one, busy_out, err);
}

enum status sqlite_order_release(
	struct sqlite_store *sqlite, int64_t ended, int64_t now_ms, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_ORDER_RELEASE];

	sqlite3_bind_int64(statement, 1, ended);
	sqlite3_bind_int64(statement, 2, now_ms);
	return sqlite_execute(sqlite, SQL_ORDER_RELEASE, err);
}
