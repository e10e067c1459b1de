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

struct loading {
	struct filling_rules rules;
	config_examiner *examine; /* may be NULL */
	void *context;
};

static void parse(const char *text, struct config *config, const struct loading *loading,
	struct problems *problems)
{
	config_t tree;

	config_init(&tree);
	if (config_read_string(&tree, text) != CONFIG_TRUE) {
		problems_error(problems, config_error_line(&tree), "%s", config_error_text(&tree));
	} else {
		fill_config(config, config_root_setting(&tree), &loading->rules, problems);
		rules_check(config, problems);
		choose_threads(&config->listen);
		if (loading->examine != NULL)
			loading->examine(loading->context, config, problems);
	}
	config_destroy(&tree);
}

static enum status verdict(const struct problems *problems)
{
	if (problems->errors_count > 0)
		return STATUS_INVALID;
	return problems->unavailable_count > 0 ? STATUS_BUSY : STATUS_OK;
}

static enum status load(
	const char *path, struct loading *loading, struct config **config_out, struct buf *report)
{
	struct config *config = memory_zalloc(sizeof(*config));
	struct problems problems = { 0 };
	enum status status = STATUS_IO;
	struct buf file;
	struct buf text;
	struct error err;

	config->origins = memory_zalloc(sizeof(*config->origins));
	problems.origins = config->origins;
	buf_init(&file, CONFIG_FILE_SIZE_MAX);
	buf_init(&text, 2 * CONFIG_FILE_SIZE_MAX); /* a number may gain an L */
	if (!file_read(path, &file, &err)) {
		buf_printf(report, "%s: cannot be read: %s\n", path, err.text);
		goto out;
	}
	source_text_make_safe(buf_slice(&file), &text, &problems);
	loading->rules.world_readable = file_is_world_readable(path);
	if (problems.errors_count == 0)
		parse(text.data == NULL ? "" : text.data, config, loading, &problems);
	problems_print(&problems, path, report);
	status = verdict(&problems);
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

enum status config_load(const char *path, enum config_secrets secrets, struct config **config_out,
	struct buf *report)
{
	struct loading loading = { .rules.secrets = secrets };

	return load(path, &loading, config_out, report);
}

enum status config_load_examined(const char *path, config_examiner *examine, void *context,
	struct config **config_out, struct buf *report)
{
	struct loading loading = {
		.rules.secrets = CONFIG_SECRETS_ALL,
		.examine = examine,
		.context = context,
	};

	return load(path, &loading, config_out, report);
}

void config_free(struct config **configp)
{
	struct config *config = *configp;

	if (config == NULL)
		return;
	*configp = NULL;
	settings_release(&settings_of_file, config);
	origins_free(&config->origins);
	free(config);
}
