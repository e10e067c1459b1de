/* SPDX-License-Identifier: MIT */
/*
 * The whole machine on one page: what is started in which order, how it is reloaded, and what is
 * stopped in which order.
 *
 *   start   keys, sockets, store (with the names of sources and targets), store thread, delivery,
 *           then the listeners: nobody is served before everything behind is there
 *   reload  everything that can fail is tried first; then delivery, inbound and the certificate change
 *           over, each between two events
 *   stop    public listener (what was begun is answered), delivery (what is in flight comes home),
 *           admin listener, store thread (writes what is left), then memory
 */
#include "gateway.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control_live.h"
#include "generation.h"
#include "repostal/admin.h"
#include "repostal/clock.h"
#include "repostal/dispatcher.h"
#include "repostal/inbound.h"
#include "repostal/log.h"
#include "repostal/memory.h"
#include "repostal/supervisor.h"

enum {
	ADMIN_BODY_SIZE_MAX = 1024 * 1024,
	ADMIN_CONNECTIONS_MAX = 64,
	ADMIN_DRAIN_MS = 500,
	REPORT_SIZE_MAX = 256 * 1024,
	EXIT_STOPPED_AT_ONCE = 1,
};

struct gateway {
	const char *config_path;
	struct generation *first; /* what cannot change while running is taken from it */
	struct generation_slot current;
	struct http_server *public_server;
	struct http_server *admin_server;
	struct store *store;
	struct store_thread *store_thread;
	struct dispatcher *dispatcher;
	struct inbound *inbound;
	struct admin *admin;
	struct admin_names names;
	struct control_live control_live;
	struct control *control;
};

static enum status open_sockets(struct gateway *gateway, struct error *err)
{
	const struct config *config = gateway->first->config;
	struct http_settings admin_settings = {
		.address = config->admin.address,
		.port = config->admin.port,
		.threads = 1,
		.max_body = ADMIN_BODY_SIZE_MAX,
		.max_connections = ADMIN_CONNECTIONS_MAX,
		.request_timeout_ms = config->listen.request_timeout_ms,
	};
	enum status status;

	gateway->inbound = inbound_new();
	status = http_server_open(
		&config->listen, inbound_handle, gateway->inbound, &gateway->public_server, err);
	if (status != STATUS_OK) {
		error_prefix(err, "listen");
		return status;
	}
	gateway->admin = admin_new();
	status = http_server_open(
		&admin_settings, admin_handle, gateway->admin, &gateway->admin_server, err);
	if (status != STATUS_OK)
		error_prefix(err, "admin");
	return status;
}

/* On the store's thread, whenever names may have come. */
static void copy_names(struct gateway *gateway, const struct store *store)
{
	struct admin_names *names = &gateway->names;

	for (size_t n = names->targets_count; n < store_targets_count(store); n++)
		names->targets[n] = store_target_name(store, (uint16_t)n);
	names->targets_count = store_targets_count(store);
	for (size_t n = names->sources_count; n < store_sources_count(store); n++)
		names->sources[n] = store_source_name(store, (uint16_t)n);
	names->sources_count = store_sources_count(store);
}

static enum status open_store(struct gateway *gateway, struct error *err)
{
	struct generation *generation = gateway->first;
	enum status status =
		store_open(&generation->config->store, clock_schedule_ms(), &gateway->store, err);

	if (status == STATUS_OK)
		status = generation_register(generation, gateway->store, err);
	if (status != STATUS_OK)
		/* INVALID is about the file here: the configuration is not to blame. */
		return status == STATUS_INVALID ? STATUS_IO : status;
	copy_names(gateway, gateway->store);
	return store_thread_start(&gateway->store, inbound_on_batch_done, gateway->inbound,
		&gateway->store_thread, err);
}

static void on_due(void *context, uint16_t target)
{
	dispatcher_look(context, target);
}

static void on_pause(void *context, uint16_t target, bool paused)
{
	dispatcher_pause(context, target, paused);
}

static enum status start_delivery(struct gateway *gateway, struct error *err)
{
	enum status status = dispatcher_open(
		&gateway->first->dispatcher, gateway->store_thread, &gateway->dispatcher, err);

	if (status != STATUS_OK)
		return status;
	inbound_connect(gateway->inbound, gateway->public_server, gateway->store_thread,
		gateway->dispatcher);
	store_thread_follow(gateway->store_thread, &(struct store_news){
							   .context = gateway->dispatcher,
							   .on_due = on_due,
							   .on_pause = on_pause,
						   });
	generation_hold(gateway->first);
	inbound_show(gateway->inbound, &gateway->first->inbound);
	return dispatcher_run(gateway->dispatcher, err);
}

