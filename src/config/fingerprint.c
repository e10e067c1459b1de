/* SPDX-License-Identifier: MIT */
/*
 * fingerprint.c - has a setting changed?
 *
 * Walks the tables like everything else, so that a new setting is compared without a word here. FNV-1a
 * over the values: it tells changes apart, and from 64 bits no secret can be read back.
 */
#include "fingerprint.h"

#include <string.h>

#include "repostal/config.h"
#include "repostal/memory.h"

static uint64_t add(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* With its NUL, so that "ab","c" is not "a","bc". */
static uint64_t add_text(uint64_t hash, const char *text)
{
	return text == NULL ? add(hash, "\1", 1) : add(hash, text, strlen(text) + 1);
}

static uint64_t add_retry(uint64_t hash, const struct retry_settings *retry)
{
	return add(hash, retry->delays_ms, retry->delays_count * sizeof(retry->delays_ms[0]));
}

static uint64_t add_headers(uint64_t hash, const struct target_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hash = add_text(add_text(hash, headers[i].name), headers[i].value);
	return hash;
}

static uint64_t add_ranges(uint64_t hash, const struct address_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		hash = add(hash, ranges[i].base.bytes, sizeof(ranges[i].base.bytes));
		hash = add(hash, &ranges[i].prefix_bits, sizeof(ranges[i].prefix_bits));
	}
	return hash;
}

static uint64_t add_texts(uint64_t hash, char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hash = add_text(hash, texts[i]);
	return hash;
}

static uint64_t add_table(uint64_t hash, const struct settings_table *table, const void *base)
{
	for (size_t i = 0; i < table->rows_count; i++)
		hash = setting_fingerprint(&table->rows[i], base, hash);
	return hash;
}

static uint64_t add_list(uint64_t hash, const struct setting *row, const void *base)
{
	const void *list = *(const void *const *)setting_field_const(row, base);
	size_t count = setting_count_const(row, base);

	hash = add(hash, &count, sizeof(count));
	if (row->kind == SETTING_TEXTS)
		return add_texts(hash, list, count);
	if (row->kind == SETTING_RANGES)
		return add_ranges(hash, list, count);
	if (row->kind == SETTING_HEADERS)
		return add_headers(hash, list, count);
	for (size_t i = 0; i < count; i++)
		hash = add_table(
			hash, row->element, (const char *)list + i * row->element->struct_size);
	return hash;
}

uint64_t setting_fingerprint(const struct setting *row, const void *base, uint64_t hash)
{
	const void *field = setting_field_const(row, base);

	switch (row->kind) {
	case SETTING_TEXT:
	case SETTING_URL:
	case SETTING_ROUTE:
	case SETTING_SECRET:
		return add_text(hash, *(char *const *)field);
	case SETTING_INTEGER:
	case SETTING_FRACTION:
	case SETTING_DURATION:
	case SETTING_SIZE:
	case SETTING_RATE:
	case SETTING_BOOLEAN:
	case SETTING_CHOICE:
	case SETTING_EVENT:
	case SETTING_EVENTS:
		return add(hash, field, row->size);
	case SETTING_RETRY:
		return add_retry(hash, field);
	case SETTING_TEXTS:
	case SETTING_RANGES:
	case SETTING_HEADERS:
	case SETTING_ELEMENTS:
		return add_list(hash, row, base);
	}
	return hash; /* not reached: -Wswitch guards the cases */
}

void config_take_fingerprints(struct config *config)
{
	const struct setting *targets = settings_find(&settings_of_file, "targets");

	for (size_t i = 0; i < config->targets_count; i++)
		config->targets[i].fingerprint =
			add_table(FINGERPRINT_START, targets->element, &config->targets[i]);
	config->fingerprint = add_table(FINGERPRINT_START, &settings_of_file, config);
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static bool is_made_once(const char *path)
{
	if (starts_with(path, "listen.tls.") || strcmp(path, "listen.trusted_proxies") == 0)
		return false;
	return starts_with(path, "listen.") || starts_with(path, "admin.") ||
	       starts_with(path, "store.");
}

const char *config_needs_restart(const struct config *from, const struct config *to)
{
	for (size_t i = 0; i < settings_of_file.rows_count; i++) {
		const struct setting *row = &settings_of_file.rows[i];

		if (is_made_once(row->path) &&
			setting_fingerprint(row, from, FINGERPRINT_START) !=
				setting_fingerprint(row, to, FINGERPRINT_START))
			return row->path;
	}
	/* A listener cannot begin or cease to speak TLS; it can change its certificate. */
	if (is_given(from->listen.tls_certificate) != is_given(to->listen.tls_certificate))
		return "listen.tls";
	return NULL;
}
