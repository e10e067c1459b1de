/* SPDX-License-Identifier: MIT */
/*
 * gateway.h - the whole machine
 *
 * Promise    gateway_run() starts everything in order, reloads on SIGHUP, runs until a signal, and
 *            stops in order: no acknowledged event is lost on the way.
 * Threads    The main thread; it blocks there.
 * Errors     STATUS_INVALID: the configuration cannot work; STATUS_BUSY, STATUS_IO: not now.
 */
#ifndef REPOSTAL_GATEWAY_H
#define REPOSTAL_GATEWAY_H

#include "repostal/config.h"
#include "repostal/error.h"

/* Takes the configuration; SIGHUP reads config_path again. */
enum status gateway_run(const char *config_path, struct config **config_taken, struct error *err);

#endif
