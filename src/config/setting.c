/* SPDX-License-Identifier: MIT */
#include "setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repostal/address.h"
#include "repostal/memory.h"
#include "repostal/target_settings.h"

const struct setting *settings_find(const struct settings_table *table, const char *path)
{
	for (size_t i = 0; i < table->rows_count; i++) {
		if (strcmp(table->rows[i].path, path) == 0)
			return &table->rows[i];
	}
	return NULL;
}

bool settings_have_group(const struct settings_table *table, const char *path)
{
	size_t size = strlen(path);

	for (size_t i = 0; i < table->rows_count; i++) {
		const char *row_path = table->rows[i].path;

		if (strncmp(row_path, path, size) == 0 && row_path[size] == '.')
			return true;
	}
	return false;
}

void settings_name(
	const struct settings_table *table, const char *path, char out[SETTING_PATH_SIZE])
{
	(void)snprintf(out, SETTING_PATH_SIZE, "%s%s%s", table->name,
		table->name[0] == '\0' ? "" : ".", path);
}

void *setting_field(const struct setting *row, void *base)
{
	return (char *)base + row->offset;
}

const void *setting_field_const(const struct setting *row, const void *base)
{
	return (const char *)base + row->offset;
}

size_t *setting_count(const struct setting *row, void *base)
{
	return (size_t *)((char *)base + row->count_offset);
}

size_t setting_count_const(const struct setting *row, const void *base)
{
	return *(const size_t *)((const char *)base + row->count_offset);
}

void setting_store_integer(const struct setting *row, void *base, int64_t value)
{
	void *field = setting_field(row, base);

	if (row->size == sizeof(int64_t)) {
		*(int64_t *)field = value;
	} else if (row->size == sizeof(int)) {
		*(int *)field = (int)value;
	} else {
		REPOSTAL_ASSERT(row->size == sizeof(bool));
		*(bool *)field = value != 0;
	}
}

int64_t setting_fetch_integer(const struct setting *row, const void *base)
{
	const void *field = setting_field_const(row, base);

	if (row->size == sizeof(int64_t))
		return *(const int64_t *)field;
	if (row->size == sizeof(int))
		return *(const int *)field;
	REPOSTAL_ASSERT(row->size == sizeof(bool));
	return *(const bool *)field;
}

static void release_texts(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

static void release_headers(struct target_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(headers[i].name);
		free(headers[i].value);
	}
	free(headers);
}

static void release_elements(const struct settings_table *table, char *elements, size_t count)
{
	for (size_t i = 0; i < count; i++)
		settings_release(table, elements + i * table->struct_size);
	free(elements);
}

static void setting_release(const struct setting *row, void *base)
{
	void *field = setting_field(row, base);

	switch (row->kind) {
	case SETTING_TEXT:
	case SETTING_URL:
	case SETTING_ROUTE:
	case SETTING_SECRET:
		free(*(char **)field);
		break;
	case SETTING_TEXTS:
		release_texts(*(char ***)field, *setting_count(row, base));
		break;
	case SETTING_RANGES:
		free(*(struct address_range **)field);
		break;
	case SETTING_HEADERS:
		release_headers(*(struct target_header **)field, *setting_count(row, base));
		break;
	case SETTING_ELEMENTS:
		release_elements(row->element, *(char **)field, *setting_count(row, base));
		break;
	case SETTING_INTEGER:
	case SETTING_FRACTION:
	case SETTING_DURATION:
	case SETTING_SIZE:
	case SETTING_RATE:
	case SETTING_BOOLEAN:
	case SETTING_CHOICE:
	case SETTING_EVENT:
	case SETTING_EVENTS:
	case SETTING_RETRY:
	case SETTING_STATUSES:
		break;
	}
}

void settings_release(const struct settings_table *table, void *base)
{
	for (size_t i = 0; i < table->rows_count; i++)
		setting_release(&table->rows[i], base);
}
