/* SPDX-License-Identifier: MIT */
/*
 * The start, in the order of gateway.c's head. A database may come later than we do: then everything that
 * needs it is put off, and gateway_follow_opening() continues from there.
 */
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway_private.h"
#include "repostal/clock.h"
#include "repostal/handoff.h"
#include "repostal/log.h"
#include "repostal/memory.h"
#include "repostal/store_reader.h"
#include "repostal/supervisor.h"
#include "stranded.h"

enum {
	ADMIN_BODY_SIZE_MAX = 1024 * 1024,
	ADMIN_CONNECTIONS_MAX = 64,
	FIRST_LOOK_MS = 1000,   /* a database that is there has answered by then */
	OPEN_AGAIN_MS = 1000,   /* after it went away in the middle of the start */
	OPENING_ENDS_MS = 5000, /* of a thread that has nothing more to do */
};

/* In a folder that nobody named there may be no socket: the gateway can do without. */
static enum status open_admin_socket(struct gateway *gateway, struct error *err)
{
	enum config_socket kind;
	enum status status;
	struct buf path;

	buf_init(&path, PATH_MAX);
	kind = config_admin_socket(gateway->first->config, getenv("RUNTIME_DIRECTORY"), &path);
	if (kind == CONFIG_SOCKET_NONE) {
		buf_free(&path);
		return STATUS_OK;
	}
	status = http_server_add_local(gateway->admin_server, path.data, err);
	if (status == STATUS_OK) {
		gateway->admin_socket = memory_copy_text(path.data);
	} else if (kind == CONFIG_SOCKET_FOUND) {
		log_event(LOG_LEVEL_WARN, "admin.no_socket", LOG_STR("error", err->text));
		status = STATUS_OK;
	}
	buf_free(&path);
	return status;
}

static void note_own_listeners(struct gateway *gateway)
{
	const struct config *config = gateway->first->config;

	own_listeners_add(
		&gateway->own, config->listen.address, http_server_port(gateway->public_server));
	own_listeners_add(
		&gateway->own, config->admin.address, http_server_port(gateway->admin_server));
}

static enum status open_sockets(struct gateway *gateway, struct error *err)
{
	const struct config *config = gateway->first->config;
	struct http_settings public_settings = config->listen;
	struct http_settings admin_settings = {
		.name = "admin",
		.address = config->admin.address,
		.port = config->admin.port,
		.threads = 1,
		.max_body = ADMIN_BODY_SIZE_MAX,
		.max_connections = ADMIN_CONNECTIONS_MAX,
		.request_timeout_ms = config->listen.request_timeout_ms,
		.may_send_body = admin_may_send_body,
	};
	enum status status;

	public_settings.may_send_body = inbound_may_send_body;
	gateway->inbound = inbound_new();
	status = http_server_open(
		&public_settings, inbound_handle, gateway->inbound, &gateway->public_server, err);
	if (status != STATUS_OK) {
		error_prefix(err, "listen");
		return status;
	}
	gateway->admin = admin_new();
	status = http_server_open(
		&admin_settings, admin_handle, gateway->admin, &gateway->admin_server, err);
	if (status == STATUS_OK) {
		note_own_listeners(gateway);
		status = open_admin_socket(gateway, err);
	}
	if (status != STATUS_OK)
		error_prefix(err, "admin");
	return status;
}

/* The number is nobody's at the moment. */
static const char *name_or_null(const char *name)
{
	return store_name_is_free(name) ? NULL : name;
}

void gateway_copy_names(struct gateway *gateway, const struct store *store)
{
	struct admin_names *names = &gateway->names;

	for (size_t n = 0; n < store_targets_count(store); n++)
		names->targets[n] = name_or_null(store_target_name(store, (uint16_t)n));
	names->targets_count = store_targets_count(store);
	for (size_t n = 0; n < store_sources_count(store); n++)
		names->sources[n] = name_or_null(store_source_name(store, (uint16_t)n));
	names->sources_count = store_sources_count(store);
}

/* INVALID is about what the store holds: the configuration is not to blame. */
static enum status of_store(enum status status)
{
	return status == STATUS_INVALID ? STATUS_IO : status;
}

/* Without it nobody can be told that this is the gateway of its store: the command line then says so. */
static void read_secret(struct gateway *gateway)
{
	struct store_reader *reader = NULL;
	struct error err;
	enum status status = store_reader_open(&gateway->first->config->store, &reader, &err);

	if (status == STATUS_OK)
		status = store_reader_secret(reader, gateway->store_secret, &err);
	store_reader_close(&reader);
	gateway->has_secret = status == STATUS_OK;
	if (status != STATUS_OK)
		log_event(LOG_LEVEL_WARN, "admin.no_identity", LOG_STR("error", err.text));
}

/* The names get their numbers, and the store its thread. */
static enum status take_store(struct gateway *gateway, struct error *err)
{
	enum status status = generation_register(gateway->current.generation, gateway->store, err);

	if (status != STATUS_OK)
		return of_store(status);
	gateway_copy_names(gateway, gateway->store);
	read_secret(gateway);
	return store_thread_start(&gateway->store, inbound_on_batch_done, gateway->inbound,
		&gateway->store_thread, err);
}

