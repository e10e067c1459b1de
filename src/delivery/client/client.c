/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <netinet/in.h>

#include "client_failure.h"
#include "client_guard.h"
#include "client_place.h"
#include "client_tls.h"
#include "repostal/address.h"
#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/egress.h"
#include "repostal/memory.h"
#include "repostal/own_listeners.h"
#include "repostal/store.h"
#include "retry_after.h"

enum {
	RECEIVE_BUFFER_SIZE = 4096,
	SOCKET_BUFFER_SIZE = 16 * 1024, /* what a peer can have waiting for us; answers are short */
	HEADER_LINE_SIZE_MAX = 16 * 1024,
	FOLDING_FIXED_VERSION = 0x080200, /* in libcurl's own numbering */
};

struct client {
	CURLM *multi;
	const struct egress_settings *egress;
	const struct own_listeners *own; /* NULL: none are known */
	client_done *on_done;
	void *context;
	uint64_t turn; /* number of the curl_multi_perform() that runs */
	bool renews_handles;
};

/* A libcurl handle with everything set that stays the same, and room for what does not. */
struct client_exchange {
	struct client_exchange *next; /* while it is idle */
	struct client_exchange *next_of_all;
	struct client_target *target;
	CURL *easy;
	void *request;
	int64_t started_ms;
	int64_t started_us; /* monotonic */
	bool active;
	CURLcode code;  /* of an exchange that is over */
	bool is_short;  /* of a descriptor, for its socket */
	bool is_denied; /* egress.deny holds this address */
	bool is_own;    /* or it is ours */
	struct address denied;
	struct client_peer peer;
	struct client_guard guard;
	size_t answer_size;
	char answer[STORE_ANSWER_SIZE_MAX];
	struct curl_slist signature[SIGNATURE_HEADERS]; /* in front of the target's headers */
	char error[CURL_ERROR_SIZE];
};

struct client_target {
	struct client *client;
	const struct target_settings *settings;
	char *url;  /* without user and password */
	char *user; /* NULL: none; as written, not percent-decoded: so does Postal */
	char *password;
	struct curl_slist *headers;
	struct client_exchange *idle;
	struct client_exchange *all;
};

struct client *client_open(const struct egress_settings *egress, int connections_max,
	client_done *on_done, void *context)
{
	struct client *client = memory_zalloc(sizeof(*client));

	curl_global_init(CURL_GLOBAL_DEFAULT);
	client->multi = curl_multi_init();
	REPOSTAL_ASSERT(client->multi != NULL);
	client->egress = egress;
	client->on_done = on_done;
	client->context = context;
	client->renews_handles =
		curl_version_info(CURLVERSION_NOW)->version_num < FOLDING_FIXED_VERSION;
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
	return client;
}

void client_close(struct client **clientp)
{
	struct client *client = *clientp;

	if (client == NULL)
		return;
	*clientp = NULL;
	curl_multi_cleanup(client->multi);
	free(client);
}

/* Splits what libcurl would decode: Postal sends user:password just as the URL spells them. */
static enum status split_url(struct client_target *target, struct error *err)
{
	enum status status = STATUS_INVALID;
	CURLU *url = curl_url();
	char *user = NULL, *password = NULL, *rest = NULL;

	if (curl_url_set(url, CURLUPART_URL, target->settings->url, 0) != CURLUE_OK) {
		error_set(err, "target '%s': not a URL that can be used", target->settings->name);
		goto out;
	}
	if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK) {
		target->user = memory_copy_text(user);
		if (curl_url_get(url, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
			target->password = memory_copy_text(password);
	}
	curl_url_set(url, CURLUPART_USER, NULL, 0);
	curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
	if (curl_url_get(url, CURLUPART_URL, &rest, 0) != CURLUE_OK) {
		error_set(err, "target '%s': not a URL that can be used", target->settings->name);
		goto out;
	}
	target->url = memory_copy_text(rest);
	status = STATUS_OK;
out:
	curl_free(user);
	curl_free(password);
	curl_free(rest);
	curl_url_cleanup(url);
	return status;
}

static void add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	REPOSTAL_ASSERT(longer != NULL);
	*list = longer;
}

