/* SPDX-License-Identifier: MIT */
/*
 * print.c - the effective settings as a configuration file
 *
 * Walks the tables in their order, so that every setting appears, in its group. What a setting is
 * for is said once: for the elements of a list at the first only.
 */
#include <string.h>

#include "problems.h"
#include "repostal/config.h"
#include "repostal/memory.h"
#include "repostal/secret.h"
#include "repostal/text.h"
#include "setting.h"
#include "url.h"

struct printing {
	struct buf *out;
	const struct settings_table *table;
	const struct config_origins *origins;
	const void *base;
	int depth;
	bool explain;
};

static void print_table(const struct printing *printing);

static void indent(struct buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_append_text(out, "\t");
}

static void append_text(struct buf *out, const char *text)
{
	buf_append_text(out, "\"");
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			buf_append_text(out, "\\");
		buf_append_char(out, *c);
	}
	buf_append_text(out, "\"");
}

static void append_url(struct buf *out, const char *url)
{
	/* No URL that was accepted holds a quote or a backslash. */
	buf_append_text(out, "\"");
	url_append_masked(out, slice_text(url));
	buf_append_text(out, "\"");
}

/* A number with a point, so that it is read as one with a fraction again. */
static void append_fraction(struct buf *out, double number)
{
	size_t start = out->size;

	buf_append_double(out, number);
	if (out->data != NULL && strpbrk(out->data + start, ".eE") == NULL)
		buf_append_text(out, ".0");
}

static void append_with_unit(
	struct buf *out, int64_t number, void (*format)(struct buf *buf, int64_t number))
{
	buf_append_text(out, "\"");
	format(out, number);
	buf_append_text(out, "\"");
}

static void append_rate(struct buf *out, double per_second)
{
	buf_append_text(out, "\"");
	if (per_second > 0)
		text_format_rate(out, per_second);
	else
		buf_append_text(out, "none");
	buf_append_text(out, "\"");
}

static const char *choice_name(const struct setting *row, const void *base)
{
	int64_t value = setting_fetch_integer(row, base);

	for (const struct setting_choice *choice = row->choices; choice->name != NULL; choice++) {
		if (choice->value == value)
			return choice->name;
	}
	return NULL;
}

static void append_separator(struct buf *out, size_t count)
{
	buf_append_text(out, count == 0 ? " " : ", ");
}

static void append_event(struct buf *out, int type)
{
	append_text(out, postal_event_type_name((enum postal_event_type)type));
}

static void append_events(struct buf *out, uint32_t events)
{
	size_t count = 0;

	buf_append_text(out, "[");
	for (int type = 0; type < POSTAL_EVENT_TYPE_COUNT; type++) {
		if ((events & UINT32_C(1) << type) == 0)
			continue;
		append_separator(out, count++);
		append_event(out, type);
	}
	buf_append_text(out, " ]");
}

static bool is_preset(const struct retry_settings *retry, const char *name)
{
	struct retry_settings preset = { 0 };

	return retry_preset(slice_text(name), &preset) &&
	       preset.delays_count == retry->delays_count &&
	       memcmp(preset.delays_ms, retry->delays_ms,
		       retry->delays_count * sizeof(retry->delays_ms[0])) == 0;
}

static void append_retry(struct buf *out, const struct retry_settings *retry)
{
	static const char *const presets[] = { "postal", "postal-extended", "standard-webhooks" };

	for (size_t i = 0; i < ARRAY_COUNT(presets); i++) {
		if (is_preset(retry, presets[i])) {
			append_text(out, presets[i]);
			return;
		}
	}
	buf_append_text(out, "[");
	for (size_t i = 0; i < retry->delays_count; i++) {
		append_separator(out, i);
		append_with_unit(out, retry->delays_ms[i], text_format_duration);
	}
	buf_append_text(out, " ]");
}

static void append_statuses(struct buf *out, const struct give_up_settings *give_up)
{
	buf_append_text(out, "[");
	for (size_t i = 0; i < give_up->statuses_count; i++) {
		uint16_t status = give_up->statuses[i];

		append_separator(out, i);
		buf_printf(out, give_up_is_class(status) ? "\"%dxx\"" : "%d", status);
	}
	buf_append_text(out, " ]");
}

