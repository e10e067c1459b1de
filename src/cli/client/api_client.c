/* SPDX-License-Identifier: MIT */
#include "api_client.h"

#include <limits.h>
#include <stdlib.h>

#include "api_http.h"
#include "api_identity.h"
#include "api_offline.h"
#include "repostal/buf.h"
#include "repostal/memory.h"

enum {
	ANSWER_SIZE_MAX = 128 * 1024 * 1024,
	PEERS_MAX = 4,
};

enum way {
	WAY_UNDECIDED,
	WAY_LIVE,
	WAY_OFFLINE
};

/* Of the unit file. */
#define USUAL_RUNTIME_DIRECTORY "/run/repostal"

struct api_client {
	const struct config *config;
	enum way way;
	struct api_http *peers[PEERS_MAX]; /* in the order in which they are asked */
	size_t peers_count;
	struct api_http *http; /* the one that answers, when the way is LIVE */
	struct error doubt;
	struct api_offline *offline;
};

/* The gateway has the socket where its own environment says; ours may be another. */
static void add_sockets(struct api_client *client)
{
	const char *folders[] = { getenv("RUNTIME_DIRECTORY"), USUAL_RUNTIME_DIRECTORY, NULL };
	enum config_socket kind = CONFIG_SOCKET_FOUND;
	struct buf path;

	for (size_t i = 0; i < ARRAY_COUNT(folders) && kind == CONFIG_SOCKET_FOUND; i++) {
		buf_init(&path, PATH_MAX);
		kind = config_admin_socket(client->config, folders[i], &path);
		if (kind != CONFIG_SOCKET_NONE && path.data != NULL && !path.overflowed)
			client->peers[client->peers_count++] =
				api_http_new(&client->config->admin, path.data);
		buf_free(&path);
	}
}

struct api_client *api_client_new(const struct config *config)
{
	struct api_client *client = memory_zalloc(sizeof(*client));

	client->config = config;
	add_sockets(client);
	/* Port 0 is of the system's choice: only the gateway itself knows where it listens. */
	if (config->admin.port != 0)
		client->peers[client->peers_count++] = api_http_new(&config->admin, NULL);
	client->offline = api_offline_new(config);
	return client;
}

void api_client_free(struct api_client **clientp)
{
	struct api_client *client = *clientp;

	if (client == NULL)
		return;
	*clientp = NULL;
	for (size_t i = 0; i < client->peers_count; i++)
		api_http_free(&client->peers[i]);
	api_offline_free(&client->offline);
	free(client);
}

bool api_client_is_live(const struct api_client *client)
{
	return client->way == WAY_LIVE;
}

const char *api_client_doubt(const struct api_client *client)
{
	return client->doubt.text[0] == '\0' ? NULL : client->doubt.text;
}

static void take_peer(struct api_client *client, struct api_http *http)
{
	client->way = WAY_LIVE;
	client->http = http;
}

static bool has_token(const struct config *config)
{
	return config->admin.token != NULL || config->admin.read_token != NULL;
}

/*
 * What can make the socket can read the store, too; a port of this machine is open to any program. So
 * without proof nothing secret goes over TCP, and what comes is not taken for the gateway's word.
 */
static enum status weigh(struct api_client *client, struct api_http *http,
	enum api_identity identity, struct error *err)
{
	bool is_local = api_http_is_local(http);

	switch (identity) {
	case API_IDENTITY_ABSENT:
		return STATUS_OK;
	case API_IDENTITY_PROVEN:
		take_peer(client, http);
		return STATUS_OK;
	case API_IDENTITY_WRONG:
		if (is_local)
			return STATUS_OK;
		error_prefix(err, "nothing was asked of it");
		return STATUS_INVALID;
	case API_IDENTITY_UNKNOWN:
		if (!is_local && has_token(client->config)) {
			error_prefix(err,
				"no token was sent, for it cannot be told whether %s is the "
				"gateway of this store (try as the user that repostal runs as)",
				api_http_name(http));
			return STATUS_IO;
		}
		if (!is_local) {
			client->doubt = *err;
			error_prefix(&client->doubt,
				"it cannot be told whether %s is the gateway of this store",
				api_http_name(http));
		}
		take_peer(client, http);
		return STATUS_OK;
	}
	return STATUS_OK; /* not reached: -Wswitch guards the cases */
}

static enum status find_peer(struct api_client *client, struct error *err)
{
	enum status status = STATUS_OK;

	for (size_t i = 0;
		client->way == WAY_UNDECIDED && status == STATUS_OK && i < client->peers_count;
		i++) {
		struct error why = { .text = "" };

		status = weigh(client, client->peers[i],
			api_identity_ask(client->peers[i], client->config, &why), &why);
		if (status != STATUS_OK)
			*err = why;
	}
	if (status == STATUS_OK && client->way == WAY_UNDECIDED)
		client->way = WAY_OFFLINE;
	return status;
}

static enum status call_offline(struct api_client *client, const char *method, const char *path,
	const char *query, const char *body, int *http_status_out, struct buf *answer,
	struct error *err)
{
	enum status status = api_offline_call(
		client->offline, method, path, query, body, http_status_out, answer, err);

	if (status != STATUS_BUSY)
		return status;
	if (client->peers_count == 0)
		error_prefix(err, "admin.port is 0, so the running gateway cannot be found");
	else if (client->config->admin.port == 0)
		error_prefix(
			err, "nobody answers at admin.socket %s", api_http_name(client->peers[0]));
	else
		error_prefix(err, "nobody answers at admin.address %s, port %d",
			client->config->admin.address, client->config->admin.port);
	return status;
}

static enum status call(struct api_client *client, const char *method, const char *path,
	const char *query, const char *body, int *http_status_out, struct buf *answer,
	struct error *err)
{
	enum status status = find_peer(client, err);

	if (status != STATUS_OK)
		return status;
	if (client->way == WAY_LIVE)
		return api_http_call(
			client->http, method, path, query, body, http_status_out, answer, err);
	return call_offline(client, method, path, query, body, http_status_out, answer, err);
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
			error_set(err, "what answers at %s is not the admin API (%d)",
				client->http == NULL ? "the store" : api_http_name(client->http),
				*http_status_out);
			status = STATUS_INVALID;
		}
	}
	buf_free(&answer);
	free(body_text);
	return status;
}