static void on_due(void *context, uint16_t target)
{
	dispatcher_wake_all(context, target);
}

static void on_pause(void *context, uint16_t target, bool paused)
{
	dispatcher_pause(context, target, paused);
}

void gateway_show_generation(struct gateway *gateway)
{
	generation_hold(gateway->current.generation);
	inbound_publish(gateway->inbound, &gateway->current.generation->inbound);
}

/* As receivers may reach it: of a listener on every address, by this machine's name. */
static void print_jwks_url(struct gateway *gateway)
{
	const struct http_settings *listen = &gateway->first->config->listen;
	bool is_secure = listen->tls_certificate != NULL && listen->tls_certificate[0] != '\0';
	bool is_wildcard =
		strcmp(listen->address, "0.0.0.0") == 0 || strcmp(listen->address, "::") == 0;
	bool is_v6 = !is_wildcard && strchr(listen->address, ':') != NULL;
	char name[HOST_NAME_MAX + 1] = "localhost";

	if (is_wildcard && gethostname(name, sizeof(name)) == 0)
		name[sizeof(name) - 1] = '\0';
	snprintf(gateway->jwks_url, sizeof(gateway->jwks_url),
		"%s://%s%s%s:%d/.well-known/jwks.json", is_secure ? "https" : "http",
		is_v6 ? "[" : "", is_wildcard ? name : listen->address, is_v6 ? "]" : "",
		http_server_port(gateway->public_server));
}

static enum status start_delivery(struct gateway *gateway, struct error *err)
{
	struct generation *generation = gateway->current.generation;
	enum status status = dispatcher_open(
		&generation->dispatcher, gateway->store_thread, &gateway->dispatcher, err);

	if (status != STATUS_OK)
		return status;
	inbound_connect(gateway->inbound, gateway->public_server, gateway->store_thread,
		gateway->dispatcher);
	store_thread_follow(gateway->store_thread, &(struct store_news){
							   .context = gateway->dispatcher,
							   .on_due = on_due,
							   .on_pause = on_pause,
						   });
	dispatcher_set_own(gateway->dispatcher, &gateway->own);
	print_jwks_url(gateway);
	dispatcher_set_jwks_url(gateway->dispatcher, gateway->jwks_url);
	status = dispatcher_run(gateway->dispatcher, err);
	if (status != STATUS_OK)
		return status;
	inbound_open(gateway->inbound, &generation->inbound);
	if (!gateway->is_listening)
		gateway_show_generation(gateway);
	return STATUS_OK;
}

static bool is_loopback(const char *address)
{
	struct address parsed;

	return address_parse(slice_text(address), &parsed) && address_is_loopback(&parsed);
}

static void open_control(struct gateway *gateway)
{
	gateway->control_live.store = gateway->store_thread;
	gateway->control_live.dispatcher = gateway->dispatcher;
	gateway->control_live.admin = gateway->admin;
	gateway->control = control_open(&(struct control_settings){
		.backend = &control_live_backend,
		.context = &gateway->control_live,
		.store = &gateway->first->config->store,
		.rate_per_second = CONTROL_LIVE_RATE_PER_SECOND,
	});
}

/* What there is of it: without a store there is neither delivery nor control. */
static void show_admin(struct gateway *gateway)
{
	const struct config *config = gateway->first->config;

	snprintf(gateway->admin_place, sizeof(gateway->admin_place), "%s %d", config->admin.address,
		http_server_port(gateway->admin_server));
	admin_connect(gateway->admin,
		&(struct admin_view){
			.token = config->admin.token,
			.read_token = config->admin.read_token,
			.is_loopback = is_loopback(config->admin.address),
			.secret = gateway->has_secret ? gateway->store_secret : NULL,
			.place = gateway->admin_place,
			.max_backlog = config->store.max_backlog,
			.store = gateway->store_thread,
			.dispatcher = gateway->dispatcher,
			.inbound = gateway->inbound,
			.names = &gateway->names,
			.reload = &gateway->reload,
			.public_server = gateway->public_server,
			.admin_server = gateway->admin_server,
			.control = gateway->control,
			.describe = control_live_describe,
			.visit_certificates = control_live_visit_certificates,
			.describe_context = &gateway->control_live,
		});
}

static void run_listeners(struct gateway *gateway)
{
	if (gateway->is_listening)
		return;
	gateway->is_listening = true;
	http_server_run(gateway->admin_server);
	http_server_run(gateway->public_server);
}

static void announce(struct gateway *gateway, enum log_level level, const char *event)
{
	const struct generation *generation = gateway->current.generation;
	const struct config *config = generation->config;

	log_event(level, event, LOG_STR("version", REPOSTAL_VERSION),
		LOG_STR("address", config->listen.address),
		LOG_INT("port", http_server_port(gateway->public_server)),
		LOG_STR("admin_address", config->admin.address),
		LOG_INT("admin_port", http_server_port(gateway->admin_server)),
		LOG_STR("admin_socket",
			gateway->admin_socket == NULL ? "none" : gateway->admin_socket),
		LOG_INT("sources", (int64_t)config->sources_count),
		LOG_INT("targets", (int64_t)config->targets_count),
		LOG_STR("signing", signer_is_on(generation->signer) ? "on" : "off"));
}

