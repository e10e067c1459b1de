/* SPDX-License-Identifier: MIT */
#include "receiver_keys.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <jansson.h>

#include "cli/command/read_file.h"
#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/rsa_key.h"

enum {
	KEYS_MAX = 64,
	KEY_FILE_SIZE_MAX = 64 * 1024,
	JWKS_SIZE_MAX = 1024 * 1024,
	FETCH_TIMEOUT_MS = 5000,
	FETCH_INTERVAL_MS = 10 * 1000,
	FETCH_INTERVAL_EMPTY_MS = 1000,
};

struct known_key {
	char *kid;
	struct rsa_key *key;
};

struct key_list {
	struct known_key keys[KEYS_MAX];
	size_t count;
};

struct receiver_keys {
	pthread_rwlock_t lock; /* of the list */
	struct key_list list;
	char *url; /* NULL: one given key, whatever the key id says */
	pthread_mutex_t fetching;
	int64_t fetched_ms; /* monotonic; under fetching */
};

static struct receiver_keys *keys_new(const char *url)
{
	struct receiver_keys *keys = memory_zalloc(sizeof(*keys));

	keys->url = url == NULL ? NULL : memory_copy_text(url);
	pthread_rwlock_init(&keys->lock, NULL);
	pthread_mutex_init(&keys->fetching, NULL);
	return keys;
}

static void list_clear(struct key_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->keys[i].kid);
		rsa_key_free(&list->keys[i].key);
	}
	list->count = 0;
}

static void list_add(struct key_list *list, const char *kid, struct rsa_key *key_taken)
{
	list->keys[list->count].kid = memory_copy_text(kid);
	list->keys[list->count].key = key_taken;
	list->count++;
}

enum status receiver_keys_load(
	const char *path_or_text, struct receiver_keys **keys_out, struct error *err)
{
	bool is_file = access(path_or_text, F_OK) == 0;
	struct rsa_key *key = NULL;
	enum status status = STATUS_OK;
	struct buf text;

	buf_init(&text, KEY_FILE_SIZE_MAX);
	if (is_file)
		status = cli_read_file(path_or_text, &text, err);
	else
		buf_append_text(&text, path_or_text);
	if (status == STATUS_OK)
		status = rsa_key_parse_public(slice_trim(buf_slice(&text)), &key, err);
	if (status == STATUS_OK) {
		*keys_out = keys_new(NULL);
		list_add(&(*keys_out)->list, rsa_key_id(key), key);
	} else if (!is_file) {
		error_set(err, "neither a file nor a public key");
	}
	buf_free(&text);
	return status;
}

static size_t on_jwks(char *data, size_t size, size_t count, void *user)
{
	return buf_append(user, data, size * count) ? size * count : 0;
}

static enum status download(const char *url, struct buf *out, struct error *err)
{
	enum status status = STATUS_IO;
	CURL *easy = curl_easy_init();
	long http_status = 0;
	CURLcode code;

	REPOSTAL_ASSERT(easy != NULL);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "repostal-listen/" REPOSTAL_VERSION);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)FETCH_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_jwks);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
	code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http_status);
	if (code != CURLE_OK)
		error_set(err, "%s: %s", url, curl_easy_strerror(code));
	else if (http_status != 200)
		error_set(err, "%s: answered %ld", url, http_status);
	else
		status = STATUS_OK;
	curl_easy_cleanup(easy);
	return status;
}

/* Entries that are not RSA keys are other people's business. */
static void list_add_jwk(struct key_list *list, const json_t *jwk)
{
	const char *type = json_string_value(json_object_get(jwk, "kty"));
	const char *n = json_string_value(json_object_get(jwk, "n"));
	const char *e = json_string_value(json_object_get(jwk, "e"));
	const char *kid = json_string_value(json_object_get(jwk, "kid"));
	struct rsa_key *key = NULL;

	if (list->count == KEYS_MAX || type == NULL || strcmp(type, "RSA") != 0)
		return;
	if (rsa_key_from_jwk(slice_text(n), slice_text(e), &key, NULL) != STATUS_OK)
		return;
	list_add(list, kid != NULL ? kid : rsa_key_id(key), key);
}

static enum status fetch_list(const char *url, struct key_list *list, struct error *err)
{
	enum status status;
	struct buf text;
	json_t *jwks = NULL;
	const json_t *jwk;
	size_t i;

