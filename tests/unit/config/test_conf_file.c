/* SPDX-License-Identifier: MIT */
/* conf/repostal.conf against the tables: every setting, its help, its default, and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "load_text.h"
#include "repostal/memory.h"
#include "setting.h"

static const char conf_path[] = "conf/repostal.conf";
static const char minimal_path[] = "conf/repostal-minimal.conf";

enum {
	CONF_SIZE_MAX = 256 * 1024,
	GROUPS_MAX = 8,
	SEEN_MAX = 256,
};

/* What a line of the file sets: "name = value;", or the same behind a '#'. */
struct conf_setting {
	char path[SETTING_PATH_SIZE];
	struct slice value;
	bool commented;
	struct slice comment; /* the lines of text above it */
};

struct conf_reader {
	struct slice rest;
	char groups[GROUPS_MAX][SETTING_PATH_SIZE];
	size_t depth;
	struct slice comment;
};

static bool starts_with(struct slice text, const char *prefix)
{
	return text.size >= strlen(prefix) && memcmp(text.data, prefix, strlen(prefix)) == 0;
}

static bool is_name(struct slice text)
{
	if (text.size == 0)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_", text.data[i]) == NULL)
			return false;
	}
	return true;
}

static void open_group(struct conf_reader *reader, struct slice name)
{
	assert_true(reader->depth < GROUPS_MAX);
	(void)snprintf(reader->groups[reader->depth++], SETTING_PATH_SIZE, "%.*s", (int)name.size,
		name.data);
}

static void append_path(char path[SETTING_PATH_SIZE], const char *name, size_t size)
{
	size_t used = strlen(path);

	(void)snprintf(path + used, SETTING_PATH_SIZE - used, "%s%.*s", used == 0 ? "" : ".",
		(int)size, name);
}

/* "name = value;" in the groups that are open. */
static bool parse_setting(
	const struct conf_reader *reader, struct slice line, struct conf_setting *out)
{
	struct slice value = line;
	struct slice name = slice_trim(slice_cut(&value, '='));

	value = slice_trim(value);
	if (!is_name(name) || value.size == 0 || value.data[value.size - 1] != ';')
		return false;
	value.size--;
	*out = (struct conf_setting){ .value = value };
	for (size_t i = 0; i < reader->depth; i++) {
		if (reader->groups[i][0] != '\0') /* the braces of an element */
			append_path(out->path, reader->groups[i], strlen(reader->groups[i]));
	}
	append_path(out->path, name.data, name.size);
	return true;
}

static void take_comment(struct conf_reader *reader, struct conf_setting *out)
{
	out->comment = reader->comment;
	reader->comment = (struct slice){ 0 };
}

/* The next setting of the file; false at its end. Fails on lines that it does not understand. */
static bool next_setting(struct conf_reader *reader, struct conf_setting *out)
{
	while (reader->rest.size > 0) {
		struct slice line = slice_trim(slice_cut(&reader->rest, '\n'));
		struct slice uncommented = line;
		struct slice name = line;

		if (line.size == 0) {
			reader->comment = (struct slice){ 0 };
			continue;
		}
		if (line.data[0] == '#') {
			uncommented = slice_of(line.data + 1, line.size - 1);
			if (uncommented.size == 0 || uncommented.data[0] == ' ' ||
				!parse_setting(reader, uncommented, out)) {
				if (reader->comment.data == NULL)
					reader->comment.data = line.data;
				reader->comment.size =
					(size_t)(line.data + line.size - reader->comment.data);
				continue;
			}
			out->commented = true;
			take_comment(reader, out);
			return true;
		}
		name = slice_trim(slice_cut(&name, ':'));
		if (line.data[line.size - 1] == '{' || line.data[line.size - 1] == '(') {
			open_group(reader, is_name(name) ? name : slice_of("", 0));
		} else if (line.data[0] == '}' || line.data[0] == ')') {
			assert_true(reader->depth > 0);
			reader->depth--;
		} else if (parse_setting(reader, line, out)) {
			take_comment(reader, out);
			return true;
		} else {
			fail_msg("%s: not understood: %.*s", conf_path, (int)line.size, line.data);
		}
	}
	assert_int_equal(reader->depth, 0);
	return false;
}

