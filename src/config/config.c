/* SPDX-License-Identifier: MIT */
/*
 * config.c - from a file to a config: read, parse, fill by the tables, check the rules
 */
#include "repostal/config.h"

#include <libconfig.h>
#include <stdlib.h>
#include <unistd.h>

#include "file.h"
#include "fill.h"
#include "fingerprint.h"
#include "problems.h"
#include "repostal/memory.h"
#include "rules.h"
#include "setting.h"
#include "source_text.h"

enum {
	CONFIG_FILE_SIZE_MAX = 1024 * 1024,
	THREADS_AUTOMATIC_MAX = 4,
};

static void choose_threads(struct http_settings *listen)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (listen->threads != 0)
		return;
	if (cores < 1)
		cores = 1;
	listen->threads = cores > THREADS_AUTOMATIC_MAX ? THREADS_AUTOMATIC_MAX : (int)cores;
}

static void parse(const char *text, struct config *config, const struct filling_rules *rules,
	struct problems *problems)
{
	config_t tree;

	config_init(&tree);
	if (config_read_string(&tree, text) != CONFIG_TRUE) {
		problems_error(problems, config_error_line(&tree), "%s", config_error_text(&tree));
	} else {
		fill_config(config, config_root_setting(&tree), rules, problems);
		rules_check(config, problems);
		choose_threads(&config->listen);
	}
	config_destroy(&tree);
}

enum status config_load(const char *path, enum config_secrets secrets, struct config **config_out,
	struct buf *report)
{
	struct filling_rules rules = { .secrets = secrets };
	struct config *config = memory_zalloc(sizeof(*config));
	struct problems problems = { 0 };
	enum status status = STATUS_IO;
	struct buf file;
	struct buf text;
	struct error err;

	buf_init(&file, CONFIG_FILE_SIZE_MAX);
	buf_init(&text, 2 * CONFIG_FILE_SIZE_MAX); /* a number may gain an L */
	if (!file_read(path, &file, &err)) {
		buf_printf(report, "%s: cannot be read: %s\n", path, err.text);
		goto out;
	}
	source_text_make_safe(buf_slice(&file), &text, &problems);
	rules.world_readable = file_is_world_readable(path);
	if (problems.errors_count == 0)
		parse(text.data == NULL ? "" : text.data, config, &rules, &problems);
	problems_print(&problems, path, report);
	status = problems.errors_count == 0 ? STATUS_OK : STATUS_INVALID;
	if (status == STATUS_OK) {
		config_take_fingerprints(config);
		*config_out = config;
		config = NULL;
	}
out:
	config_free(&config);
	problems_free(&problems);
	buf_free(&file);
	buf_free(&text);
	return status;
}

void config_free(struct config **configp)
{
	struct config *config = *configp;

	if (config == NULL)
		return;
	*configp = NULL;
	settings_release(&settings_of_file, config);
	free(config);
}
