/* SPDX-License-Identifier: MIT */
/*
 * gateway_private.h - what gateway.c and gateway_start.c share; all of it on the main thread
 */
#ifndef REPOSTAL_GATEWAY_PRIVATE_H
#define REPOSTAL_GATEWAY_PRIVATE_H

#include "control_live.h"
#include "gateway.h"
#include "generation.h"
#include "repostal/admin.h"
#include "repostal/dispatcher.h"
#include "repostal/inbound.h"
#include "repostal/own_listeners.h"
#include "repostal/store_opening.h"
#include "repostal/watchdog.h"

enum {
	GATEWAY_URL_SIZE = 512
};

struct gateway {
	const char *config_path;
	struct generation *first; /* what cannot change while running is taken from it */
	struct generation_slot current;
	struct http_server *public_server;
	struct http_server *admin_server;
	char admin_place[GATEWAY_URL_SIZE]; /* as in store_proof.h */
	uint8_t store_secret[STORE_SECRET_SIZE];
	bool has_secret;
	struct own_listeners own;
	char *admin_socket;            /* its path; NULL: none */
	struct store_opening *opening; /* NULL: the store is open */
	struct error waits_for;
	bool is_listening;
	struct store *store;
	struct store_thread *store_thread;
	struct dispatcher *dispatcher;
	struct inbound *inbound;
	struct admin *admin;
	struct admin_names names;
	struct reload_metrics reload;
	char jwks_url[GATEWAY_URL_SIZE]; /* of the public keys */
	struct control_live control_live;
	struct control *control;
	struct watchdog *watchdog;
};

/* gateway_start.c */
/* All of the start, or as much of it as can be done without the database. */
enum status gateway_start(struct gateway *gateway, struct config **config_taken, struct error *err);
/* The opening has news: the store, a reason to wait for it, or that it will never come. */
enum status gateway_follow_opening(struct gateway *gateway, struct error *err);
/* On the store's thread, whenever names may have come. */
void gateway_copy_names(struct gateway *gateway, const struct store *store);
/* To the public side: the present generation. */
void gateway_show_generation(struct gateway *gateway);
/* For those who watch: the present configuration was taken. */
void gateway_note_configuration(struct gateway *gateway);
/* To the service manager: what is at work. */
void gateway_notify_ready(const struct gateway *gateway, bool last_reload_was_good);
/* Returns how many deliveries wait for nobody. */
int64_t gateway_warn_stranded(const struct gateway *gateway);

#endif
