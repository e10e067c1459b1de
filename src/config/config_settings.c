/* SPDX-License-Identifier: MIT */
#include "repostal/config_settings.h"

#include "expect.h"
#include "setting.h"

enum {
	EXPECTED_SIZE_MAX = 4096
};

static void walk(const struct settings_table *table, config_settings_visit *visit, void *context);

static void visit_row(const struct settings_table *table, const struct setting *row,
	config_settings_visit *visit, void *context)
{
	char name[SETTING_PATH_SIZE];
	struct buf expected;

	settings_name(table, row->path, name);
	buf_init(&expected, EXPECTED_SIZE_MAX);
	expect_append(&expected, row);
	visit(context, &(struct config_setting){
			       .name = name,
			       .expected = expected.data,
			       .fallback = row->fallback,
			       .example = row->example,
			       .meaning = row->help,
			       .required = row->required,
		       });
	buf_free(&expected);
	if (row->element != NULL)
		walk(row->element, visit, context);
}

static void walk(const struct settings_table *table, config_settings_visit *visit, void *context)
{
	for (size_t i = 0; i < table->rows_count; i++)
		visit_row(table, &table->rows[i], visit, context);
}

void config_settings_walk(config_settings_visit *visit, void *context)
{
	walk(&settings_of_file, visit, context);
}