static void append_texts(struct buf *out, char *const *texts, size_t count)
{
	buf_append_text(out, "[");
	for (size_t i = 0; i < count; i++) {
		append_separator(out, i);
		append_text(out, texts[i]);
	}
	buf_append_text(out, " ]");
}

static void append_ranges(struct buf *out, const struct address_range *ranges, size_t count)
{
	buf_append_text(out, "[");
	for (size_t i = 0; i < count; i++) {
		char text[ADDRESS_TEXT_SIZE];
		bool ipv4 = address_is_ipv4(&ranges[i].base) && ranges[i].prefix_bits >= 96;

		append_separator(out, i);
		address_format(&ranges[i].base, text);
		buf_printf(out, "\"%s/%d\"", text, ranges[i].prefix_bits - (ipv4 ? 96 : 0));
	}
	buf_append_text(out, " ]");
}

/* field is where the secret is kept. */
static void append_secret(const struct printing *printing, const void *field, const char *masked)
{
	const char *origin = origin_of(printing->origins, field);

	append_text(printing->out, origin == NULL ? masked : origin);
}

static void append_headers(
	const struct printing *printing, const struct target_header *headers, size_t count)
{
	buf_append_text(printing->out, "{");
	for (size_t i = 0; i < count; i++) {
		buf_printf(printing->out, " %s = ", headers[i].name);
		append_secret(printing, &headers[i].value, SECRET_MASK);
		buf_append_text(printing->out, ";");
	}
	buf_append_text(printing->out, " }");
}

static void append_elements(const struct printing *printing, const struct setting *row,
	const char *elements, size_t count)
{
	struct buf *out = printing->out;

	buf_append_text(out, "(");
	for (size_t i = 0; i < count; i++) {
		struct printing element = {
			.out = out,
			.table = row->element,
			.origins = printing->origins,
			.base = elements + i * row->element->struct_size,
			.depth = printing->depth + 2,
			.explain = printing->explain && i == 0,
		};

		buf_append_text(out, i == 0 ? "\n" : ",\n");
		indent(out, printing->depth + 1);
		buf_append_text(out, "{\n");
		print_table(&element);
		indent(out, printing->depth + 1);
		buf_append_text(out, "}");
	}
	buf_append_text(out, "\n");
	indent(out, printing->depth);
	buf_append_text(out, ")");
}

/* Kinds whose field is a list and its count. */
static void append_list(const struct printing *printing, const struct setting *row)
{
	const void *list = *(const void *const *)setting_field_const(row, printing->base);
	size_t count = setting_count_const(row, printing->base);

	if (row->kind == SETTING_TEXTS)
		append_texts(printing->out, list, count);
	else if (row->kind == SETTING_RANGES)
		append_ranges(printing->out, list, count);
	else if (row->kind == SETTING_HEADERS)
		append_headers(printing, list, count);
	else
		append_elements(printing, row, list, count);
}

