/* SPDX-License-Identifier: MIT */
#include "partition.h"

static bool is_known(const struct postgres_partitions *partitions, int64_t day)
{
	for (size_t i = 0; i < POSTGRES_DAYS_KNOWN; i++)
		if (partitions->days[i] == day)
			return true;
	return false;
}

void postgres_forget_days(struct postgres_partitions *partitions)
{
	for (size_t i = 0; i < POSTGRES_DAYS_KNOWN; i++)
		partitions->days[i] = -1;
}

enum status postgres_ensure_day(struct postgres_partitions *partitions,
	struct postgres_pipeline *pipeline, int64_t day, struct error *err)
{
	struct postgres_params params;
	enum status status;

	if (is_known(partitions, day))
		return STATUS_OK;
	postgres_params_init(&params);
	postgres_add_int4(&params, (int32_t)day);
	status = postgres_run(pipeline, PG_PARTITION_ADD, &params, NULL, err);
	postgres_params_free(&params);
	if (status == STATUS_OK)
		partitions->days[partitions->next++ % POSTGRES_DAYS_KNOWN] = day;
	return status;
}

enum status postgres_drop_days(
	struct postgres_pipeline *pipeline, int64_t before_day, bool *more_out, struct error *err)
{
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status;

	postgres_params_init(&params);
	postgres_add_int4(&params, (int32_t)before_day);
	status = postgres_run(pipeline, PG_PARTITION_DROP, &params, &rows, err);
	*more_out = status == STATUS_OK && rows.count > 0 && postgres_int(&rows, 0, 0) > 1;
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return status;
}
