/* SPDX-License-Identifier: MIT */
#include "load_text.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	REPORT_SIZE_MAX = 1024 * 1024
};

static char *without_path(const struct buf *report, const char *path)
{
	size_t path_size = strlen(path);
	struct slice rest = buf_slice(report);
	struct buf out;

	buf_init(&out, REPORT_SIZE_MAX);
	while (rest.size > 0) {
		struct slice line = slice_cut(&rest, '\n');

		assert_true(line.size > path_size && memcmp(line.data, path, path_size) == 0);
		assert_int_equal(line.data[path_size], ':');
		buf_append(&out, line.data + path_size + 1, line.size - path_size - 1);
		buf_append_text(&out, "\n");
	}
	return buf_take(&out);
}

struct loaded load_file_with(const char *path, enum config_secrets secrets)
{
	struct loaded loaded = { 0 };
	struct buf report;

	buf_init(&report, REPORT_SIZE_MAX);
	loaded.status = config_load(path, secrets, &loaded.config, &report);
	loaded.report = without_path(&report, path);
	buf_free(&report);
	assert_true((loaded.status == STATUS_OK) == (loaded.config != NULL));
	return loaded;
}

struct loaded load_file(const char *path)
{
	return load_file_with(path, CONFIG_SECRETS_ALL);
}

static struct loaded load(const char *text, unsigned int mode, enum config_secrets secrets)
{
	char path[] = "/tmp/repostal-config-XXXXXX";
	int fd = mkstemp(path);
	struct loaded loaded;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	loaded = load_file_with(path, secrets);
	unlink(path);
	return loaded;
}

struct loaded load_text_mode(const char *text, unsigned int mode)
{
	return load(text, mode, CONFIG_SECRETS_ALL);
}

struct loaded load_text_with(const char *text, enum config_secrets secrets)
{
	return load(text, 0600, secrets);
}

struct loaded load_text(const char *text)
{
	return load_text_mode(text, 0600);
}

void loaded_free(struct loaded *loaded)
{
	config_free(&loaded->config);
	free(loaded->report);
	*loaded = (struct loaded){ 0 };
}

char *printed(const struct config *config)
{
	struct buf out;

	buf_init(&out, REPORT_SIZE_MAX);
	config_print(config, &out);
	assert_false(out.overflowed);
	return buf_take(&out);
}
