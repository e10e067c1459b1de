/* SPDX-License-Identifier: MIT */
#include "preflight.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/resource.h>

#include "repostal/certificate.h"
#include "repostal/clock.h"
#include "repostal/dispatcher_settings.h"
#include "repostal/egress.h"
#include "repostal/log.h"
#include "repostal/rsa_key.h"
#include "repostal/system_authorities.h"

enum {
	REPORT_SIZE_MAX = 4 * 1024 * 1024,
	DAY_MS = 24 * 60 * 60 * 1000,
	EXPIRY_WARNING_DAYS = 30,
	/* Beside connections and attempts: the store, logs, loops, the admin listener. */
	DESCRIPTORS_OTHER = 128,
};

/* Where something is said: in which field of which element, and how it is called there. */
struct place {
	struct problems *problems;
	const void *field;
	const void *owner;
	char name[64];
};

static bool is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static struct place place_of(struct problems *problems, const void *field, const void *owner,
	const char *group, const char *name)
{
	struct place place = { .problems = problems, .field = field, .owner = owner };

	(void)snprintf(place.name, sizeof(place.name), "%s.%s", group, name);
	return place;
}

static void refuse(const struct place *place, const struct error *err)
{
	config_report(place->problems, CONFIG_WRONG, place->field, place->owner, "'%s': %s",
		place->name, err->text);
}

/* A warning only: what is old works again as soon as it is renewed, and a gateway must start until
 * then. */
static void check_period(
	const struct place *place, const char *path, const struct certificate_period *period)
{
	int64_t now_ms = clock_unix_ms();
	int64_t left_ms = period->ends_ms - now_ms;

	if (left_ms <= 0)
		config_report(place->problems, CONFIG_WARNING, place->field, place->owner,
			"'%s': '%s' expired %" PRId64 " days ago", place->name, path,
			-left_ms / DAY_MS);
	else if (left_ms < (int64_t)EXPIRY_WARNING_DAYS * DAY_MS)
		config_report(place->problems, CONFIG_WARNING, place->field, place->owner,
			"'%s': '%s' expires in %" PRId64 " days", place->name, path,
			left_ms / DAY_MS);
	else if (period->begins_ms > now_ms)
		config_report(place->problems, CONFIG_WARNING, place->field, place->owner,
			"'%s': '%s' is not valid yet, for another %" PRId64 " days", place->name,
			path, (period->begins_ms - now_ms) / DAY_MS);
}

/* The last word has the library that will use them: it refuses short keys and weak digests, too. */
static void check_pair_in_use(const struct place *place, char *const *certificate, char *const *key)
{
	const struct http_settings settings = { .tls_certificate = *certificate, .tls_key = *key };
	struct error err;

	if (http_tls_check(&settings, &err) != STATUS_OK)
		refuse(place, &err);
}

static void check_pair(struct problems *problems, char *const *certificate, char *const *key,
	const void *owner, const char *group)
{
	struct place at_certificate =
		place_of(problems, certificate, owner, group, "tls.certificate");
	struct place at_key = place_of(problems, key, owner, group, "tls.key");
	struct certificate *loaded = NULL;
	struct certificate_period period;
	struct error err;

	if (!is_given(*certificate) || !is_given(*key))
		return;
	if (certificate_load(*certificate, &loaded, &err) != STATUS_OK) {
		refuse(&at_certificate, &err);
		return;
	}
	period = certificate_period(loaded);
	check_period(&at_certificate, *certificate, &period);
	if (certificate_check_key(loaded, *key, &err) != STATUS_OK)
		refuse(&at_key, &err);
	else
		check_pair_in_use(&at_certificate, certificate, key);
	certificate_free(&loaded);
}

static void check_authorities(const struct target_settings *target, struct problems *problems)
{
	struct place place = place_of(problems, &target->tls_ca, target, "targets", "tls.ca");
	struct certificate_period period;
	struct error err;

	if (!is_given(target->tls_ca))
		return;
	if (certificate_check_authorities(target->tls_ca, &period, &err) == STATUS_OK)
		check_period(&place, target->tls_ca, &period);
	else
		refuse(&place, &err);
}

static bool needs_system_authorities(const struct target_settings *target)
{
	struct config_host host;

	return target->enabled && target->tls_verify && !is_given(target->tls_ca) &&
	       config_dialled_host(target, &host) && host.is_tls;
}

/* Once is enough: what is missing is one package. */
static void check_system_authorities(const struct config *config, struct problems *problems)
{
	const char *path = system_authorities_file();
	struct certificate_period period;
	struct error err;
	size_t i = 0;

	while (i < config->targets_count && !needs_system_authorities(&config->targets[i]))
		i++;
	if (i == config->targets_count || path == NULL ||
		certificate_check_authorities(path, &period, &err) == STATUS_OK)
		return;
	config_report(problems, CONFIG_WRONG, &config->targets[i].url, &config->targets[i],
		"'targets.url': https needs the system's authorities (package ca-certificates), or "
		"'targets.tls.ca': %s",
		err.text);
}

static void check_signing_keys(const struct config *config, struct problems *problems)
{
	for (size_t i = 0; i < config->signing.keys_count; i++) {
		struct place place = place_of(problems, &config->signing.keys[i],
			&config->signing.keys, "signing", "keys");
		struct rsa_key *key = NULL;
		struct error err;

		if (rsa_key_load_private(config->signing.keys[i], &key, NULL, &err) != STATUS_OK)
			refuse(&place, &err);
		rsa_key_free(&key);
	}
}

