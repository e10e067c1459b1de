/* SPDX-License-Identifier: MIT */
#include "repostal/store_reader.h"

#include "backend/reader.h"
#include "postgres/backend.h"
#include "repostal/memory.h"
#include "sqlite/backend.h"

static const struct store_reader_ops *const backends[] = {
	[STORE_SQLITE] = &store_reader_sqlite_ops,
	[STORE_POSTGRESQL] = &store_reader_postgres_ops,
};

enum status store_reader_open(
	const struct store_settings *settings, struct store_reader **reader_out, struct error *err)
{
	const struct store_reader_ops *ops = backends[settings->backend];
	struct store_reader *reader = NULL;
	enum status status;

	status = ops->open(settings, &reader, err);
	if (status != STATUS_OK)
		return status;
	reader->ops = ops;
	*reader_out = reader;
	return STATUS_OK;
}

void store_reader_close(struct store_reader **readerp)
{
	struct store_reader *reader = *readerp;

	if (reader == NULL)
		return;
	*readerp = NULL;
	reader->ops->close(reader);
}

enum status store_reader_probe(const struct store_settings *settings, struct error *err)
{
	return backends[settings->backend]->probe(settings, err);
}

enum status store_reader_list(struct store_reader *reader, const struct store_filter *filter,
	struct store_page *page, void (*on_row)(void *context, const struct store_row *row),
	void *context, struct error *err)
{
	REPOSTAL_ASSERT(page->count_max > 0);
	return reader->ops->list(reader, filter, false, page, on_row, context, err);
}

enum status store_reader_walk(struct store_reader *reader, const struct store_filter *filter,
	struct store_page *page, void (*on_row)(void *context, const struct store_row *row),
	void *context, struct error *err)
{
	REPOSTAL_ASSERT(page->count_max > 0);
	return reader->ops->list(reader, filter, true, page, on_row, context, err);
}

enum status store_reader_attempts(struct store_reader *reader, int64_t event,
	void (*on_attempt)(void *context, const struct store_attempt *attempt), void *context,
	struct error *err)
{
	return reader->ops->attempts(reader, event, on_attempt, context, err);
}

enum status store_reader_quarantine(struct store_reader *reader, struct store_page *page,
	void (*on_row)(void *context, const struct store_quarantine_row *row), void *context,
	struct error *err)
{
	REPOSTAL_ASSERT(page->count_max > 0);
	return reader->ops->quarantine(reader, page, on_row, context, err);
}

enum status store_reader_quarantined(struct store_reader *reader, int64_t id,
	void (*on_row)(void *context, const struct store_quarantine_row *row), void *context,
	struct error *err)
{
	return reader->ops->quarantined(reader, id, on_row, context, err);
}

enum status store_reader_totals(
	struct store_reader *reader, struct store_totals *totals_out, struct error *err)
{
	*totals_out = (struct store_totals){ .gateways = -1 };
	return reader->ops->totals(reader, totals_out, err);
}

enum status store_reader_secret(
	struct store_reader *reader, uint8_t secret_out[STORE_SECRET_SIZE], struct error *err)
{
	return reader->ops->secret(reader, secret_out, err);
}

enum status store_reader_names(struct store_reader *reader,
	void (*on_target)(void *context, uint16_t number, const char *name,
		const struct store_target_counts *counts, bool is_paused, const char *reason),
	void (*on_source)(void *context, uint16_t number, const char *name), void *context,
	struct error *err)
{
	return reader->ops->names(reader, on_target, on_source, context, err);
}
