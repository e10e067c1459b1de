/* SPDX-License-Identifier: MIT */
/*
 * partition.h - the partitions of attempts and search keys, one for each day
 *
 * Threads    The store's.
 */
#ifndef REPOSTAL_STORE_POSTGRES_PARTITION_H
#define REPOSTAL_STORE_POSTGRES_PARTITION_H

#include "pipeline.h"

enum {
	POSTGRES_DAYS_KNOWN = 16,
};

/* Days that are known to have partitions. */
struct postgres_partitions {
	int64_t days[POSTGRES_DAYS_KNOWN];
	size_t next;
};

/* At the beginning, and after a rollback, which takes new partitions with it. */
void postgres_forget_days(struct postgres_partitions *partitions);
/* Partitions for a day, a number of PG_DAY_US since 1970. */
enum status postgres_ensure_day(struct postgres_partitions *partitions,
	struct postgres_pipeline *pipeline, int64_t day, struct error *err);
/* Drops at most one day that ended before; *more_out: there may be another. */
enum status postgres_drop_days(
	struct postgres_pipeline *pipeline, int64_t before_day, bool *more_out, struct error *err);

#endif