static void check_store(const struct config *config, struct problems *problems)
{
	struct error err;

	if (config->store.backend == STORE_POSTGRESQL && config->store.dsn == NULL)
		return;
	if (store_check_settings(&config->store, &err) != STATUS_OK)
		config_report(problems, CONFIG_WRONG, &config->store.dsn, &config->store.backend,
			"'store': %s", err.text);
}

static void check_descriptors(const struct config *config, struct problems *problems)
{
	int64_t needed = DESCRIPTORS_OTHER + config->listen.max_connections;
	int64_t in_flight = 0;
	struct rlimit limit;

	for (size_t i = 0; i < config->targets_count; i++)
		in_flight += config->targets[i].concurrency;
	needed += in_flight < DISPATCHER_IN_FLIGHT_MAX ? in_flight : DISPATCHER_IN_FLIGHT_MAX;
	/* The gateway raises its limit as far as it may. */
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY ||
		(int64_t)limit.rlim_max >= needed)
		return;
	config_report(problems, CONFIG_WARNING, &config->listen.max_connections, NULL,
		"'listen.max_connections' and 'targets.concurrency' need %" PRId64
		" file descriptors, %" PRId64
		" are allowed: raise the limit (LimitNOFILE=, ulimit -Hn) or lower them",
		needed, (int64_t)limit.rlim_max);
}

/* Asked for in so many words, and not to be had: everything works without it. */
static void check_http2(const struct config *config, struct problems *problems)
{
	const struct http_settings *listen = &config->listen;

	if (!listen->http2 || !config_was_given(problems, &listen->http2))
		return;
	if (!http_speaks_http2())
		config_report(problems, CONFIG_WARNING, &listen->http2, NULL,
			"'listen.http2': libh2o %s cannot speak HTTP/2: clients get HTTP/1.1",
			http_library_version());
	else if (!is_given(listen->tls_certificate))
		config_report(problems, CONFIG_WARNING, &listen->http2, NULL,
			"'listen.http2': without 'listen.tls' clients get HTTP/1.1");
}

bool preflight_literal_address(const char *host, struct address *address_out)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;
	bool is_literal = getaddrinfo(host, NULL, &hints, &found) == 0;

	is_literal = is_literal && address_from_sockaddr(found->ai_addr, address_out);
	if (found != NULL)
		freeaddrinfo(found);
	return is_literal;
}

static void check_egress(const struct config *config, const struct target_settings *target,
	enum config_finding gravity, struct problems *problems)
{
	struct config_host host;
	struct address address;

	if (!config_dialled_host(target, &host) ||
		!preflight_literal_address(host.name, &address) ||
		!egress_denies(&config->egress, &address))
		return;
	config_report(problems, gravity, host.is_proxy ? &target->proxy : &target->url, target,
		"'%s': %s is forbidden by 'egress.deny': nothing will be delivered to target '%s'",
		host.is_proxy ? "targets.proxy" : "targets.url", host.name,
		target->name == NULL ? "?" : target->name);
}

void preflight_examine(void *context, const struct config *config, struct problems *problems)
{
	const enum config_finding *denied = context;

	check_pair(
		problems, &config->listen.tls_certificate, &config->listen.tls_key, NULL, "listen");
	check_signing_keys(config, problems);
	check_store(config, problems);
	for (size_t i = 0; i < config->targets_count; i++) {
		const struct target_settings *target = &config->targets[i];

		check_pair(problems, &target->tls_certificate, &target->tls_key, target, "targets");
		check_authorities(target, problems);
		check_egress(config, target, *denied, problems);
	}
	check_system_authorities(config, problems);
	check_descriptors(config, problems);
	check_http2(config, problems);
}

/* Of "PATH:LINE: warning: text", the report's own form. */
static bool is_warning(struct slice line, size_t path_size)
{
	static const char mark[] = "warning: ";
	struct slice rest = line;

	if (line.size <= path_size)
		return false;
	rest = slice_of(line.data + path_size + 1, line.size - path_size - 1);
	(void)slice_cut(&rest, ' ');
	return rest.size >= sizeof(mark) - 1 && memcmp(rest.data, mark, sizeof(mark) - 1) == 0;
}

void preflight_log_warnings(const struct buf *report)
{
	struct slice rest = buf_slice(report);

	while (rest.size > 0)
		log_event(LOG_LEVEL_WARN, "config.warning",
			LOG_SLICE("text", slice_cut(&rest, '\n')));
}

static void log_findings(const char *path, const struct buf *report, struct error *err)
{
	struct slice rest = buf_slice(report);
	struct slice first = { 0 };
	size_t count = 0;

	while (rest.size > 0) {
		struct slice line = slice_cut(&rest, '\n');
		bool warning = is_warning(line, strlen(path));

		if (!warning && count++ == 0)
			first = line;
		log_event(warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
			warning ? "config.warning" : "config.problem", LOG_SLICE("text", line));
	}
	if (count == 1)
		error_set(err, "%.*s", (int)first.size, first.data);
	else if (count > 1)
		error_set(err, "%.*s (and %zu more: see config.problem)", (int)first.size,
			first.data, count - 1);
}

enum status preflight_load(const char *path, struct config **config_out, struct error *err)
{
	enum config_finding denied = CONFIG_WARNING;
	struct buf report;
	enum status status;

	buf_init(&report, REPORT_SIZE_MAX);
	status = config_load_examined(path, preflight_examine, &denied, config_out, &report);
	log_findings(path, &report, err);
	buf_free(&report);
	return status;
}
