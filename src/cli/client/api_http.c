/* SPDX-License-Identifier: MIT */
#include "api_http.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "repostal/local_path.h"
#include "repostal/memory.h"
#include "repostal/url.h"

enum {
	ORIGIN_SIZE_MAX = 512,
	URL_SIZE_MAX = ORIGIN_SIZE_MAX + 32 * 1024, /* a path and a query */
	TOKEN_LINE_SIZE_MAX = 64 * 1024,
	CONNECT_TIMEOUT_MS = 5 * 1000,
	TIMEOUT_MS = 60 * 1000, /* a search through a large store may take a while */
};

struct api_http {
	CURL *easy;
	struct curl_slist *headers;       /* with the token */
	struct curl_slist *plain_headers; /* without */
	struct buf origin;
	struct buf name;
	bool is_local;
	struct local_path place; /* of a local one; its folder stays open */
	bool has_place;
};

static struct curl_slist *append_header(struct curl_slist *list, const char *line)
{
	list = curl_slist_append(list, line);
	REPOSTAL_ASSERT(list != NULL);
	return list;
}

static struct curl_slist *common_headers(void)
{
	return append_header(append_header(NULL, "Content-Type: application/json"), "Expect:");
}

/* The host of a local one is never looked up; it is there for the server to read. */
static void set_place(
	struct api_http *http, const struct admin_settings *admin, const char *socket_path)
{
	struct error unused;

	buf_init(&http->origin, ORIGIN_SIZE_MAX);
	buf_init(&http->name, ORIGIN_SIZE_MAX + PATH_MAX);
	http->is_local = socket_path != NULL;
	if (http->is_local) {
		http->has_place = local_path_open(socket_path, &http->place, &unused) == STATUS_OK;
		buf_append_text(&http->origin, "http://localhost");
		buf_append_text(&http->name, socket_path);
		return;
	}
	url_append_origin(&http->origin, "http", admin->address, admin->port);
	buf_append_slice(&http->name, buf_slice(&http->origin));
}

bool api_http_is_local(const struct api_http *http)
{
	return http->is_local;
}

const char *api_http_name(const struct api_http *http)
{
	return http->name.data;
}

struct api_http *api_http_new(const struct admin_settings *admin, const char *socket_path)
{
	const char *token = admin->token != NULL ? admin->token : admin->read_token;
	struct api_http *http = memory_zalloc(sizeof(*http));
	struct buf line;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	http->easy = curl_easy_init();
	REPOSTAL_ASSERT(http->easy != NULL);
	set_place(http, admin, socket_path);
	http->plain_headers = common_headers();
	http->headers = common_headers();
	if (token != NULL && !http->is_local) {
		buf_init(&line, TOKEN_LINE_SIZE_MAX);
		buf_printf(&line, "Authorization: Bearer %s", token);
		if (!line.overflowed)
			http->headers = append_header(http->headers, line.data);
		buf_free(&line);
	}
	return http;
}

void api_http_free(struct api_http **httpp)
{
	struct api_http *http = *httpp;

	if (http == NULL)
		return;
	*httpp = NULL;
	curl_easy_cleanup(http->easy);
	curl_slist_free_all(http->headers);
	curl_slist_free_all(http->plain_headers);
	if (http->has_place)
		local_path_close(&http->place);
	curl_global_cleanup();
	buf_free(&http->origin);
	buf_free(&http->name);
	free(http);
}

static size_t on_answer(char *data, size_t size, size_t count, void *user)
{
	return buf_append(user, data, size * count) ? size * count : 0;
}

/* The handle keeps its connection when its options are reset. */
static void set_options(struct api_http *http, const char *method, const char *url,
	const char *body, struct curl_slist *headers, struct buf *answer)
{
	CURL *easy = http->easy;

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "repostal/" REPOSTAL_VERSION);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	if (http->is_local)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, http->place.address.sun_path);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
	if (strcmp(method, "GET") == 0)
		return;
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body == NULL ? "" : body);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

/* folder: "/api/v1" for what is below it. */
static enum status exchange(struct api_http *http, const char *method, const char *folder,
	const char *path, const char *query, const char *body, struct curl_slist *headers,
	int *http_status_out, struct buf *answer, struct error *err)
{
	enum status status = STATUS_INVALID;
	long http_status = 0;
	CURLcode code;
	struct buf url;

	if (http->is_local && !http->has_place) {
		error_set(err, "there is no socket %s", http->name.data);
		return STATUS_NOT_FOUND;
	}
	buf_init(&url, URL_SIZE_MAX);
	buf_append_slice(&url, buf_slice(&http->origin));
	buf_printf(&url, "%s%s", folder, path);
	if (query != NULL && query[0] != '\0')
		buf_printf(&url, "?%s", query);
	if (url.overflowed) {
		error_set(err, "the request is too long");
		goto out;
	}
	set_options(http, method, url.data, body, headers, answer);
	code = curl_easy_perform(http->easy);
	if (code == CURLE_COULDNT_CONNECT) {
		error_set(err, "nobody listens at %s", http->name.data);
		status = STATUS_NOT_FOUND;
		goto out;
	}
	if (code != CURLE_OK) {
		error_set(err, "%s: %s", http->name.data, curl_easy_strerror(code));
		status = STATUS_IO;
		goto out;
	}
	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &http_status);
	*http_status_out = (int)http_status;
	status = STATUS_OK;
out:
	buf_free(&url);
	return status;
}

enum status api_http_call(struct api_http *http, const char *method, const char *path,
	const char *query, const char *body, int *http_status_out, struct buf *answer,
	struct error *err)
{
	return exchange(http, method, "/api/v1", path, query, body, http->headers, http_status_out,
		answer, err);
}

enum status api_http_identify(struct api_http *http, const char *query, int *http_status_out,
	struct buf *answer, struct error *err)
{
	return exchange(http, "GET", "", "/identity", query, NULL, http->plain_headers,
		http_status_out, answer, err);
}
