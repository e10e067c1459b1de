/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "check_parts.h"
#include "repostal/buf.h"
#include "repostal/local_path.h"
#include "repostal/memory.h"
#include "repostal/store_reader.h"
#include "repostal/url.h"

enum {
	URL_SIZE_MAX = 512,
	ANSWER_SIZE_MAX = 16 * 1024,
	TIMEOUT_MS = 2 * 1000,
};

/* The default folder is the service manager's to make; one that was chosen is the operator's. */
static enum config_finding gravity_of(const struct config *config, enum status status)
{
	if (status == STATUS_NOT_FOUND && config->store.backend == STORE_SQLITE &&
		strcmp(config->store.path, CONFIG_STORE_PATH_DEFAULT) == 0)
		return CONFIG_WARNING;
	return CONFIG_UNAVAILABLE;
}

void check_store(const struct config *config, struct problems *problems)
{
	bool is_sqlite = config->store.backend == STORE_SQLITE;
	struct error err;
	enum status status;

	if (config_was_refused(problems, &config->store.backend) ||
		config_was_refused(problems, &config->store.path))
		return;
	if (!is_sqlite && (config->store.dsn == NULL ||
				  store_check_settings(&config->store, &err) != STATUS_OK))
		return;
	status = store_reader_probe(&config->store, &err);
	if (status == STATUS_OK)
		return;
	config_report(problems, gravity_of(config, status),
		is_sqlite ? (const void *)&config->store.path : &config->store.dsn, NULL,
		"'%s': %s", is_sqlite ? "store.path" : "store.dsn", err.text);
}

static size_t on_answer(char *data, size_t size, size_t count, void *user)
{
	return buf_append(user, data, size * count) ? size * count : 0;
}

/* Every answer of ours has this line, whatever listener and version it comes from. */
static bool names_repostal(const struct buf *answer)
{
	static const char line[] = "\nserver: repostal";

	for (size_t i = 0; i + sizeof(line) - 1 <= answer->size; i++)
		if (strncasecmp(answer->data + i, line, sizeof(line) - 1) == 0)
			return true;
	return false;
}

static bool repostal_answers(const char *address, int port, bool is_tls)
{
	CURL *easy = curl_easy_init();
	bool is_repostal = false;
	struct buf url, answer;

	REPOSTAL_ASSERT(easy != NULL);
	buf_init(&url, URL_SIZE_MAX);
	buf_init(&answer, ANSWER_SIZE_MAX);
	url_append_origin(&url, is_tls ? "https" : "http", address, port);
	buf_append_text(&url, "/healthz");
	curl_easy_setopt(easy, CURLOPT_URL, url.data);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	/* The question is who is there, not whether he can prove it. */
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HEADER, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
	if (curl_easy_perform(easy) == CURLE_OK)
		is_repostal = names_repostal(&answer);
	buf_free(&url);
	buf_free(&answer);
	curl_easy_cleanup(easy);
	return is_repostal;
}

/* The fields are those of the configuration, which know their lines. */
static void check_listener(struct problems *problems, char *const *address, const int *port,
	bool is_tls, const char *group)
{
	const struct http_settings settings = { .address = *address, .port = *port };
	struct error err;
	enum status status;

	if (config_was_refused(problems, address) || config_was_refused(problems, port))
		return;
	status = http_address_check(&settings, &err);
	if (status == STATUS_OK ||
		(status == STATUS_BUSY && repostal_answers(*address, *port, is_tls)))
		return;
	if (status == STATUS_BUSY)
		config_report(problems, CONFIG_UNAVAILABLE, port, address,
			"'%s.port': another program listens on %s port %d", group, *address, *port);
	else
		config_report(problems, CONFIG_UNAVAILABLE, address, port, "'%s.address': %s",
			group, err.text);
}

/* One that is not named may be missing. */
static void check_socket(const struct config *config, struct problems *problems)
{
	struct local_path place;
	struct error err;
	struct buf path;

	if (config_was_refused(problems, &config->admin.socket))
		return;
	buf_init(&path, PATH_MAX);
	if (config_admin_socket(config, NULL, &path) == CONFIG_SOCKET_GIVEN) {
		if (local_path_open(path.data, &place, &err) == STATUS_OK)
			local_path_close(&place);
		else
			config_report(problems, CONFIG_UNAVAILABLE, &config->admin.socket, NULL,
				"'admin.socket': %s", err.text);
	}
	buf_free(&path);
}

void check_listeners(const struct config *config, struct problems *problems)
{
	const char *certificate = config->listen.tls_certificate;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	check_listener(problems, &config->listen.address, &config->listen.port,
		certificate != NULL && certificate[0] != '\0', "listen");
	check_listener(problems, &config->admin.address, &config->admin.port, false, "admin");
	check_socket(config, problems);
	curl_global_cleanup();
}