static bool contains(struct slice text, const char *wanted)
{
	size_t size = strlen(wanted);

	for (size_t i = 0; i + size <= text.size; i++) {
		if (memcmp(text.data + i, wanted, size) == 0)
			return true;
	}
	return false;
}

static const struct setting *find_row(const char *path)
{
	const struct setting *row = settings_find(&settings_of_file, path);

	for (size_t i = 0; row == NULL && i < settings_of_file.rows_count; i++) {
		const struct settings_table *element = settings_of_file.rows[i].element;

		if (element != NULL && starts_with(slice_text(path), element->name) &&
			path[strlen(element->name)] == '.')
			row = settings_find(element, path + strlen(element->name) + 1);
	}
	return row;
}

static void check_setting(const struct conf_setting *setting)
{
	const struct setting *row = find_row(setting->path);
	char help[256];

	if (row == NULL)
		fail_msg("%s: not a setting", setting->path);
	(void)snprintf(help, sizeof(help), "# %s", row->help);
	if (!contains(setting->comment, help))
		fail_msg("%s: its comment does not say \"%s\"", setting->path, row->help);
	if (row->fallback != NULL && !slice_is(setting->value, row->fallback))
		fail_msg("%s: its default is %s", setting->path, row->fallback);
	if (row->fallback != NULL && !setting->commented)
		fail_msg("%s: set, though the value is its default", setting->path);
	if (row->fallback == NULL && setting->commented &&
		!contains(setting->comment, "(no default)"))
		fail_msg("%s: its comment does not say that there is no default", setting->path);
	if (row->fallback == NULL && !slice_is(setting->value, row->example))
		fail_msg("%s: its example is %s", setting->path, row->example);
	if (row->required && setting->commented)
		fail_msg("%s: required, and not set", setting->path);
}

static size_t count_rows(const struct settings_table *table)
{
	size_t count = 0;

	for (size_t i = 0; i < table->rows_count; i++) {
		if (table->rows[i].element != NULL)
			count += count_rows(table->rows[i].element);
		else
			count++;
	}
	return count;
}

static void read_text(const char *path, struct buf *text)
{
	struct error err;

	buf_init(text, CONF_SIZE_MAX);
	if (!file_read(path, text, &err))
		fail_msg("%s: %s", path, err.text);
}

static void read_conf(struct buf *conf)
{
	read_text(conf_path, conf);
}

/* No setting twice and as many as there are rows: then there is every one. */
static void test_every_setting_is_there(void **state)
{
	static char seen[SEEN_MAX][SETTING_PATH_SIZE];
	struct conf_setting setting;
	struct conf_reader reader = { 0 };
	size_t count = 0;
	struct buf conf;

	(void)state;
	read_conf(&conf);
	reader.rest = buf_slice(&conf);
	while (next_setting(&reader, &setting)) {
		check_setting(&setting);
		for (size_t i = 0; i < count; i++) {
			if (strcmp(seen[i], setting.path) == 0)
				fail_msg("%s: twice", setting.path);
		}
		assert_true(count < SEEN_MAX);
		(void)snprintf(seen[count++], SETTING_PATH_SIZE, "%s", setting.path);
	}
	assert_int_equal(count, count_rows(&settings_of_file));
	buf_free(&conf);
}

