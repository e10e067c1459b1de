/* SPDX-License-Identifier: MIT */
/*
 * fingerprint.c - has a setting changed?
 *
 * Walks the tables like everything else, so that a new setting is compared without a word here. FNV-1a
 * over the values: it tells changes apart, and can be computed backwards. So what is shown leaves secrets
 * out, whatever follows from them included; what has them never leaves the process.
 */
#include "fingerprint.h"

#include <string.h>

#include "repostal/config.h"
#include "repostal/memory.h"
#include "url.h"

enum {
	URL_MASKED_SIZE_MAX = 8 * 1024
};

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

static uint64_t add_statuses(uint64_t hash, const struct give_up_settings *give_up)
{
	return add(hash, give_up->statuses, give_up->statuses_count * sizeof(give_up->statuses[0]));
}

/* A secret that is left out counts as one that is not given: also whether there is one is hidden. */
static uint64_t add_secret(uint64_t hash, enum fingerprint_scope scope, const char *text)
{
	return add_text(hash, scope == FINGERPRINT_ALL ? text : NULL);
}

static uint64_t add_url(uint64_t hash, enum fingerprint_scope scope, const char *url)
{
	struct buf masked;

	if (scope == FINGERPRINT_ALL || url == NULL)
		return add_text(hash, url);
	buf_init(&masked, URL_MASKED_SIZE_MAX);
	url_append_masked(&masked, slice_text(url));
	hash = add_text(hash, masked.data);
	buf_free(&masked);
	return hash;
}

static uint64_t add_headers(uint64_t hash, enum fingerprint_scope scope,
	const struct target_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hash = add_secret(add_text(hash, headers[i].name), scope, headers[i].value);
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

static uint64_t add_table(uint64_t hash, enum fingerprint_scope scope,
	const struct settings_table *table, const void *base)
{
	for (size_t i = 0; i < table->rows_count; i++)
		hash = setting_fingerprint(&table->rows[i], base, scope, hash);
	return hash;
}

static uint64_t add_list(
	uint64_t hash, enum fingerprint_scope scope, const struct setting *row, const void *base)
{
	const void *list = *(const void *const *)setting_field_const(row, base);
	size_t count = setting_count_const(row, base);

	hash = add(hash, &count, sizeof(count));
	if (row->kind == SETTING_TEXTS)
		return add_texts(hash, list, count);
	if (row->kind == SETTING_RANGES)
		return add_ranges(hash, list, count);
	if (row->kind == SETTING_HEADERS)
		return add_headers(hash, scope, list, count);
	for (size_t i = 0; i < count; i++)
		hash = add_table(hash, scope, row->element,
			(const char *)list + i * row->element->struct_size);
	return hash;
}

uint64_t setting_fingerprint(
	const struct setting *row, const void *base, enum fingerprint_scope scope, uint64_t hash)
{
	const void *field = setting_field_const(row, base);

	switch (row->kind) {
	case SETTING_TEXT:
	case SETTING_ROUTE:
		return add_text(hash, *(char *const *)field);
	case SETTING_URL:
		return add_url(hash, scope, *(char *const *)field);
	case SETTING_SECRET:
		return add_secret(hash, scope, *(char *const *)field);
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
	case SETTING_STATUSES:
		return add_statuses(hash, field);
	case SETTING_TEXTS:
	case SETTING_RANGES:
	case SETTING_HEADERS:
	case SETTING_ELEMENTS:
		return add_list(hash, scope, row, base);
	}
	return hash; /* not reached: -Wswitch guards the cases */
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* In whatever order: two files that list the same targets differently mean the same. */
static uint64_t sum_elements(const struct setting *row, const void *base)
{
	const char *list = *(const char *const *)setting_field_const(row, base);
	size_t count = setting_count_const(row, base);
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += add_table(FINGERPRINT_START, FINGERPRINT_SHOWN, row->element,
			list + i * row->element->struct_size);
	return sum;
}

/* Beside sources and targets. Where the store is found may differ from machine to machine. */
static bool is_shared(const struct setting *row)
{
	return starts_with(row->path, "translate.") || starts_with(row->path, "egress.") ||
	       (starts_with(row->path, "store.") &&
		       (row->kind == SETTING_DURATION || row->kind == SETTING_INTEGER));
}

/* What becomes of an event must not depend on the process that takes it. */
static uint64_t shared_fingerprint(const struct config *config)
{
	uint64_t hash = FINGERPRINT_START;

	for (size_t i = 0; i < settings_of_file.rows_count; i++) {
		const struct setting *row = &settings_of_file.rows[i];

		if (row->kind == SETTING_ELEMENTS) {
			uint64_t sum = sum_elements(row, config);

			hash = add(hash, &sum, sizeof(sum));
		} else if (is_shared(row)) {
			hash = setting_fingerprint(row, config, FINGERPRINT_SHOWN, hash);
		}
	}
	return hash;
}

void config_take_fingerprints(struct config *config)
{
	const struct setting *targets = settings_find(&settings_of_file, "targets");

	for (size_t i = 0; i < config->targets_count; i++)
		config->targets[i].fingerprint = add_table(
			FINGERPRINT_START, FINGERPRINT_ALL, targets->element, &config->targets[i]);
	config->fingerprint =
		add_table(FINGERPRINT_START, FINGERPRINT_SHOWN, &settings_of_file, config);
	config->shared_fingerprint = shared_fingerprint(config);
}

static bool is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static bool is_made_once(const char *path)
{
	if (starts_with(path, "listen.tls.") || strcmp(path, "listen.http2") == 0 ||
		strcmp(path, "listen.trusted_proxies") == 0)
		return false;
	return starts_with(path, "listen.") || starts_with(path, "admin.") ||
	       starts_with(path, "store.");
}

const char *config_needs_restart(const struct config *from, const struct config *to)
{
	for (size_t i = 0; i < settings_of_file.rows_count; i++) {
		const struct setting *row = &settings_of_file.rows[i];

		if (is_made_once(row->path) &&
			setting_fingerprint(row, from, FINGERPRINT_ALL, FINGERPRINT_START) !=
				setting_fingerprint(row, to, FINGERPRINT_ALL, FINGERPRINT_START))
			return row->path;
	}
	/* A listener cannot begin or cease to speak TLS; it can change its certificate. */
	if (is_given(from->listen.tls_certificate) != is_given(to->listen.tls_certificate))
		return "listen.tls";
	return NULL;
}
