/* SPDX-License-Identifier: MIT */
#include "pipeline.h"

#include "link.h"
#include "repostal/memory.h"

static void drop_session(struct postgres_pipeline *pipeline)
{
	postgres_session_close(&pipeline->session);
	pipeline->sent_count = 0;
	pipeline->taken_count = 0;
	pipeline->is_complete = false;
	postgres_link_need(pipeline->link);
}

/* A lost session cannot be used again; one that only refused a statement can. */
static enum status seen(struct postgres_pipeline *pipeline, enum status status)
{
	if (status != STATUS_OK && pipeline->session->is_lost)
		drop_session(pipeline);
	return status;
}

enum status postgres_need_session(struct postgres_pipeline *pipeline, struct error *err)
{
	if (pipeline->session != NULL)
		return STATUS_OK;
	pipeline->session = postgres_link_take(pipeline->link, err);
	return pipeline->session == NULL ? STATUS_IO : STATUS_OK;
}

enum status postgres_send(struct postgres_pipeline *pipeline, enum postgres_statement which,
	const struct postgres_params *params, struct error *err)
{
	REPOSTAL_ASSERT(pipeline->session != NULL && pipeline->sent_count < POSTGRES_SERIES_MAX);
	pipeline->sent[pipeline->sent_count++] = which;
	return seen(pipeline, postgres_session_send(pipeline->session, which, params, err));
}

enum status postgres_go(struct postgres_pipeline *pipeline, struct error *err)
{
	pipeline->is_complete = true;
	return seen(pipeline, postgres_session_go(pipeline->session, err));
}

enum status postgres_take(
	struct postgres_pipeline *pipeline, struct postgres_rows *rows, struct error *err)
{
	REPOSTAL_ASSERT(pipeline->taken_count < pipeline->sent_count);
	return seen(pipeline, postgres_session_take(pipeline->session,
				      pipeline->sent[pipeline->taken_count++], rows, err));
}

enum status postgres_take_end(
	struct postgres_pipeline *pipeline, enum status status, struct error *err)
{
	enum status end_status = STATUS_OK;

	if (pipeline->session != NULL && !pipeline->is_complete)
		end_status = postgres_go(pipeline, NULL);
	if (pipeline->session == NULL)
		return status == STATUS_OK ? end_status : status;
	end_status = seen(pipeline,
		postgres_session_end(pipeline->session, status == STATUS_OK ? err : NULL));
	pipeline->sent_count = 0;
	pipeline->taken_count = 0;
	pipeline->is_complete = false;
	return status == STATUS_OK ? end_status : status;
}

enum status postgres_run(struct postgres_pipeline *pipeline, enum postgres_statement which,
	const struct postgres_params *params, struct postgres_rows *rows, struct error *err)
{
	enum status status = postgres_need_session(pipeline, err);

	if (status == STATUS_OK)
		status = postgres_send(pipeline, which, params, err);
	if (status == STATUS_OK)
		status = postgres_go(pipeline, err);
	if (status == STATUS_OK)
		status = postgres_take(pipeline, rows, err);
	return postgres_take_end(pipeline, status, err);
}

enum status postgres_run_numbers(struct postgres_pipeline *pipeline, enum postgres_statement which,
	const int64_t *numbers, size_t numbers_count, struct postgres_rows *rows, struct error *err)
{
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	for (size_t i = 0; i < numbers_count; i++)
		postgres_add_int8(&params, numbers[i]);
	status = postgres_run(pipeline, which, &params, rows, err);
	postgres_params_free(&params);
	return status;
}

enum status postgres_run_text(struct postgres_pipeline *pipeline, const char *sql,
	struct postgres_rows *rows, struct error *err)
{
	enum status status = postgres_need_session(pipeline, err);

	if (status == STATUS_OK) {
		pipeline->sent[pipeline->sent_count++] = PG_CHANGE_FIND;
		status = seen(pipeline, postgres_session_send_text(pipeline->session, sql, err));
	}
	if (status == STATUS_OK)
		status = postgres_go(pipeline, err);
	if (status == STATUS_OK)
		status = postgres_take(pipeline, rows, err);
	return postgres_take_end(pipeline, status, err);
}

enum status postgres_ensure_begun(struct postgres_pipeline *pipeline, struct error *err)
{
	enum status status = STATUS_OK;

	if (!pipeline->is_begun)
		status = postgres_run(pipeline, PG_BEGIN, NULL, NULL, err);
	if (status == STATUS_OK)
		pipeline->is_begun = true;
	return status;
}

bool postgres_has_session(const struct postgres_pipeline *pipeline)
{
	return pipeline->session != NULL;
}

bool postgres_take_committed_alone(struct postgres_pipeline *pipeline)
{
	bool is_alone = pipeline->session != NULL && pipeline->session->is_committed_alone;

	if (is_alone)
		pipeline->session->is_committed_alone = false;
	return is_alone;
}

void postgres_pipeline_close(struct postgres_pipeline *pipeline)
{
	postgres_session_close(&pipeline->session);
	postgres_link_close(&pipeline->link);
}