static void make_headers(struct client_target *target)
{
	const struct target_settings *settings = target->settings;

	add_header(&target->headers, "Content-Type: application/json");
	/* An envelope is small: do not ask first whether it may be sent. */
	add_header(&target->headers, "Expect:");
	for (size_t i = 0; i < settings->headers_count; i++) {
		struct buf line;

		buf_init(&line, HEADER_LINE_SIZE_MAX);
		buf_append_text(&line, settings->headers[i].name);
		/* libcurl's spelling of a header without a value. */
		buf_append_text(&line, settings->headers[i].value[0] == '\0' ? ";" : ": ");
		buf_append_text(&line, settings->headers[i].value);
		add_header(&target->headers, line.data);
		buf_free(&line);
	}
}

static bool is_forbidden(struct client_exchange *exchange)
{
	const struct client *client = exchange->target->client;
	const struct client_peer *peer = &exchange->peer;
	bool is_own, is_denied;

	if (!peer->is_known)
		return false;
	is_own = client->own != NULL && own_listeners_have(client->own, &peer->address, peer->port,
						client_is_this_machine);
	is_denied = is_own || egress_denies(client->egress, &peer->address);
	if (is_denied) {
		exchange->is_denied = true;
		exchange->is_own = is_own;
		exchange->denied = peer->address;
	}
	return is_denied;
}

static int port_of(const struct sockaddr *address)
{
	/* At the same place in both families. */
	return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
}

/* Whatever a peer sends, little of it is read in one turn. */
static curl_socket_t open_socket(struct client_exchange *exchange, const struct curl_sockaddr *dial)
{
	static const int buffer_size = SOCKET_BUFFER_SIZE;
	int fd = socket(dial->family, dial->socktype | SOCK_CLOEXEC, dial->protocol);

	exchange->is_short = fd < 0 && (errno == EMFILE || errno == ENFILE);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof(buffer_size));
	return fd;
}

/* Runs after name resolution, for each address that libcurl is about to dial. */
static curl_socket_t on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *dial)
{
	struct client_exchange *exchange = data;
	struct client_peer *peer = &exchange->peer;

	(void)purpose;
	peer->is_known = address_from_sockaddr(&dial->addr, &peer->address);
	peer->is_dialled = true;
	peer->port = port_of(&dial->addr);
	if (is_forbidden(exchange))
		return CURL_SOCKET_BAD;
	return open_socket(exchange, dial);
}

/* A connection that is used again may have been made under other rules. */
static int on_before_request(
	void *data, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
	struct client_exchange *exchange = data;
	struct client_peer *peer = &exchange->peer;

	(void)local_ip;
	(void)local_port;
	peer->is_known = address_parse(slice_text(primary_ip), &peer->address);
	peer->port = primary_port;
	if (is_forbidden(exchange))
		return CURL_PREREQFUNC_ABORT;
	client_guard_ask(&exchange->guard);
	return CURL_PREREQFUNC_OK;
}

static size_t on_answer(char *data, size_t size, size_t count, void *user)
{
	struct client_exchange *exchange = user;
	size_t bytes = size * count;
	size_t room = sizeof(exchange->answer) - exchange->answer_size;
	size_t kept = bytes < room ? bytes : room;

	memcpy(exchange->answer + exchange->answer_size, data, kept);
	exchange->answer_size += kept;
	return client_guard_take_body(&exchange->guard, bytes) ? bytes : 0;
}

static void set_options(struct client_exchange *exchange)
{
	struct client_target *target = exchange->target;
	const struct target_settings *settings = target->settings;
	CURL *easy = exchange->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Without it, the end of an attempt waits for a name server that says nothing: all targets would. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_URL, target->url);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "repostal/" REPOSTAL_VERSION);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)settings->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_SIZE);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
		settings->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
	/* "" also keeps proxies named in the environment out. */
	curl_easy_setopt(easy, CURLOPT_PROXY, settings->proxy);
	if (target->user != NULL) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, target->user);
		curl_easy_setopt(
			easy, CURLOPT_PASSWORD, target->password == NULL ? "" : target->password);
	}
	client_set_tls(easy, settings);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_before_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
	client_guard_install(
		&exchange->guard, easy, &target->client->turn, settings->proxy[0] != '\0');
}

static struct client_exchange *exchange_take(struct client_target *target)
{
	struct client_exchange *exchange = target->idle;

