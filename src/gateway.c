/* SPDX-License-Identifier: MIT */
/*
 * The whole machine on one page: what is started in which order, and stopped in which.
 *
 *   start   keys, sockets, store (with the names of sources and targets), store thread, delivery,
 *           then the listeners: nobody is served before everything behind is there
 *   stop    public listener (what was begun is answered), delivery (what is in flight comes home),
 *           admin listener, store thread (writes what is left), then memory
 */
#include "gateway.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "posthorn/admin.h"
#include "posthorn/clock.h"
#include "posthorn/dispatcher.h"
#include "posthorn/inbound.h"
#include "posthorn/log.h"
#include "posthorn/memory.h"
#include "posthorn/supervisor.h"

enum {
	JWKS_SIZE_MAX = 64 * 1024,
	ADMIN_BODY_SIZE_MAX = 1024 * 1024,
	ADMIN_CONNECTIONS_MAX = 64,
	ADMIN_DRAIN_MS = 500,
	SIGNING_THREADS_MAX = 16,
	EXIT_STOPPED_AT_ONCE = 1,
};

struct gateway {
	const struct config *config;
	struct signer *signer;
	struct http_server *public_server;
	struct http_server *admin_server;
	struct store *store;
	struct store_thread *store_thread;
	struct dispatcher *dispatcher;
	struct inbound *inbound;
	struct admin *admin;
	struct buf jwks;
	uint16_t *target_numbers;  /* of each configured target */
	const char **target_names; /* of every number the store knows */
	size_t target_names_count;
	struct inbound_source *sources;
	struct inbound_route *routes; /* targets_count for each source */
	struct dispatcher_source *known_sources;
	size_t known_sources_count;
	struct dispatcher_settings dispatcher_settings;
};

static enum status open_sockets(struct gateway *gateway, struct error *err)
{
	const struct config *config = gateway->config;
	struct http_settings admin_settings = {
		.address = config->admin.address,
		.port = config->admin.port,
		.threads = 1,
		.max_body = ADMIN_BODY_SIZE_MAX,
		.max_connections = ADMIN_CONNECTIONS_MAX,
		.request_timeout_ms = config->listen.request_timeout_ms,
	};
	enum status status;

	gateway->inbound = inbound_new(&(struct inbound_settings){
		.sources = gateway->sources,
		.sources_count = config->sources_count,
		.trusted_proxies = &config->trusted_proxies,
		.translate = &config->translate,
		.jwks = buf_slice(&gateway->jwks),
	});
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

static enum status register_names(struct gateway *gateway, struct error *err)
{
	const struct config *config = gateway->config;

	for (size_t i = 0; i < config->sources_count; i++) {
		struct inbound_source *source = &gateway->sources[i];
		enum status status = store_register_source(
			gateway->store, config->sources[i].name, &source->number, err);

		if (status != STATUS_OK)
			return status;
	}
	for (size_t i = 0; i < config->targets_count; i++) {
		enum status status = store_register_target(
			gateway->store, config->targets[i].name, &gateway->target_numbers[i], err);

		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
}

static bool takes_source(const struct target_settings *target, const char *source)
{
	for (size_t i = 0; i < target->sources_count; i++)
		if (strcmp(target->sources[i], source) == 0)
			return true;
	return target->sources_count == 0;
}

static void lay_routes(struct gateway *gateway)
{
	const struct config *config = gateway->config;

	for (size_t i = 0; i < config->sources_count; i++) {
		struct inbound_source *source = &gateway->sources[i];
		struct inbound_route *routes = gateway->routes + i * config->targets_count;

		source->settings = &config->sources[i];
		source->routes = routes;
		for (size_t t = 0; t < config->targets_count; t++) {
			const struct target_settings *target = &config->targets[t];

			if (target->enabled && takes_source(target, config->sources[i].name))
				routes[source->routes_count++] = (struct inbound_route){
					.target = gateway->target_numbers[t],
					.events = target->events,
				};
		}
	}
}

/* Events of a source that is configured no more still wait to be translated under its name. */
static void name_sources(struct gateway *gateway)
{
	const struct config *config = gateway->config;

	gateway->known_sources_count = store_sources_count(gateway->store);
	gateway->known_sources =
		memory_array(gateway->known_sources_count + 1, sizeof(*gateway->known_sources));
	for (size_t n = 0; n < gateway->known_sources_count; n++)
		gateway->known_sources[n] = (struct dispatcher_source){
			.number = (uint16_t)n,
			.name = store_source_name(gateway->store, (uint16_t)n),
		};
	for (size_t i = 0; i < config->sources_count; i++)
		gateway->known_sources[gateway->sources[i].number].defaults =
			&config->sources[i].defaults;
}

static void name_targets(struct gateway *gateway)
{
	gateway->target_names_count = store_targets_count(gateway->store);
	gateway->target_names =
		memory_array(gateway->target_names_count + 1, sizeof(*gateway->target_names));
	for (size_t n = 0; n < gateway->target_names_count; n++)
		gateway->target_names[n] = store_target_name(gateway->store, (uint16_t)n);
}

static enum status open_store(struct gateway *gateway, struct error *err)
{
	enum status status =
		store_open(&gateway->config->store, clock_unix_ms(), &gateway->store, err);