static void append_value(const struct printing *printing, const struct setting *row)
{
	struct buf *out = printing->out;
	const void *field = setting_field_const(row, printing->base);

	switch (row->kind) {
	case SETTING_TEXT:
		append_text(out, *(const char *const *)field);
		break;
	case SETTING_URL:
		append_url(out, *(const char *const *)field);
		break;
	case SETTING_ROUTE:
		append_text(out,
			**(const char *const *)field == '\0' ? "/" : *(const char *const *)field);
		break;
	case SETTING_SECRET:
		append_secret(printing, field, row->mask == NULL ? SECRET_MASK : row->mask);
		break;
	case SETTING_INTEGER:
		buf_append_int(out, setting_fetch_integer(row, printing->base));
		break;
	case SETTING_FRACTION:
		append_fraction(out, *(const double *)field);
		break;
	case SETTING_DURATION:
		if (row->may_be_none && *(const int64_t *)field == 0)
			append_text(out, "");
		else
			append_with_unit(out, *(const int64_t *)field, text_format_duration);
		break;
	case SETTING_SIZE:
		append_with_unit(out, *(const int64_t *)field, text_format_size);
		break;
	case SETTING_RATE:
		append_rate(out, *(const double *)field);
		break;
	case SETTING_BOOLEAN:
		buf_append_text(out, *(const bool *)field ? "true" : "false");
		break;
	case SETTING_CHOICE:
		append_text(out, choice_name(row, printing->base));
		break;
	case SETTING_EVENT:
		append_event(out, (int)setting_fetch_integer(row, printing->base));
		break;
	case SETTING_EVENTS:
		append_events(out, *(const uint32_t *)field);
		break;
	case SETTING_RETRY:
		append_retry(out, field);
		break;
	case SETTING_STATUSES:
		append_statuses(out, field);
		break;
	case SETTING_TEXTS:
	case SETTING_RANGES:
	case SETTING_HEADERS:
	case SETTING_ELEMENTS:
		append_list(printing, row);
		break;
	}
}

/* Settings without a default may be missing; "***" or an empty list would be refused for them. */
static bool has_value(const struct setting *row, const void *base)
{
	if (row->kind == SETTING_SECRET)
		return *(const char *const *)setting_field_const(row, base) != NULL;
	if (row->kind == SETTING_RANGES && row->fallback == NULL)
		return setting_count_const(row, base) > 0;
	return true;
}

static void print_row(
	const struct printing *printing, const struct setting *row, const char *name, int depth)
{
	struct buf *out = printing->out;
	bool is_long = row->kind == SETTING_ELEMENTS;

	if (printing->explain && is_long) {
		indent(out, depth);
		buf_printf(out, "# %s\n", row->help);
	}
	indent(out, depth);
	if (has_value(row, printing->base)) {
		buf_printf(out, "%s = ", name);
		append_value(printing, row);
		buf_append_text(out, ";");
	} else {
		buf_printf(out, "# %s: not set", name);
	}
	if (printing->explain && !is_long)
		buf_printf(out, "  # %s", row->help);
	buf_append_text(out, "\n");
}

/* Behind the rows that lie in the group of the same name as row. */
static size_t skip_group(const struct settings_table *table, size_t row)
{
	const char *path = table->rows[row].path;
	size_t size = strlen(path);
	size_t next = row + 1;

	while (next < table->rows_count && strncmp(table->rows[next].path, path, size) == 0 &&
		table->rows[next].path[size] == '.')
		next++;
	return next;
}

/*
 * Prints the rows from first on whose paths begin with the same prefix_size bytes, which are a
 * group and its dot, or nothing. Returns the row behind them.
 */
static size_t print_group(
	const struct printing *printing, size_t first, size_t prefix_size, int depth)
{
	const struct settings_table *table = printing->table;
	const char *prefix = table->rows[first].path;
	size_t index = first;

	while (index < table->rows_count &&
		strncmp(table->rows[index].path, prefix, prefix_size) == 0) {
		const struct setting *row = &table->rows[index];
		const char *name = row->path + prefix_size;
		size_t name_size = strcspn(name, ".");

		if (name[name_size] == '.') {
			indent(printing->out, depth);
			buf_printf(printing->out, "%.*s: {\n", (int)name_size, name);
			index = print_group(
				printing, index, prefix_size + name_size + 1, depth + 1);
			indent(printing->out, depth);
			buf_append_text(printing->out, "};\n");
		} else if (row->or_group && choice_name(row, printing->base) == NULL) {
			index++;
		} else {
			print_row(printing, row, name, depth);
			index = row->or_group ? skip_group(table, index) : index + 1;
		}
	}
	return index;
}

static void print_table(const struct printing *printing)
{
	print_group(printing, 0, 0, printing->depth);
}

void config_print(const struct config *config, struct buf *out)
{
	const struct printing printing = {
		.out = out,
		.table = &settings_of_file,
		.base = config,
		.origins = config->origins,
		.explain = true,
	};

	print_table(&printing);
}