	if (exchange != NULL) {
		target->idle = exchange->next;
		return exchange;
	}
	exchange = memory_zalloc(sizeof(*exchange));
	exchange->target = target;
	exchange->easy = curl_easy_init();
	REPOSTAL_ASSERT(exchange->easy != NULL);
	exchange->next_of_all = target->all;
	target->all = exchange;
	set_options(exchange);
	return exchange;
}

enum status client_target_open(struct client *client, const struct target_settings *settings,
	struct client_target **target_out, struct error *err)
{
	struct client_target *target = memory_zalloc(sizeof(*target));
	enum status status;

	target->client = client;
	target->settings = settings;
	status = split_url(target, err);
	if (status != STATUS_OK) {
		client_target_close(&target);
		return status;
	}
	make_headers(target);
	*target_out = target;
	return STATUS_OK;
}

void client_target_close(struct client_target **targetp)
{
	struct client_target *target = *targetp;

	if (target == NULL)
		return;
	*targetp = NULL;
	while (target->all != NULL) {
		struct client_exchange *exchange = target->all;

		target->all = exchange->next_of_all;
		curl_multi_remove_handle(target->client->multi, exchange->easy);
		curl_easy_cleanup(exchange->easy);
		free(exchange);
	}
	curl_slist_free_all(target->headers);
	free(target->url);
	free(target->user);
	free(target->password);
	free(target);
}

void client_target_rebind(struct client_target *target, const struct target_settings *settings)
{
	target->settings = settings;
}

bool client_target_is_idle(const struct client_target *target)
{
	for (const struct client_exchange *exchange = target->all; exchange != NULL;
		exchange = exchange->next_of_all)
		if (exchange->active)
			return false;
	return true;
}

void client_set_egress(struct client *client, const struct egress_settings *egress)
{
	client->egress = egress;
}

void client_set_own(struct client *client, const struct own_listeners *own)
{
	client->own = own;
}

/* The list is read, never changed or freed, by libcurl: its front may be ours and its tail shared. */
static struct curl_slist *chain_headers(
	struct client_exchange *exchange, const struct signature *signature)
{
	if (signature == NULL)
		return exchange->target->headers;
	for (int i = 0; i < SIGNATURE_HEADERS; i++) {
		bool is_last = i == SIGNATURE_HEADERS - 1;

		exchange->signature[i].data = signature->lines[i];
		exchange->signature[i].next =
			is_last ? exchange->target->headers : &exchange->signature[i + 1];
	}
	return exchange->signature;
}

void client_start(struct client_target *target, struct slice body,
	const struct signature *signature, void *request)
{
	struct client_exchange *exchange = exchange_take(target);

	exchange->request = request;
	exchange->active = true;
	exchange->is_short = false;
	exchange->is_denied = false;
	exchange->is_own = false;
	exchange->peer.is_known = false;
	exchange->peer.is_dialled = false;
	exchange->answer_size = 0;
	exchange->error[0] = '\0';
	client_guard_begin(&exchange->guard, exchange->easy, target->settings->timeout_ms);
	exchange->started_ms = clock_unix_ms();
	exchange->started_us = clock_monotonic_us();
	curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDS, body.data);
	curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDSIZE, (long)body.size);
	curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, chain_headers(exchange, signature));
	curl_multi_add_handle(target->client->multi, exchange->easy);
}

static int64_t retry_after_ms(CURL *easy, long status)
{
	struct curl_header *header;

	if (status != 429 && status != 503)
		return -1;
	if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return -1;
	return retry_after_parse_ms(header->value, clock_unix_ms());
}

/*
 * Older versions of libcurl (Debian 12's is one) remember the last header of a handle's previous answer
 * after it is freed, and write to it when the next answer begins with a folded line: any receiver could
 * have us corrupt our memory. A new handle remembers nothing, and costs three microseconds.
 */
static void renew(struct client_exchange *exchange)
{
	CURL *fresh = curl_easy_duphandle(exchange->easy);

	REPOSTAL_ASSERT(fresh != NULL);
	curl_easy_cleanup(exchange->easy);
	exchange->easy = fresh;
}

