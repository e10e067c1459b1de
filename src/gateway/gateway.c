/* SPDX-License-Identifier: MIT */
/*
 * The whole machine on one page: what is started in which order, how it is reloaded, and what is
 * stopped in which order.
 *
 *   start   keys, sockets, store (with the names of sources and targets), store thread, delivery,
 *           then the listeners: nobody is served before everything behind is there
 *   wait    a database may come later than we do: then the listeners run first, every event gets its 503,
 *           and the rest of the start follows when the database is there
 *   reload  everything that can fail is tried first; then delivery, inbound and the certificate change
 *           over, each between two events
 *   stop    public listener (what was begun is answered), delivery (what is in flight comes home),
 *           admin listener, store thread (writes what is left), then memory
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway_private.h"
#include "preflight.h"
#include "repostal/clock.h"
#include "repostal/log.h"
#include "repostal/memory.h"
#include "repostal/supervisor.h"

enum {
	ADMIN_DRAIN_MS = 500,
	STOP_GRACE_MS = 5000, /* beyond shutdown_timeout: what is cut off has to come to its end */
	LOG_FLUSH_MS = 1000,
	EXIT_STOPPED_AT_ONCE = 1,
};

/* A new configuration that is good in itself and can follow the present one. */
static enum status load_next(
	struct gateway *gateway, struct generation **next_out, struct error *err)
{
	struct config *config = NULL;
	const char *fixed;
	enum status status = preflight_load(gateway->config_path, &config, err);

	if (status != STATUS_OK)
		goto out;
	fixed = config_needs_restart(gateway->first->config, config);
	if (fixed != NULL) {
		error_set(err, "'%s' cannot change while the gateway runs: restart it", fixed);
		status = STATUS_INVALID;
		goto out;
	}
	status = generation_new(&config, gateway->current.generation->number + 1, next_out, err);
out:
	config_free(&config);
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

	gateway_copy_names(registration->gateway, store);
	return status;
}

/* Nothing of this can fail. */
static void change_over(
	struct gateway *gateway, struct generation *next, struct http_tls **tls_taken)
{
	gateway_note_configuration(gateway);
	generation_slot_set(&gateway->current, next);
	if (gateway->opening == NULL)
		inbound_open(gateway->inbound, &next->inbound);
	gateway_show_generation(gateway);
	http_server_use_tls(gateway->public_server, tls_taken);
	log_configure(&next->config->log);
}

/* Where there is a store: the new numbers, and delivery. */
static enum status carry_over(struct gateway *gateway, struct generation *next, struct error *err)
{
	struct registration registration = { .gateway = gateway, .generation = next };
	enum status status;

	if (gateway->opening != NULL)
		return STATUS_OK;
	status = store_thread_call(gateway->store_thread, register_next, &registration, err);
	if (status == STATUS_OK)
		status = dispatcher_reload(gateway->dispatcher, &next->dispatcher, err);
	return status;
}

/* False: everything is as it was. */
static bool reload(struct gateway *gateway)
{
	char fingerprint[GENERATION_FINGERPRINT_SIZE];
	struct generation *next = NULL;
	struct http_tls *tls = NULL;
	struct error err = { .text = "" };
	enum status status = load_next(gateway, &next, &err);

	/* Once more, after the check: the files may have been exchanged in between. */
	if (status == STATUS_OK)
		status = http_tls_load(&next->config->listen, &tls, &err);
	if (status == STATUS_OK)
		status = carry_over(gateway, next, &err);
	if (status != STATUS_OK) {
		log_event(LOG_LEVEL_ERROR, "gateway.reload_failed", LOG_STR("error", err.text),
			LOG_INT("generation", gateway->current.generation->number));
		control_live_note_reload(&gateway->control_live, &err);
		gauge_set(&gateway->reload.is_good, 0);
		generation_release(&next);
		http_tls_free(&tls);
		return false;
	}
	change_over(gateway, next, &tls);
	control_live_note_reload(&gateway->control_live, NULL);
	generation_fingerprint(next, fingerprint);
	log_event(LOG_LEVEL_INFO, "gateway.reloaded", LOG_INT("generation", next->number),
		LOG_STR("fingerprint", fingerprint),
		LOG_INT("sources", (int64_t)next->config->sources_count),
		LOG_INT("targets", (int64_t)next->config->targets_count),
		LOG_INT("stranded", gateway->opening == NULL ? gateway_warn_stranded(gateway) : 0));
	return true;
}

static int64_t left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_monotonic_ms();

	return left > 0 ? left : 0;
}

/* The store is made for being cut off: what is committed stays, what is not was not acknowledged. */
static void stop_at_once(int signal_number)
{
	(void)signal_number;
	_exit(EXIT_STOPPED_AT_ONCE);
}

static void on_stop_too_long(int signal_number)
{
	static const char text[] =
		"repostal: the stop takes longer than shutdown_timeout: it is cut off\n";
	struct pollfd output = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&output, 1, 0) == 1 && (output.revents & POLLOUT) != 0)
		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	stop_at_once(signal_number);
}

/*
 * Every wait below has the deadline or a limit of its own, but for what hangs in the system: a disk, a library.
 * Then this ends it.
 */