static bool is_loopback(const char *address)
{
	struct address parsed;

	return address_parse(slice_text(address), &parsed) && address_is_loopback(&parsed);
}

static void open_control(struct gateway *gateway)
{
	gateway->control_live = (struct control_live){
		.store = gateway->store_thread,
		.dispatcher = gateway->dispatcher,
		.generations = &gateway->current,
		.started_ms = clock_monotonic_ms(),
	};
	gateway->control = control_open(&(struct control_settings){
		.backend = &control_live_backend,
		.context = &gateway->control_live,
		.store = &gateway->first->config->store,
		.rate_per_second = CONTROL_LIVE_RATE_PER_SECOND,
	});
}

static void start_listeners(struct gateway *gateway)
{
	const struct config *config = gateway->first->config;

	open_control(gateway);
	admin_connect(gateway->admin, &(struct admin_view){
					      .token = config->admin.token,
					      .is_loopback = is_loopback(config->admin.address),
					      .max_backlog = config->store.max_backlog,
					      .store = gateway->store_thread,
					      .dispatcher = gateway->dispatcher,
					      .inbound = gateway->inbound,
					      .names = &gateway->names,
					      .public_server = gateway->public_server,
					      .admin_server = gateway->admin_server,
					      .control = gateway->control,
					      .describe = control_live_describe,
					      .describe_context = &gateway->control_live,
				      });
	http_server_run(gateway->admin_server);
	http_server_run(gateway->public_server);
	log_event(LOG_LEVEL_INFO, "gateway.ready", LOG_STR("version", REPOSTAL_VERSION),
		LOG_STR("address", config->listen.address),
		LOG_INT("port", http_server_port(gateway->public_server)),
		LOG_STR("admin_address", config->admin.address),
		LOG_INT("admin_port", http_server_port(gateway->admin_server)),
		LOG_INT("sources", (int64_t)config->sources_count),
		LOG_INT("targets", (int64_t)config->targets_count),
		LOG_STR("signing", signer_is_on(gateway->first->signer) ? "on" : "off"));
	supervisor_notify("READY=1");
}

static enum status start(struct gateway *gateway, struct config **config_taken, struct error *err)
{
	enum status status = generation_new(config_taken, 1, &gateway->first, err);

	if (status != STATUS_OK)
		return status;
	generation_hold(gateway->first);
	generation_slot_set(&gateway->current, gateway->first);
	status = open_sockets(gateway, err);
	if (status == STATUS_OK)
		status = open_store(gateway, err);
	if (status == STATUS_OK)
		status = start_delivery(gateway, err);
	if (status == STATUS_OK)
		start_listeners(gateway);
	return status;
}

/* A new configuration that is good in itself and can follow the present one. */
static enum status load_next(
	struct gateway *gateway, struct generation **next_out, struct error *err)
{
	struct config *config = NULL;
	const char *fixed;
	struct buf report;
	enum status status;

	buf_init(&report, REPORT_SIZE_MAX);
	status = config_load(gateway->config_path, CONFIG_SECRETS_ALL, &config, &report);
	if (status != STATUS_OK) {
		error_set(err, "%s", report.data == NULL ? "cannot be read" : report.data);
		goto out;
	}
	fixed = config_needs_restart(gateway->first->config, config);
	if (fixed != NULL) {
		error_set(err, "'%s' cannot change while the gateway runs: restart it", fixed);
		status = STATUS_INVALID;
		goto out;
	}
	status = http_tls_check(&config->listen, err);
	if (status == STATUS_OK)
		status = generation_new(
			&config, gateway->current.generation->number + 1, next_out, err);
out:
	config_free(&config);
	buf_free(&report);
	return status;
}

struct registration {
	struct gateway *gateway;
	struct generation *generation;
};

static enum status register_next(struct store *store, void *argument, struct error *err)
{
	struct registration *registration = argument;
	enum status status = generation_register(registration->generation, store, err);

	copy_names(registration->gateway, store);
	return status;
}