static void hand_back(
	struct client *client, struct client_exchange *exchange, struct client_result *result)
{
	result->duration_us = clock_monotonic_us() - exchange->started_us;
	curl_multi_remove_handle(client->multi, exchange->easy);
	exchange->active = false;
	client->on_done(client->context, exchange->request, result);
	/* A handle of libcurl 8.14 forgets to free the name that could not be found when it looks for it again. */
	if (client->renews_handles || result->outcome.transport == TRANSPORT_DNS)
		renew(exchange);
	exchange->next = exchange->target->idle;
	exchange->target->idle = exchange;
}

static void take_answer(struct client_exchange *exchange, int status, struct client_result *result)
{
	result->outcome = (struct outcome){
		.transport = TRANSPORT_OK,
		.http_status = status,
		.retry_after_ms = retry_after_ms(exchange->easy, status),
	};
	result->answer = slice_of(exchange->answer, exchange->answer_size);
	if (outcome_result(&result->outcome) != ATTEMPT_2XX)
		cause_print(
			&(struct cause){
				.kind = CAUSE_ANSWER,
				.http_status = status,
				.answer = result->answer,
			},
			exchange->target->settings, result->cause);
}

static void take_failure(
	struct client_exchange *exchange, CURLcode code, long status, struct client_result *result)
{
	const char *reason = client_guard_text(&exchange->guard);
	long proxy_status = 0;
	struct client_failure failure = {
		.easy = exchange->easy,
		.code = code,
		.text = reason != NULL ? reason : exchange->error,
		.http_status = (int)status,
		.is_denied = exchange->is_denied,
		.is_own = exchange->is_own,
		.denied = exchange->denied,
		.peer = exchange->peer,
		.settings = exchange->target->settings,
	};

	curl_easy_getinfo(exchange->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	failure.proxy_status = (int)proxy_status;
	result->outcome = (struct outcome){
		.transport = client_failure_transport(&failure),
		.retry_after_ms = -1,
	};
	client_failure_print(&failure, result->cause);
	result->is_unsent = !client_guard_is_asked(&exchange->guard) &&
			    (exchange->is_short || client_failure_is_shortage(&failure));
	result->answer = slice_text(result->cause);
}

static void finish(struct client *client, struct client_exchange *exchange, CURLcode code)
{
	struct client_result result = { .started_ms = exchange->started_ms };
	long status = 0;

	curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
	code = client_guard_code(&exchange->guard, code);
	/* We hung up because it talks too much: what it said first still counts. */
	if (code == CURLE_OK || client_guard_has_answer(&exchange->guard))
		take_answer(exchange, (int)status, &result);
	else
		take_failure(exchange, code, status, &result);
	hand_back(client, exchange, &result);
}

void client_target_cancel(struct client_target *target)
{
	for (struct client_exchange *exchange = target->all; exchange != NULL;
		exchange = exchange->next_of_all) {
		struct client_result result = {
			.outcome = { .transport = TRANSPORT_INTERRUPTED, .retry_after_ms = -1 },
			.started_ms = exchange->started_ms,
		};

		cause_print(&(struct cause){ .kind = CAUSE_INTERRUPTED }, NULL, result.cause);
		result.answer = slice_text(result.cause);
		if (exchange->active)
			hand_back(target->client, exchange, &result);
	}
}

/*
 * All messages before the first handle is removed: libcurl looks for each handle that goes in the list of
 * messages, and a list that is as long as the number of exchanges would make the cost quadratic.
 */
static struct client_exchange *take_finished(struct client *client)
{
	struct client_exchange *first = NULL, **end = &first;
	CURLMsg *message;
	int queued;

	while ((message = curl_multi_info_read(client->multi, &queued)) != NULL) {
		struct client_exchange *exchange;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
		exchange->code = message->data.result;
		exchange->next = NULL;
		*end = exchange;
		end = &exchange->next;
	}
	return first;
}

void client_perform(struct client *client)
{
	struct client_exchange *finished;
	int running;

	client->turn++;
	curl_multi_perform(client->multi, &running);
	finished = take_finished(client);
	while (finished != NULL) {
		struct client_exchange *exchange = finished;

		finished = exchange->next;
		finish(client, exchange, exchange->code);
	}
}

void client_poll(struct client *client, int64_t timeout_ms)
{
	curl_multi_poll(client->multi, NULL, 0, (int)timeout_ms, NULL);
}

void client_wake(struct client *client)
{
	curl_multi_wakeup(client->multi);
}
