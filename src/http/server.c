/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "http_private.h"
#include "repostal/clock.h"
#include "repostal/memory.h"

enum {
	DRAIN_POLL_US = 2000,
	HTTP2_IDLE_FACTOR = 4
};

static h2o_hostconf_t *add_host(struct http_server *server, const char *name,
	int (*on_request)(h2o_handler_t *, h2o_req_t *), h2o_handler_t **handler_out)
{
	h2o_hostconf_t *host = h2o_config_register_host(
		&server->config, h2o_iovec_init(name, strlen(name)), UINT16_MAX);
	h2o_pathconf_t *path;

	http_refusals_install(server, &host->fallback_path);
	path = h2o_config_register_path(host, "/", 0);
	http_refusals_install(server, path);
	*handler_out = h2o_create_handler(path, sizeof(**handler_out));
	(*handler_out)->on_req = on_request;
	return host;
}

/* The names of hosts mean nothing: each connection has one host, whatever is asked for. */
static void configure(struct http_server *server)
{
	const struct http_settings *settings = &server->settings;
	const uint64_t timeout_ms = (uint64_t)settings->request_timeout_ms;
	const struct libh2o_http2_settings http2 = {
		.idle_timeout_ms = timeout_ms * HTTP2_IDLE_FACTOR, /* ours comes first */
		.streams_max = HTTP2_STREAMS_MAX,
	};
	h2o_handler_t *handler;

	h2o_config_init(&server->config);
	server->config.server_name = h2o_iovec_init(H2O_STRLIT("repostal"));
	server->config.max_request_entity_size =
		(size_t)settings->max_body + LIBH2O_HTTP2_WINDOW_SIZE;
	server->config.handshake_timeout = timeout_ms;
	server->config.http1.req_timeout = timeout_ms;
	libh2o_set_io_timeout(&server->config, timeout_ms);
	server->config.http1.upgrade_to_http2 = 0;
	libh2o_http2_configure(&server->config, &http2);
	server->host = add_host(server, "http1", http_on_request, &handler);
	server->host_http2 = add_host(server, "http2", http2_on_request, &handler);
	libh2o_handler_streams(handler);
}

void http_server_note_open(struct http_server *server)
{
	sem_post(&server->opened);
}

/* Returns when every loop can be spoken to. */
void http_server_run(struct http_server *server)
{
	server->is_running = true;
	for (size_t i = 0; i < server->loops_count; i++) {
		struct http_loop *loop = &server->loops[i];

		h2o_multithread_create_thread(&loop->thread, NULL, http_loop_main, loop);
	}
	for (size_t i = 0; i < server->loops_count; i++)
		while (sem_wait(&server->opened) != 0)
			continue;
	atomic_store(&server->is_open, true);
}

enum status http_server_open(const struct http_settings *settings, http_handler *handler,
	void *context, struct http_server **server_out, struct error *err)
{
	struct http_server *server = memory_zalloc(sizeof(*server));
	enum status status;
	int fd = -1;

	sem_init(&server->opened, 0, 0);
	pthread_mutex_init(&server->tls_mutex, NULL);
	http_codes_init(&server->metrics);
	server->handler = handler;
	server->handler_context = context;
	server->settings = *settings;
	status = http_tls_context(settings, &server->tls, err);
	if (status != STATUS_OK)
		goto out;
	status = http_listen(settings, &fd, &server->port, err);
	if (status != STATUS_OK)
		goto out;
	configure(server);
	server->loops_count = (size_t)settings->threads;
	server->loops = memory_array(server->loops_count, sizeof(*server->loops));
	for (size_t i = 0; i < server->loops_count; i++)
		if (!http_loop_init(&server->loops[i], server, i, fd)) {
			/* Loops that exist already are left to the process's end, which is near. */
			error_set(err, "cannot start listening: %s", strerror(errno));
			status = STATUS_IO;
			goto out;
		}
	*server_out = server;
	server = NULL;
out:
	if (fd >= 0)
		close(fd);
	if (server != NULL) {
		SSL_CTX_free(server->tls);
		free(server->loops);
		free(server);
	}
	return status;
}

enum status http_server_add_local(struct http_server *server, const char *path, struct error *err)
{
	enum status status = http_local_open(path, &server->local, err);

