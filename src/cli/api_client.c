/* SPDX-License-Identifier: MIT */
#include "api_client.h"

#include <stdlib.h>

#include "api_http.h"
#include "api_offline.h"
#include "repostal/memory.h"

enum {
	ANSWER_SIZE_MAX = 128 * 1024 * 1024,
};

enum way {
	WAY_UNDECIDED,
	WAY_LIVE,
	WAY_OFFLINE
};

struct api_client {
	const struct config *config;
	enum way way;
	struct api_http *http;
	struct api_offline *offline;
};

struct api_client *api_client_new(const struct config *config)
{
	struct api_client *client = memory_zalloc(sizeof(*client));

	client->config = config;
	/* Port 0 is of the system's choice: only the gateway itself knows where it listens. */
	if (config->admin.port == 0)
		client->way = WAY_OFFLINE;
	client->http = api_http_new(&config->admin);
	client->offline = api_offline_new(config);
	return client;
}

void api_client_free(struct api_client **clientp)
{
	struct api_client *client = *clientp;

	if (client == NULL)
		return;
	*clientp = NULL;
	api_http_free(&client->http);
	api_offline_free(&client->offline);
	free(client);
}

bool api_client_is_live(const struct api_client *client)
{
	return client->way == WAY_LIVE;
}

static enum status call_offline(struct api_client *client, const char *method, const char *path,
	const char *query, const char *body, int *http_status_out, struct buf *answer,
	struct error *err)
{
	enum status status = api_offline_call(
		client->offline, method, path, query, body, http_status_out, answer, err);

	if (status != STATUS_BUSY)
		return status;
	if (client->config->admin.port == 0)
		error_prefix(err, "admin.port is 0, so the running gateway cannot be found");
	else
		error_prefix(err, "nobody answers at admin.address %s, port %d",
			client->config->admin.address, client->config->admin.port);
	return status;
}

static enum status call(struct api_client *client, const char *method, const char *path,
	const char *query, const char *body, int *http_status_out, struct buf *answer,
	struct error *err)
{
	enum status status = STATUS_NOT_FOUND;

	if (client->way != WAY_OFFLINE)
		status = api_http_call(
			client->http, method, path, query, body, http_status_out, answer, err);
	if (client->way == WAY_UNDECIDED && status == STATUS_OK)
		client->way = WAY_LIVE;
	else if (client->way == WAY_UNDECIDED && status == STATUS_NOT_FOUND)
		client->way = WAY_OFFLINE;
	if (client->way == WAY_OFFLINE)
		status = call_offline(
			client, method, path, query, body, http_status_out, answer, err);
	return status;
}

enum status api_call(struct api_client *client, const char *method, const char *path,
	const char *query, const json_t *body, int *http_status_out, json_t **json_out,
	struct error *err)
{
	char *body_text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
	enum status status;
	struct buf answer;

	buf_init(&answer, ANSWER_SIZE_MAX);
	status = call(client, method, path, query, body_text, http_status_out, &answer, err);
	if (status == STATUS_OK) {
		*json_out = json_loadb(
			answer.data == NULL ? "" : answer.data, answer.size, JSON_ALLOW_NUL, NULL);
		if (!json_is_object(*json_out)) {
			json_decref(*json_out);
			*json_out = NULL;
			error_set(err, "what answers at %s, port %d, is not the admin API (%d)",
				client->config->admin.address, client->config->admin.port,
				*http_status_out);
			status = STATUS_INVALID;
		}
	}
	buf_free(&answer);
	free(body_text);
	return status;
}
