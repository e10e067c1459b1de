/* SPDX-License-Identifier: MIT */
#include "fill.h"

#include <stdio.h>
#include <string.h>

#include "expect.h"
#include "read.h"
#include "repostal/memory.h"
#include "repostal/nearest.h"
#include "setting.h"

enum {
	DEFAULTS_SIZE_MAX = 64 * 1024,
	EXPECTED_SIZE_MAX = 1024,
	DEFAULT_NAME_SIZE = 32,
};

/* One struct being filled, by its table. */
struct filling {
	struct problems *problems;
	const struct filling_rules *rules;
	const struct settings_table *table;
	const config_setting_t *defaults;
	void *base;
	bool given[SETTING_ROWS_MAX];
	bool good[SETTING_ROWS_MAX];
};

static void fill_struct(struct filling *filling, const config_setting_t *group);

static void default_name(size_t row, char out[DEFAULT_NAME_SIZE])
{
	(void)snprintf(out, DEFAULT_NAME_SIZE, "row%zu", row);
}

/* The defaults of a table as a tree of their own, so that they are read like the file. */
static void defaults_open(const struct settings_table *table, config_t *tree)
{
	struct buf text;

	buf_init(&text, DEFAULTS_SIZE_MAX);
	for (size_t i = 0; i < table->rows_count; i++) {
		char name[DEFAULT_NAME_SIZE];

		if (table->rows[i].fallback == NULL)
			continue;
		default_name(i, name);
		buf_printf(&text, "%s = %s;\n", name, table->rows[i].fallback);
	}
	config_init(tree);
	REPOSTAL_ASSERT(!text.overflowed);
	REPOSTAL_ASSERT(
		config_read_string(tree, text.data == NULL ? "" : text.data) == CONFIG_TRUE);
	buf_free(&text);
}

static void fill_default(struct filling *filling, size_t index)
{
	const struct setting *row = &filling->table->rows[index];
	struct problems none = { 0 };
	const struct reading reading = {
		.problems = &none, .row = row, .name = row->path, .is_needed = true
	};
	char name[DEFAULT_NAME_SIZE];
	bool good;

	if (row->fallback == NULL)
		return;
	default_name(index, name);
	good = read_value(
		&reading, filling->base, config_setting_get_member(filling->defaults, name));
	REPOSTAL_ASSERT(good);
	problems_free(&none);
}

/* The part of a row's path that lies directly in the group: "tls" of "listen.tls.key" in "listen".
 */
static bool name_in_group(const char *path, const char *group, char out[SETTING_PATH_SIZE])
{
	size_t group_size = strlen(group);
	const char *name = path;

	if (group_size > 0) {
		if (strncmp(path, group, group_size) != 0 || path[group_size] != '.')
			return false;
		name = path + group_size + 1;
	}
	(void)snprintf(out, SETTING_PATH_SIZE, "%.*s", (int)strcspn(name, "."), name);
	return true;
}

/* The same name in another group: port for listen.port. */
static const struct setting *same_name_elsewhere(
	const struct settings_table *table, const char *name)
{
	for (size_t i = 0; i < table->rows_count; i++) {
		const char *dot = strrchr(table->rows[i].path, '.');

		if (dot != NULL && strcmp(dot + 1, name) == 0)
			return &table->rows[i];
	}
	return NULL;
}

static void refuse_unknown(const struct filling *filling, const char *group, const char *path,
	const config_setting_t *member)
{
	char given[SETTING_PATH_SIZE];
	char meant[SETTING_PATH_SIZE];
	char candidate[SETTING_PATH_SIZE];
	struct nearest nearest;
	const struct setting *elsewhere;

	settings_name(filling->table, path, given);
	nearest_init(&nearest, config_setting_name(member));
	for (size_t i = 0; i < filling->table->rows_count; i++) {
		if (name_in_group(filling->table->rows[i].path, group, candidate))
			nearest_offer(&nearest, candidate);
	}
	elsewhere = same_name_elsewhere(filling->table, config_setting_name(member));
	if (nearest.best[0] != '\0')
		(void)snprintf(candidate, sizeof(candidate), "%.80s%s%s", group,
			group[0] == '\0' ? "" : ".", nearest.best);
	else if (elsewhere != NULL)
		(void)snprintf(candidate, sizeof(candidate), "%s", elsewhere->path);
	else
		candidate[0] = '\0';
	if (candidate[0] == '\0') {
		problems_error(filling->problems, (int)member->line, "unknown setting '%s'", given);
		return;
	}
	settings_name(filling->table, candidate, meant);
	problems_error(filling->problems, (int)member->line,
		"unknown setting '%s'; did you mean '%s'?", given, meant);
}

