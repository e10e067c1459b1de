/* SPDX-License-Identifier: MIT */
#include "api_offline.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "repostal/control.h"
#include "repostal/memory.h"

struct api_offline {
	const struct config *config;
	struct control_offline *backend;
	struct control *control;
	bool has_store; /* as its owner */
};

struct api_offline *api_offline_new(const struct config *config)
{
	struct api_offline *offline = memory_zalloc(sizeof(*offline));

	offline->config = config;
	return offline;
}

void api_offline_free(struct api_offline **offlinep)
{
	struct api_offline *offline = *offlinep;

	if (offline == NULL)
		return;
	*offlinep = NULL;
	if (offline->control != NULL) {
		control_close(&offline->control);
		control_offline_free(&offline->backend);
	}
	free(offline);
}

static void start(struct api_offline *offline)
{
	const struct config *config = offline->config;
	struct control_offline_settings settings = {
		.store = &config->store,
		.sources = config->sources,
		.sources_count = config->sources_count,
		.targets = config->targets,
		.targets_count = config->targets_count,
		.translate = &config->translate,
		.fingerprint = config->fingerprint,
	};

	offline->backend = control_offline_new(&settings);
	offline->control = control_open(&(struct control_settings){
		.backend = &control_offline_backend,
		.context = offline->backend,
		.store = &config->store,
	});
}

/*
 * A store that is made here would belong to the caller, and not to the gateway's user, who then
 * could not open it.
 */
static enum status take_store(struct api_offline *offline, struct error *err)
{
	const char *path = offline->config->store.path;
	enum status status;

	if (offline->has_store)
		return STATUS_OK;
	if (offline->config->store.backend == STORE_SQLITE && access(path, F_OK) != 0) {
		error_set(err, "no gateway runs, and there is no store '%s'", path);
		return STATUS_NOT_FOUND;
	}
	status = control_offline_take(offline->backend, err);
	offline->has_store = status == STATUS_OK;
	return status;
}

enum status api_offline_call(struct api_offline *offline, const char *method, const char *path,
	const char *query, const char *body, int *http_status_out, struct buf *answer,
	struct error *err)
{
	struct control_request request = {
		.method = slice_text(method),
		.path = slice_text(path),
		.query = slice_text(query),
		.content_type = slice_text(body == NULL ? NULL : "application/json"),
		.body = slice_text(body),
		.shows_urls = true, /* the one who asks has read the configuration */
	};
	struct control_answer handled;
	enum status status = STATUS_OK;

	if (offline->control == NULL)
		start(offline);
	if (strcmp(method, "GET") != 0)
		status = take_store(offline, err);
	if (status != STATUS_OK)
		return status;
	control_handle(offline->control, &request, &handled);
	*http_status_out = handled.status;
	if (!buf_append_slice(answer, buf_slice(&handled.body))) {
		error_set(err, "the answer is too long");
		status = STATUS_FULL;
	}
	buf_free(&handled.body);
	return status;
}