	buf_init(&text, JWKS_SIZE_MAX);
	status = download(url, &text, err);
	if (status != STATUS_OK)
		goto out;
	jwks = json_loadb(text.data, text.size, 0, NULL);
	json_array_foreach(json_object_get(jwks, "keys"), i, jwk) list_add_jwk(list, jwk);
	if (list->count == 0) {
		error_set(err, "%s: no RSA key in it", url);
		status = STATUS_INVALID;
	}
out:
	json_decref(jwks);
	buf_free(&text);
	return status;
}

/* Under the fetching mutex. What was known stays when the fetch fails. */
static enum status refresh(struct receiver_keys *keys, struct error *err)
{
	struct key_list fetched = { .count = 0 };
	struct key_list old;
	enum status status = fetch_list(keys->url, &fetched, err);

	keys->fetched_ms = clock_monotonic_ms();
	if (status != STATUS_OK)
		return status;
	pthread_rwlock_wrlock(&keys->lock);
	old = keys->list;
	keys->list = fetched;
	pthread_rwlock_unlock(&keys->lock);
	list_clear(&old);
	return STATUS_OK;
}

enum status receiver_keys_fetch(const char *url, struct receiver_keys **keys_out, struct error *err)
{
	*keys_out = keys_new(url);
	return refresh(*keys_out, err);
}

void receiver_keys_free(struct receiver_keys **keysp)
{
	struct receiver_keys *keys = *keysp;

	if (keys == NULL)
		return;
	*keysp = NULL;
	list_clear(&keys->list);
	pthread_rwlock_destroy(&keys->lock);
	pthread_mutex_destroy(&keys->fetching);
	free(keys->url);
	free(keys);
}

/* A request without a key id may be signed by any key; so may all, when a single key was given. */
static bool may_be_by(const struct receiver_keys *keys, size_t i, struct slice kid)
{
	return keys->url == NULL || kid.size == 0 || slice_is(kid, keys->list.keys[i].kid);
}

static size_t count_candidates(struct receiver_keys *keys, struct slice kid, bool *is_empty)
{
	size_t count = 0;

	pthread_rwlock_rdlock(&keys->lock);
	for (size_t i = 0; i < keys->list.count; i++)
		count += may_be_by(keys, i, kid);
	*is_empty = keys->list.count == 0;
	pthread_rwlock_unlock(&keys->lock);
	return count;
}

static void refresh_if_unknown(struct receiver_keys *keys, struct slice kid)
{
	bool is_empty;

	if (keys->url == NULL || count_candidates(keys, kid, &is_empty) > 0)
		return;
	pthread_mutex_lock(&keys->fetching);
	/* Another thread may have fetched it while we waited for the mutex. */
	if (count_candidates(keys, kid, &is_empty) == 0) {
		int64_t age_ms = clock_monotonic_ms() - keys->fetched_ms;

		if (age_ms >= (is_empty ? FETCH_INTERVAL_EMPTY_MS : FETCH_INTERVAL_MS))
			refresh(keys, NULL);
	}
	pthread_mutex_unlock(&keys->fetching);
}

static enum signature_check check_one(const struct receiver_keys *keys, enum rsa_digest digest,
	struct slice body, struct slice signature, struct slice kid)
{
	enum signature_check check = SIGNATURE_UNKNOWN_KEY;

	if (signature.size == 0)
		return SIGNATURE_NONE;
	for (size_t i = 0; i < keys->list.count; i++) {
		if (!may_be_by(keys, i, kid))
			continue;
		if (rsa_key_verify(keys->list.keys[i].key, digest, body, signature))
			return SIGNATURE_OK;
		check = SIGNATURE_BAD;
	}
	return check;
}

struct signature_checks receiver_keys_check(
	struct receiver_keys *keys, struct slice body, const struct signature_headers *headers)
{
	struct signature_checks checks = {
		.sha1 = headers->sha1.size > 0 ? SIGNATURE_UNCHECKED : SIGNATURE_NONE,
		.sha256 = headers->sha256.size > 0 ? SIGNATURE_UNCHECKED : SIGNATURE_NONE,
	};

	if (keys == NULL || (headers->sha1.size == 0 && headers->sha256.size == 0))
		return checks;
	refresh_if_unknown(keys, headers->kid);
	pthread_rwlock_rdlock(&keys->lock);
	checks.sha1 = check_one(keys, RSA_SHA1, body, headers->sha1, headers->kid);
	checks.sha256 = check_one(keys, RSA_SHA256, body, headers->sha256, headers->kid);
	pthread_rwlock_unlock(&keys->lock);
	return checks;
}