	if (status == STATUS_OK)
		server->loops[0].local_fd = http_local_take_fd(server->local);
	return status;
}

SSL_CTX *http_server_hold_tls(struct http_server *server)
{
	SSL_CTX *tls;

	pthread_mutex_lock(&server->tls_mutex);
	tls = server->tls;
	if (tls != NULL)
		SSL_CTX_up_ref(tls);
	pthread_mutex_unlock(&server->tls_mutex);
	return tls;
}

enum status http_tls_check(const struct http_settings *settings, struct error *err)
{
	SSL_CTX *tls = NULL;
	enum status status = http_tls_context(settings, &tls, err);

	SSL_CTX_free(tls);
	return status;
}

enum status http_tls_load(
	const struct http_settings *settings, struct http_tls **tls_out, struct error *err)
{
	SSL_CTX *context = NULL;
	enum status status = http_tls_context(settings, &context, err);

	*tls_out = (struct http_tls *)context;
	return status;
}

void http_tls_free(struct http_tls **tlsp)
{
	SSL_CTX_free((SSL_CTX *)*tlsp);
	*tlsp = NULL;
}

void http_server_use_tls(struct http_server *server, struct http_tls **tls_taken)
{
	SSL_CTX *old;

	pthread_mutex_lock(&server->tls_mutex);
	old = server->tls;
	server->tls = (SSL_CTX *)*tls_taken;
	pthread_mutex_unlock(&server->tls_mutex);
	*tls_taken = NULL;
	SSL_CTX_free(old);
}

bool http_server_goes_round(struct http_server *server, int64_t now_ms, int64_t patience_ms)
{
	bool all = true;

	for (size_t i = 0; atomic_load(&server->is_open) && i < server->loops_count; i++)
		if (now_ms - http_loop_ask(&server->loops[i], now_ms) > patience_ms)
			all = false;
	return all;
}

int http_server_port(const struct http_server *server)
{
	return server->port;
}

struct http_metrics *http_server_metrics(struct http_server *server)
{
	return &server->metrics;
}

static void command_all(struct http_server *server, enum http_loop_command command)
{
	for (size_t i = 0; i < server->loops_count; i++)
		http_loop_command(&server->loops[i], command);
}

static bool is_busy(struct http_server *server)
{
	for (size_t i = 0; i < server->loops_count; i++)
		if (atomic_load(&server->loops[i].busy) != 0)
			return true;
	return false;
}

static bool await_idle(struct http_server *server, int64_t timeout_ms)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

	while (is_busy(server)) {
		if (clock_monotonic_ms() >= deadline_ms)
			return false;
		usleep(DRAIN_POLL_US);
	}
	return true;
}

bool http_server_drain(struct http_server *server, int64_t timeout_ms)
{
	if (!server->is_running)
		return true;
	command_all(server, HTTP_LOOP_DRAIN);
	if (await_idle(server, timeout_ms))
		return true;
	command_all(server, HTTP_LOOP_CUT_OFF);
	await_idle(server, HTTP_CUT_OFF_MS);
	return false;
}

void http_server_stop(struct http_server **serverp)
{
	struct http_server *server = *serverp;
	bool is_clean = true;

	if (server == NULL)
		return;
	*serverp = NULL;
	if (server->is_running)
		command_all(server, HTTP_LOOP_END);
	for (size_t i = 0; server->is_running && i < server->loops_count; i++) {
		sem_post(&server->loops[i].let_go);
		pthread_join(server->loops[i].thread, NULL);
	}
	for (size_t i = 0; i < server->loops_count; i++) {
		is_clean = is_clean && atomic_load(&server->loops[i].busy) == 0;
		http_loop_dispose(&server->loops[i]);
	}
	http_local_close(&server->local);
	SSL_CTX_free(server->tls);
	if (!is_clean)
		return;
	h2o_config_dispose(&server->config);
	sem_destroy(&server->opened);
	free(server->loops);
	free(server);
}

const char *http_library_version(void)
{
	return LIBH2O_VERSION;
}

bool http_speaks_http2(void)
{
	return LIBH2O_SPEAKS_HTTP2;
}