static void guard_stop(int64_t timeout_ms)
{
	int64_t all_ms = timeout_ms + STOP_GRACE_MS;
	struct itimerval timer = {
		.it_value = { .tv_sec = (time_t)(all_ms / 1000),
			.tv_usec = (suseconds_t)(all_ms % 1000 * 1000) },
	};

	signal(SIGALRM, on_stop_too_long);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static enum status nothing(struct store *store, void *argument, struct error *err)
{
	(void)store;
	(void)argument;
	(void)err;
	return STATUS_OK;
}

/*
 * A request of the admin API is still being carried out, and may use anything: nothing can be freed. What
 * deliveries came to is written before we go.
 */
static void leave(struct gateway *gateway)
{
	if (gateway->store_thread != NULL)
		(void)store_thread_call(gateway->store_thread, nothing, NULL, NULL);
	log_event(LOG_LEVEL_WARN, "gateway.cut_off", LOG_STR("what", "a request of the admin API"));
	log_event(LOG_LEVEL_INFO, "gateway.stopped", LOG_STR("version", REPOSTAL_VERSION));
	log_stop(LOG_FLUSH_MS);
	_exit(EXIT_SUCCESS);
}

static void stop(struct gateway *gateway)
{
	const struct generation *current = gateway->current.generation;
	int64_t timeout_ms = current == NULL ? 0 : current->config->shutdown_timeout_ms;
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

	guard_stop(timeout_ms);
	watchdog_trust(gateway->watchdog);
	admin_refuse(gateway->admin);
	if (gateway->is_listening)
		http_server_drain(gateway->public_server, left_ms(deadline_ms));
	if (gateway->dispatcher != NULL)
		dispatcher_stop(gateway->dispatcher, left_ms(deadline_ms));
	if (gateway->is_listening)
		http_server_drain(gateway->admin_server, left_ms(deadline_ms) + ADMIN_DRAIN_MS);
	store_opening_stop(&gateway->opening, left_ms(deadline_ms));
	if (!admin_stop(gateway->admin, left_ms(deadline_ms) + ADMIN_DRAIN_MS))
		leave(gateway);
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
	watchdog_stop(&gateway->watchdog);
	free(gateway->admin_socket);
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

enum {
	SIGNALS_COUNT = 3 /* that block_signals blocks */
};

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

static void serve_reload(struct gateway *gateway)
{
	char state[64];
	bool is_reloaded;

	snprintf(
		state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_monotonic_us());
	supervisor_notify(state);
	is_reloaded = reload(gateway);
	if (gateway->opening == NULL)
		gateway_notify_ready(gateway, is_reloaded);
	else
		supervisor_notify("READY=1");
}

/*
 * What is pending is taken at once: the kernel hands out the lowest signal first, so that one at a
 * time, reloads that are asked for faster than they are served would hold back a stop. The number
 * of the stop, SIGHUP, or 0 when nothing is pending.
 */
static int take_signals(int signals_fd)
{
	struct signalfd_siginfo infos[SIGNALS_COUNT] = { 0 };
	ssize_t size = read(signals_fd, infos, sizeof(infos));
	int taken = 0;

	for (size_t i = 0; size > 0 && i < (size_t)size / sizeof(infos[0]); i++)
		if (taken == 0 || infos[i].ssi_signo != SIGHUP)
			taken = (int)infos[i].ssi_signo;
	return taken;
}

/* Serves reloads and what comes of the opening; 0: none of the signals that stop us yet. */
static int serve_next(
	struct gateway *gateway, int signals_fd, enum status *status_out, struct error *err)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd, .events = POLLIN },
		{ .fd = gateway->opening == NULL ? -1 : store_opening_fd(gateway->opening),
			.events = POLLIN },
	};
	int taken;

	if (poll(fds, 2, -1) <= 0)
		return 0;
	if (fds[1].revents != 0)
		*status_out = gateway_follow_opening(gateway, err);
	taken = fds[0].revents == 0 ? 0 : take_signals(signals_fd);
	if (taken != SIGHUP)
		return taken;
	serve_reload(gateway);
	return 0;
}

static enum status serve_until_stopped(
	struct gateway *gateway, const sigset_t *set, struct error *err)
{
	int signals_fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	enum status status = STATUS_OK;
	int signal_number = 0;

	REPOSTAL_ASSERT(signals_fd >= 0);
	while (status == STATUS_OK && signal_number == 0)
		signal_number = serve_next(gateway, signals_fd, &status, err);
	close(signals_fd);
	if (signal_number != 0)
		log_event(LOG_LEVEL_INFO, "gateway.stopping",
			LOG_STR("signal", signal_number == SIGINT ? "SIGINT" : "SIGTERM"));
	supervisor_notify("STOPPING=1");
	return status;
}

static void let_second_signal_through(const sigset_t *set)
{
	signal(SIGTERM, stop_at_once);
	signal(SIGINT, stop_at_once);
	/* Before it is let through: one that is pending would end the process. */
	signal(SIGHUP, SIG_IGN);
	pthread_sigmask(SIG_UNBLOCK, set, NULL);
}

enum status gateway_run(const char *config_path, struct config **config_taken, struct error *err)
{
	struct gateway gateway = {
		.config_path = config_path,
		.current = { .mutex = PTHREAD_MUTEX_INITIALIZER },
		.control_live = { .mutex = PTHREAD_MUTEX_INITIALIZER },
	};
	enum status status;
	sigset_t signals;

	raise_file_limit();
	block_signals(&signals);
	status = gateway_start(&gateway, config_taken, err);
	if (status == STATUS_OK) {
		status = serve_until_stopped(&gateway, &signals, err);
		let_second_signal_through(&signals);
	}
	stop(&gateway);
	if (status == STATUS_OK)
		log_event(LOG_LEVEL_INFO, "gateway.stopped", LOG_STR("version", REPOSTAL_VERSION));
	return status;
}