	if (status == STATUS_OK)
		status = register_names(gateway, err);
	if (status != STATUS_OK)
		/* INVALID is about the file here: the configuration is not to blame. */
		return status == STATUS_INVALID ? STATUS_IO : status;
	lay_routes(gateway);
	name_sources(gateway);
	name_targets(gateway);
	return store_thread_start(&gateway->store, gateway->target_names_count,
		inbound_on_batch_done, gateway->inbound, &gateway->store_thread, err);
}

static int signing_threads(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (cores < 1)
		return 1;
	return cores > SIGNING_THREADS_MAX ? SIGNING_THREADS_MAX : (int)cores;
}

static enum status start_delivery(struct gateway *gateway, struct error *err)
{
	const struct config *config = gateway->config;
	enum status status;

	gateway->dispatcher_settings = (struct dispatcher_settings){
		.targets = config->targets,
		.target_numbers = gateway->target_numbers,
		.targets_count = config->targets_count,
		.sources = gateway->known_sources,
		.sources_count = gateway->known_sources_count,
		.translate = &config->translate,
		.egress = &config->egress,
		.signer = gateway->signer,
		.signing_threads = signing_threads(),
	};
	status = dispatcher_open(
		&gateway->dispatcher_settings, gateway->store_thread, &gateway->dispatcher, err);
	if (status != STATUS_OK)
		return status;
	inbound_connect(gateway->inbound, gateway->public_server, gateway->store_thread,
		gateway->dispatcher);
	return dispatcher_run(gateway->dispatcher, err);
}

static bool is_loopback(const char *address)
{
	struct address parsed;

	return address_parse(slice_text(address), &parsed) && address_is_loopback(&parsed);
}

static void start_listeners(struct gateway *gateway)
{
	const struct config *config = gateway->config;

	admin_connect(gateway->admin, &(struct admin_view){
					      .token = config->admin.token,
					      .is_loopback = is_loopback(config->admin.address),
					      .max_backlog = config->store.max_backlog,
					      .store = gateway->store_thread,
					      .dispatcher = gateway->dispatcher,
					      .inbound = gateway->inbound,
					      .sources = gateway->sources,
					      .sources_count = config->sources_count,
					      .target_names = gateway->target_names,
					      .targets_count = gateway->target_names_count,
					      .public_server = gateway->public_server,
				      });
	http_server_run(gateway->admin_server);
	http_server_run(gateway->public_server);
	log_event(LOG_LEVEL_INFO, "gateway.ready", LOG_STR("version", POSTHORN_VERSION),
		LOG_STR("address", config->listen.address),
		LOG_INT("port", http_server_port(gateway->public_server)),
		LOG_STR("admin_address", config->admin.address),
		LOG_INT("admin_port", http_server_port(gateway->admin_server)),
		LOG_INT("sources", (int64_t)config->sources_count),
		LOG_INT("targets", (int64_t)config->targets_count),
		LOG_STR("signing", signer_is_on(gateway->signer) ? "on" : "off"));
	supervisor_notify("READY=1");
}

static enum status start(struct gateway *gateway, struct error *err)
{
	const struct config *config = gateway->config;
	enum status status;

	gateway->sources = memory_array(config->sources_count + 1, sizeof(*gateway->sources));
	gateway->target_numbers =
		memory_array(config->targets_count + 1, sizeof(*gateway->target_numbers));
	gateway->routes = memory_array(
		config->sources_count * config->targets_count + 1, sizeof(*gateway->routes));
	status = signer_load(&config->signing, &gateway->signer, err);
	if (status != STATUS_OK)
		return STATUS_INVALID;
	signer_print_jwks(gateway->signer, &gateway->jwks);
	status = open_sockets(gateway, err);
	if (status == STATUS_OK)
		status = open_store(gateway, err);
	if (status == STATUS_OK)
		status = start_delivery(gateway, err);
	if (status == STATUS_OK)
		start_listeners(gateway);
	return status;
}

static int64_t left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_monotonic_ms();

	return left > 0 ? left : 0;
}

static void stop(struct gateway *gateway)
{
	int64_t deadline_ms = clock_monotonic_ms() + gateway->config->shutdown_timeout_ms;

	if (gateway->dispatcher != NULL) {
		http_server_drain(gateway->public_server, left_ms(deadline_ms));
		dispatcher_stop(gateway->dispatcher, left_ms(deadline_ms));
		http_server_drain(gateway->admin_server, ADMIN_DRAIN_MS);
	}
	http_server_stop(&gateway->admin_server);
	store_thread_stop(&gateway->store_thread);
	http_server_stop(&gateway->public_server);
	store_close(&gateway->store);
	dispatcher_free(&gateway->dispatcher);
	admin_free(&gateway->admin);
	inbound_free(&gateway->inbound);
	signer_free(&gateway->signer);
	buf_free(&gateway->jwks);
	free(gateway->known_sources);
	free(gateway->target_names);
	free(gateway->routes);
	free(gateway->target_numbers);
	free(gateway->sources);
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

static void await_stop_signal(const sigset_t *set)
{
	int signal_number = 0;

	while (sigwait(set, &signal_number) != 0 || signal_number == SIGHUP)
		log_event(LOG_LEVEL_WARN, "gateway.reload_unavailable",
			LOG_STR("advice", "restart to apply a changed configuration"));
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

enum status gateway_run(const struct config *config, struct error *err)
{
	struct gateway gateway = { .config = config };
	enum status status;
	sigset_t signals;

	buf_init(&gateway.jwks, JWKS_SIZE_MAX);
	raise_file_limit();
	block_signals(&signals);
	status = start(&gateway, err);
	if (status == STATUS_OK) {
		await_stop_signal(&signals);
		let_second_signal_through(&signals);
	}
	stop(&gateway);
	if (status == STATUS_OK)
		log_event(LOG_LEVEL_INFO, "gateway.stopped", LOG_STR("version", POSTHORN_VERSION));
	return status;
}