/* The file with the '#' of every default removed; what has no default stays an example. */
static char *with_defaults_set(struct slice conf)
{
	struct conf_reader reader = { .rest = conf };
	struct conf_setting setting;
	struct slice copied = conf;
	struct buf out;

	buf_init(&out, CONF_SIZE_MAX);
	while (next_setting(&reader, &setting)) {
		const struct setting *row = find_row(setting.path);
		const char *line = setting.value.data;

		if (!setting.commented || row == NULL || row->fallback == NULL)
			continue;
		while (*line != '#')
			line--;
		buf_append(&out, copied.data, (size_t)(line - copied.data));
		copied = slice_of(line + 1, (size_t)(conf.data + conf.size - (line + 1)));
	}
	buf_append_slice(&out, copied);
	assert_false(out.overflowed);
	return buf_take(&out);
}

static void test_shown_defaults_are_in_effect(void **state)
{
	struct loaded as_it_is = load_file(conf_path);
	struct loaded with_defaults;
	struct buf conf;
	char *text;
	char *print;
	char *print_with_defaults;

	(void)state;
	if (as_it_is.status != STATUS_OK)
		fail_msg("%s: %s", conf_path, as_it_is.report);
	read_conf(&conf);
	text = with_defaults_set(buf_slice(&conf));
	assert_non_null(strstr(text, "\n\tport = 8025;\n"));
	with_defaults = load_text(text);
	if (with_defaults.status != STATUS_OK)
		fail_msg("%s, defaults set: %s", conf_path, with_defaults.report);
	print = printed(as_it_is.config);
	print_with_defaults = printed(with_defaults.config);
	assert_string_equal(print, print_with_defaults);
	free(print);
	free(print_with_defaults);
	free(text);
	buf_free(&conf);
	loaded_free(&as_it_is);
	loaded_free(&with_defaults);
}

/* The file as it is where the key, which has to be readable, is this test's own. */
static struct loaded load_with_key(const char *path, const char *before, const char *after)
{
	struct buf text;
	struct buf replaced;
	struct loaded loaded;
	const char *found;

	read_text(path, &text);
	buf_append(&text, "", 1);
	buf_init(&replaced, CONF_SIZE_MAX);
	found = strstr(text.data, before);
	if (found == NULL)
		fail_msg("%s: has no %s", path, before);
	buf_append(&replaced, text.data, (size_t)(found - text.data));
	buf_printf(&replaced, "%s%s", after, found + strlen(before));
	buf_append(&replaced, "", 1);
	assert_false(replaced.overflowed);
	loaded = load_text(replaced.data);
	if (loaded.status != STATUS_OK)
		fail_msg("%s: %s", path, loaded.report);
	buf_free(&replaced);
	buf_free(&text);
	return loaded;
}

/* Both files describe the same gateway, but that the minimal one signs. */
static void test_minimal_is_the_same(void **state)
{
	static const char keys[] = "keys = [ \"conf/repostal.conf\" ];";
	struct loaded full = load_with_key(conf_path, "#keys = [ ];", keys);
	struct loaded minimal =
		load_with_key(minimal_path, "keys = [ \"/etc/repostal/signing.key\" ];", keys);
	char *print_full;
	char *print_minimal;

	(void)state;
	print_full = printed(full.config);
	print_minimal = printed(minimal.config);
	assert_string_equal(print_full, print_minimal);
	free(print_full);
	free(print_minimal);
	loaded_free(&full);
	loaded_free(&minimal);
}

static void test_token_is_needed(void **state)
{
	struct loaded loaded;

	(void)state;
	unsetenv("BIZMAIL_TOKEN");
	loaded = load_file(minimal_path);
	assert_int_equal(loaded.status, STATUS_INVALID);
	assert_non_null(strstr(loaded.report, "'sources.auth.token' needs the environment variable "
					      "BIZMAIL_TOKEN, which is not set"));
	loaded_free(&loaded);
}

static int set_token(void **state)
{
	(void)state;
	return setenv("BIZMAIL_TOKEN", "token", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_setting_is_there, set_token),
		cmocka_unit_test_setup(test_shown_defaults_are_in_effect, set_token),
		cmocka_unit_test_setup(test_minimal_is_the_same, set_token),
		cmocka_unit_test_setup(test_token_is_needed, set_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