static void fill_elements(
	struct filling *filling, const struct reading *reading, const config_setting_t *list)
{
	const struct setting *row = reading->row;
	config_t defaults;
	size_t count = 0;
	char *elements;

	if (config_setting_is_list(list))
		count = (size_t)config_setting_length(list);
	if ((int64_t)count < row->min || (int64_t)count > row->max) {
		refuse_value(reading, list);
		return;
	}
	elements = memory_array(count, row->element->struct_size);
	*(void **)setting_field(row, filling->base) = elements;
	*setting_count(row, filling->base) = count;
	defaults_open(row->element, &defaults);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *group = config_setting_get_elem(list, (unsigned int)i);
		struct filling element = {
			.problems = filling->problems,
			.rules = filling->rules,
			.table = row->element,
			.defaults = config_root_setting(&defaults),
			.base = elements + i * row->element->struct_size,
		};

		if (!config_setting_is_group(group)) {
			refuse_value(reading, group);
			continue;
		}
		problems_place(filling->problems, element.base, (int)group->line, false);
		fill_struct(&element, group);
	}
	config_destroy(&defaults);
}

static bool is_needed(
	enum config_secrets secrets, const struct settings_table *table, const struct setting *row)
{
	switch (secrets) {
	case CONFIG_SECRETS_ALL:
		return true;
	case CONFIG_SECRETS_CONTROL:
		return table == &settings_of_file && (strncmp(row->path, "admin.", 6) == 0 ||
							     strncmp(row->path, "store.", 6) == 0);
	case CONFIG_SECRETS_NONE:
		return false;
	}
	return true; /* not reached: -Wswitch guards the cases */
}

static void fill_setting(
	struct filling *filling, const struct setting *row, const config_setting_t *value)
{
	size_t index = (size_t)(row - filling->table->rows);
	char name[SETTING_PATH_SIZE];
	const struct reading reading = {
		.problems = filling->problems,
		.row = row,
		.name = name,
		.is_needed = is_needed(filling->rules->secrets, filling->table, row),
		.world_readable = filling->rules->world_readable,
	};

	settings_name(filling->table, row->path, name);
	filling->given[index] = true;
	if (row->kind == SETTING_ELEMENTS) {
		fill_elements(filling, &reading, value);
		return;
	}
	filling->good[index] = read_value(&reading, filling->base, value);
	problems_place(filling->problems, setting_field(row, filling->base), (int)value->line,
		!filling->good[index]);
}

static void fill_group(
	struct filling *filling, const char *group_path, const config_setting_t *group)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *member = config_setting_get_elem(group, (unsigned int)i);
		bool is_group = config_setting_is_group(member);
		char path[SETTING_PATH_SIZE];
		char name[SETTING_PATH_SIZE];
		const struct setting *row;

		(void)snprintf(path, sizeof(path), "%s%s%.64s", group_path,
			group_path[0] == '\0' ? "" : ".", config_setting_name(member));
		row = settings_find(filling->table, path);
		if (row != NULL && !(row->or_group && is_group)) {
			fill_setting(filling, row, member);
		} else if (!settings_have_group(filling->table, path)) {
			refuse_unknown(filling, group_path, path, member);
		} else if (is_group) {
			fill_group(filling, path, member);
		} else {
			settings_name(filling->table, path, name);
			problems_error(filling->problems, (int)member->line,
				"'%s' must be a group, { ... }", name);
		}
	}
}

static void refuse_missing(const struct filling *filling, const struct setting *row, int line)
{
	char name[SETTING_PATH_SIZE];
	struct buf expected;

	buf_init(&expected, EXPECTED_SIZE_MAX);
	settings_name(filling->table, row->path, name);
	expect_append(&expected, row);
	problems_error(
		filling->problems, line, "'%s' is missing; it must be %s", name, expected.data);
	buf_free(&expected);
}

static void fill_struct(struct filling *filling, const config_setting_t *group)
{
	int line = group->line == 0 ? 1 : (int)group->line; /* the root has none */

	fill_group(filling, "", group);
	for (size_t i = 0; i < filling->table->rows_count; i++) {
		const struct setting *row = &filling->table->rows[i];

		if (row->required && !filling->given[i])
			refuse_missing(filling, row, line);
		if (row->kind != SETTING_ELEMENTS && !filling->good[i])
			fill_default(filling, i);
	}
}

void fill_config(struct config *config, const config_setting_t *root,
	const struct filling_rules *rules, struct problems *problems)
{
	config_t defaults;
	struct filling filling = {
		.problems = problems,
		.rules = rules,
		.table = &settings_of_file,
		.base = config,
	};

	defaults_open(filling.table, &defaults);
	filling.defaults = config_root_setting(&defaults);
	fill_struct(&filling, root);
	config_destroy(&defaults);
}
