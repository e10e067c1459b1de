/* SPDX-License-Identifier: MIT */
#include "generation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "repostal/certificate.h"
#include "repostal/memory.h"

#define MARK_START UINT64_C(0xcbf29ce484222325)

enum {
	JWKS_SIZE_MAX = 64 * 1024,
	SIGNING_THREADS_MAX = 16,
	LEASE_MARGIN_MS = 25 * 1000, /* renewing may be late, too */
};

static int signing_threads(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (cores < 1)
		return 1;
	return cores > SIGNING_THREADS_MAX ? SIGNING_THREADS_MAX : (int)cores;
}

static void on_view_unused(struct inbound_view *view)
{
	struct generation *generation =
		(struct generation *)((char *)view - offsetof(struct generation, inbound));

	generation_release(&generation);
}

/* What is known without a store: enough to refuse strangers, and to publish the keys. */
static void make_inbound(struct generation *generation)
{
	const struct config *config = generation->config;

	generation->sources = memory_array(config->sources_count + 1, sizeof(struct routed_source));
	for (size_t i = 0; i < config->sources_count; i++)
		generation->sources[i].settings = &config->sources[i];
	generation->rules = (struct event_rules){
		.translate = &config->translate,
		.sources = generation->sources,
		.sources_count = config->sources_count,
	};
	generation->inbound.rules = generation->rules;
	generation->inbound.trusted_proxies = &config->trusted_proxies;
	generation->inbound.jwks = buf_slice(&generation->jwks);
	generation->inbound.on_unused = on_view_unused;
}

