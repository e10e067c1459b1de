/* SPDX-License-Identifier: MIT */
#include "lease.h"

#include "repostal/clock.h"
#include "repostal/log.h"

enum {
	RENEWALS_PER_LEASE = 6,
};

enum status postgres_renew(struct postgres_store *pg, struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();
	int64_t old = pg->instance;
	struct postgres_rows rows = { 0 };
	enum status status = STATUS_OK;

	if (pg->instance != 0)
		status = postgres_run_numbers(&pg->pipeline, PG_INSTANCE_RENEW,
			(int64_t[]){ pg->instance, pg->base.lease_ms, pg->base.config_mark }, 3,
			&rows, err);
	if (status == STATUS_OK && rows.count == 0) {
		postgres_rows_free(&rows);
		status = postgres_run_numbers(&pg->pipeline, PG_INSTANCE_NEW,
			(int64_t[]){ pg->base.lease_ms, pg->base.config_mark }, 2, &rows, err);
	}
	if (status == STATUS_OK && rows.count > 0) {
		pg->instance = postgres_int(&rows, 0, 0);
		pg->base.lease_until_ms = began_ms + pg->base.lease_ms;
		pg->renewed_for_ms = pg->base.lease_ms;
		pg->renewed_mark = pg->base.config_mark;
		pg->renew_at_ms = began_ms + pg->base.lease_ms / RENEWALS_PER_LEASE;
	}
	postgres_rows_free(&rows);
	if (status == STATUS_OK && old != 0 && pg->instance != old)
		log_event(LOG_LEVEL_WARN, "store.leases_lost", LOG_INT("instance", old),
			LOG_INT("new_instance", pg->instance),
			LOG_STR("advice", "this process was away for longer than its lease: others "
					  "deliver what it held"));
	return status;
}

enum status postgres_ensure_alive(struct postgres_store *pg, struct error *err)
{
	enum status status = postgres_need_session(&pg->pipeline, err);

	if (status != STATUS_OK)
		return status;
	if (pg->instance != 0 && clock_monotonic_ms() < pg->base.lease_until_ms)
		return STATUS_OK;
	return postgres_renew(pg, err);
}

void postgres_lease_in_doubt(struct postgres_store *pg, int64_t lease)
{
	if (pg->in_doubt_count == POSTGRES_IN_DOUBT_MAX) {
		/* Too many to remember: under a new number all the old ones end with their row. */
		pg->instance = 0;
		pg->in_doubt_count = 0;
		return;
	}
	pg->in_doubt[pg->in_doubt_count].lease = lease;
	pg->in_doubt[pg->in_doubt_count++].since_ms = clock_monotonic_ms();
}