static void notify_status(const char *text)
{
	char state[ERROR_TEXT_SIZE + 64];

	snprintf(state, sizeof(state), "READY=1\nSTATUS=%s", text);
	supervisor_notify(state);
}

void gateway_notify_ready(const struct gateway *gateway, bool last_reload_was_good)
{
	const struct config *config = gateway->current.generation->config;
	char text[160];

	snprintf(text, sizeof(text), "Ready: sources %zu, targets %zu, generation %" PRId64 "%s",
		config->sources_count, config->targets_count, gateway->current.generation->number,
		last_reload_was_good ? "" : "; the last reload failed, the log says why");
	notify_status(text);
}

int64_t gateway_warn_stranded(const struct gateway *gateway)
{
	return stranded_warn(gateway->current.generation->config, &gateway->names,
		store_thread_metrics(gateway->store_thread));
}

/* Everything behind the listeners, and then these. */
static enum status start_work(struct gateway *gateway, struct error *err)
{
	enum status status = start_delivery(gateway, err);

	if (status != STATUS_OK)
		return status;
	open_control(gateway);
	show_admin(gateway);
	run_listeners(gateway);
	announce(gateway, LOG_LEVEL_INFO, "gateway.ready");
	(void)gateway_warn_stranded(gateway);
	gateway_notify_ready(gateway, true);
	return STATUS_OK;
}

/* The listeners answer, and say what is missing. */
static void wait_for_store(struct gateway *gateway, const struct error *met)
{
	struct error reason;

	error_set(&reason, "%s", met->text[0] == '\0' ? "store: no answer yet" : met->text);
	if (strcmp(reason.text, gateway->waits_for.text) == 0)
		return;
	gateway->waits_for = reason;
	admin_explain(gateway->admin, reason.text);
	if (!gateway->is_listening) {
		show_admin(gateway);
		gateway_show_generation(gateway);
		run_listeners(gateway);
		announce(gateway, LOG_LEVEL_WARN, "gateway.waiting");
	}
	log_event(LOG_LEVEL_WARN, "store.waiting", LOG_STR("error", reason.text));
	error_prefix(&reason, "Waiting for the database");
	notify_status(reason.text);
}

enum status gateway_follow_opening(struct gateway *gateway, struct error *err)
{
	enum status status = store_opening_look(gateway->opening, &gateway->store, err);

	if (status == STATUS_BUSY) {
		wait_for_store(gateway, err);
		return STATUS_OK;
	}
	store_opening_stop(&gateway->opening, OPENING_ENDS_MS);
	if (status != STATUS_OK)
		return status;
	status = take_store(gateway, err);
	if (status == STATUS_OK)
		return start_work(gateway, err);
	if (status != STATUS_IO)
		return status;
	store_close(&gateway->store);
	wait_for_store(gateway, err);
	return store_opening_start(
		&gateway->first->config->store, OPEN_AGAIN_MS, &gateway->opening, err);
}

/* A database may come later; a file that is not there, or is another's, has to be put right first. */
static enum status find_store(struct gateway *gateway, struct error *err)
{
	const struct store_settings *settings = &gateway->first->config->store;
	struct pollfd news = { .events = POLLIN };
	enum status status;

	if (settings->backend == STORE_POSTGRESQL) {
		status = store_opening_start(settings, 0, &gateway->opening, err);
		if (status != STATUS_OK)
			return status;
		news.fd = store_opening_fd(gateway->opening);
		(void)poll(&news, 1, FIRST_LOOK_MS);
		return gateway_follow_opening(gateway, err);
	}
	status = of_store(store_open(settings, clock_schedule_ms(), &gateway->store, err));
	if (status == STATUS_OK)
		status = take_store(gateway, err);
	return status == STATUS_OK ? start_work(gateway, err) : status;
}

void gateway_note_configuration(struct gateway *gateway)
{
	gauge_set(&gateway->reload.is_good, 1);
	gauge_set(&gateway->reload.good_ms, clock_unix_ms());
}

static bool works(void *context, int64_t now_ms)
{
	return admin_sees_work(context, now_ms);
}

enum status gateway_start(struct gateway *gateway, struct config **config_taken, struct error *err)
{
	enum status status = generation_new(config_taken, 1, &gateway->first, err);

	if (status != STATUS_OK)
		return status;
	generation_hold(gateway->first);
	generation_slot_set(&gateway->current, gateway->first);
	gateway->control_live.generations = &gateway->current;
	gateway->control_live.started_ms = clock_monotonic_ms();
	gateway->control_live.started_unix_ms = clock_unix_ms();
	gateway_note_configuration(gateway);
	status = open_sockets(gateway, err);
	if (status != STATUS_OK)
		return status;
	status = find_store(gateway, err);
	if (status == STATUS_OK)
		gateway->watchdog = watchdog_start(works, gateway->admin);
	return status;
}