static uint64_t add_bytes(uint64_t hash, struct slice bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		hash = (hash ^ (unsigned char)bytes.data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* The keys by what is published of them: their files may lie elsewhere on another machine. */
static int64_t make_config_mark(const struct generation *generation)
{
	uint64_t release = add_bytes(MARK_START, slice_text(REPOSTAL_VERSION));
	uint64_t settings =
		add_bytes(generation->config->shared_fingerprint, buf_slice(&generation->jwks));
	uint64_t low = settings & ((UINT64_C(1) << STORE_CONFIG_MARK_BITS) - 1);

	return (int64_t)((release << STORE_CONFIG_MARK_BITS | low) >> 1 << 1 | 1);
}

/* Whether a file is what it should be has been looked at before: here one that is not has no end. */
static void note_certificate(struct generation *generation, const char *file)
{
	struct certificate *certificate = NULL;

	if (file == NULL || file[0] == '\0')
		return;
	for (size_t i = 0; i < generation->certificates_count; i++)
		if (strcmp(generation->certificates[i].file, file) == 0)
			return;
	if (certificate_load(file, &certificate, NULL) != STATUS_OK)
		return;
	generation->certificates[generation->certificates_count++] = (struct admin_certificate){
		.file = file,
		.ends_ms = certificate_period(certificate).ends_ms,
	};
	certificate_free(&certificate);
}

static void note_certificates(struct generation *generation)
{
	const struct config *config = generation->config;

	generation->certificates =
		memory_array(config->targets_count + 1, sizeof(*generation->certificates));
	note_certificate(generation, config->listen.tls_certificate);
	for (size_t i = 0; i < config->targets_count; i++)
		note_certificate(generation, config->targets[i].tls_certificate);
}

enum status generation_new(struct config **config_taken, int64_t number,
	struct generation **generation_out, struct error *err)
{
	struct generation *generation = memory_zalloc(sizeof(*generation));
	const struct config *config = *config_taken;
	enum status status;

	*config_taken = NULL;
	generation->config = config;
	generation->number = number;
	atomic_store(&generation->references, 1);
	buf_init(&generation->jwks, JWKS_SIZE_MAX);
	status = signer_load(&config->signing, &generation->signer, err);
	if (status == STATUS_OK)
		status = store_check_settings(&config->store, err);
	if (status != STATUS_OK) {
		generation_release(&generation);
		return STATUS_INVALID;
	}
	note_certificates(generation);
	signer_print_jwks(generation->signer, &generation->jwks);
	generation->config_mark = make_config_mark(generation);
	make_inbound(generation);
	generation->target_numbers = memory_array(config->targets_count + 1, sizeof(uint16_t));
	generation->pauses = memory_array(config->targets_count + 1, sizeof(char *));
	*generation_out = generation;
	return STATUS_OK;
}

static enum status register_sources(
	struct generation *generation, struct store *store, struct error *err)
{
	const struct config *config = generation->config;

	for (size_t i = 0; i < config->sources_count; i++) {
		struct routed_source *source = &generation->sources[i];
		enum status status =
			store_register_source(store, config->sources[i].name, &source->number, err);

		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
}

static enum status register_targets(
	struct generation *generation, struct store *store, struct error *err)
{
	const struct config *config = generation->config;

	for (size_t i = 0; i < config->targets_count; i++) {
		uint16_t *number = &generation->target_numbers[i];
		const char *reason;
		enum status status =
			store_register_target(store, config->targets[i].name, number, err);

		if (status != STATUS_OK)
			return status;
		/* A second time when the database went away in the middle of the first. */
		free((char *)(uintptr_t)generation->pauses[i]);
		generation->pauses[i] =
			store_is_paused(store, *number, &reason) ? memory_copy_text(reason) : NULL;
	}
	return STATUS_OK;
}

static void build_routes(struct generation *generation)
{
	const struct config *config = generation->config;

	generation->routes = memory_array(
		config->sources_count * config->targets_count + 1, sizeof(struct event_route));
	for (size_t i = 0; i < config->sources_count; i++) {
		struct event_route *routes = generation->routes + i * config->targets_count;

		generation->sources[i].routes = routes;
		generation->sources[i].routes_count = event_routes_build(config->sources[i].name,
			config->targets, generation->target_numbers, config->targets_count, routes);
	}
}

static void make_dispatcher(struct generation *generation)
{
	const struct config *config = generation->config;

	generation->dispatcher = (struct dispatcher_settings){
		.targets = config->targets,
		.target_numbers = generation->target_numbers,
		.pauses = generation->pauses,
		.targets_count = config->targets_count,
		.rules = generation->rules,
		.egress = &config->egress,
		.signer = generation->signer,
		.signing_threads = signing_threads(),
	};
}

/* Longer than any request takes, so that nobody repeats one that is still under way. */
static int64_t lease_ms(const struct config *config)
{
	int64_t longest_ms = 0;

	for (size_t i = 0; i < config->targets_count; i++)
		if (config->targets[i].timeout_ms > longest_ms)
			longest_ms = config->targets[i].timeout_ms;
	return longest_ms + LEASE_MARGIN_MS;
}

enum status generation_register(
	struct generation *generation, struct store *store, struct error *err)
{
	enum status status = register_sources(generation, store, err);

	if (status == STATUS_OK)
		status = register_targets(generation, store, err);
	if (status != STATUS_OK)
		return status;
	store_set_lease_ms(store, lease_ms(generation->config));
	store_set_config_mark(store, generation->config_mark);
	build_routes(generation);
	make_dispatcher(generation);
	return STATUS_OK;
}

struct generation *generation_slot_hold(struct generation_slot *slot)
{
	struct generation *generation;

	pthread_mutex_lock(&slot->mutex);
	generation = slot->generation;
	if (generation != NULL)
		generation_hold(generation);
	pthread_mutex_unlock(&slot->mutex);
	return generation;
}

void generation_slot_set(struct generation_slot *slot, struct generation *generation_taken)
{
	struct generation *old;

	pthread_mutex_lock(&slot->mutex);
	old = slot->generation;
	slot->generation = generation_taken;
	pthread_mutex_unlock(&slot->mutex);
	generation_release(&old);
}

void generation_hold(struct generation *generation)
{
	atomic_fetch_add(&generation->references, 1);
}

void generation_release(struct generation **generationp)
{
	struct generation *generation = *generationp;
	struct config *config;

	*generationp = NULL;
	if (generation == NULL || atomic_fetch_sub(&generation->references, 1) != 1)
		return;
	for (size_t i = 0; generation->pauses != NULL && i < generation->config->targets_count; i++)
		free((char *)(uintptr_t)generation->pauses[i]);
	free(generation->pauses);
	free(generation->certificates);
	free(generation->routes);
	free(generation->target_numbers);
	free(generation->sources);
	buf_free(&generation->jwks);
	signer_free(&generation->signer);
	config = (struct config *)(uintptr_t)generation->config;
	config_free(&config);
	free(generation);
}

void generation_fingerprint(
	const struct generation *generation, char out[GENERATION_FINGERPRINT_SIZE])
{
	snprintf(out, GENERATION_FINGERPRINT_SIZE, "%016" PRIx64, generation->config->fingerprint);
}