/* Nothing of this can fail, but for a certificate that was exchanged in this very moment. */
static void change_over(struct gateway *gateway, struct generation *next)
{
	struct error err;

	generation_hold(next);
	inbound_show(gateway->inbound, &next->inbound);
	if (http_server_reload_tls(gateway->public_server, &next->config->listen, &err) !=
		STATUS_OK)
		log_event(LOG_LEVEL_ERROR, "gateway.tls_kept", LOG_STR("error", err.text));
	log_configure(&next->config->log);
	generation_slot_set(&gateway->current, next);
}

static void reload(struct gateway *gateway)
{
	char fingerprint[GENERATION_FINGERPRINT_SIZE];
	struct registration registration = { .gateway = gateway };
	struct generation *next = NULL;
	struct error err = { .text = "" };
	enum status status = load_next(gateway, &next, &err);

	registration.generation = next;
	if (status == STATUS_OK)
		status = store_thread_call(
			gateway->store_thread, register_next, &registration, &err);
	if (status == STATUS_OK)
		status = dispatcher_reload(gateway->dispatcher, &next->dispatcher, &err);
	if (status != STATUS_OK) {
		log_event(LOG_LEVEL_ERROR, "gateway.reload_failed", LOG_STR("error", err.text),
			LOG_INT("generation", gateway->current.generation->number));
		generation_release(&next);
		return;
	}
	change_over(gateway, next);
	generation_fingerprint(next, fingerprint);
	log_event(LOG_LEVEL_INFO, "gateway.reloaded", LOG_INT("generation", next->number),
		LOG_STR("fingerprint", fingerprint),
		LOG_INT("sources", (int64_t)next->config->sources_count),
		LOG_INT("targets", (int64_t)next->config->targets_count));
}

static int64_t left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_monotonic_ms();

	return left > 0 ? left : 0;
}

static void stop(struct gateway *gateway)
{
	const struct generation *current = gateway->current.generation;
	int64_t timeout_ms = current == NULL ? 0 : current->config->shutdown_timeout_ms;
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

	if (gateway->dispatcher != NULL) {
		http_server_drain(gateway->public_server, left_ms(deadline_ms));
		dispatcher_stop(gateway->dispatcher, left_ms(deadline_ms));
		http_server_drain(gateway->admin_server, ADMIN_DRAIN_MS);
	}
	admin_stop(gateway->admin);
	http_server_stop(&gateway->admin_server);
	control_close(&gateway->control);
	store_thread_stop(&gateway->store_thread);
	http_server_stop(&gateway->public_server);
	store_close(&gateway->store);
	dispatcher_free(&gateway->dispatcher);
	admin_free(&gateway->admin);
	inbound_free(&gateway->inbound);
	generation_slot_set(&gateway->current, NULL);
	generation_release(&gateway->first);
}

/* Connections are file descriptors, ours and the receivers'. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Blocked in every thread that is started from here on; the main thread asks for them. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Serves reloads until it is time to stop. */
static void await_stop_signal(struct gateway *gateway, const sigset_t *set)
{
	int signal_number = 0;

	while (sigwait(set, &signal_number) != 0 || signal_number == SIGHUP) {
		supervisor_notify("RELOADING=1");
		reload(gateway);
		supervisor_notify("READY=1");
	}
	log_event(LOG_LEVEL_INFO, "gateway.stopping",
		LOG_STR("signal", signal_number == SIGINT ? "SIGINT" : "SIGTERM"));
	supervisor_notify("STOPPING=1");
}

/* The store is made for being cut off: what is committed stays, what is not was not acknowledged. */
static void stop_at_once(int signal_number)
{
	(void)signal_number;
	_exit(EXIT_STOPPED_AT_ONCE);
}

static void let_second_signal_through(const sigset_t *set)
{
	signal(SIGTERM, stop_at_once);
	signal(SIGINT, stop_at_once);
	pthread_sigmask(SIG_UNBLOCK, set, NULL);
	signal(SIGHUP, SIG_IGN);
}

enum status gateway_run(const char *config_path, struct config **config_taken, struct error *err)
{
	struct gateway gateway = {
		.config_path = config_path,
		.current = { .mutex = PTHREAD_MUTEX_INITIALIZER },
	};
	enum status status;
	sigset_t signals;

	raise_file_limit();
	block_signals(&signals);
	status = start(&gateway, config_taken, err);
	if (status == STATUS_OK) {
		await_stop_signal(&gateway, &signals);
		let_second_signal_through(&signals);
	}
	stop(&gateway);
	if (status == STATUS_OK)
		log_event(LOG_LEVEL_INFO, "gateway.stopped", LOG_STR("version", REPOSTAL_VERSION));
	return status;
}
