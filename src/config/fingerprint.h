/* SPDX-License-Identifier: MIT */
/*
 * fingerprint.h - settings as numbers that differ when the settings do
 *
 * Promise    Pure. FINGERPRINT_SHOWN is the same whatever the secrets are; FINGERPRINT_ALL differs when
 *            they do, and a secret can be guessed from it: it must not leave the process.
 * Threads    Any.
 */
#ifndef REPOSTAL_CONFIG_FINGERPRINT_H
#define REPOSTAL_CONFIG_FINGERPRINT_H

#include <stdint.h>

#include "setting.h"

#define FINGERPRINT_START UINT64_C(0xcbf29ce484222325)

struct config;

enum fingerprint_scope {
	FINGERPRINT_ALL,
	FINGERPRINT_SHOWN,
};

/* Goes on from hash, which is FINGERPRINT_START or another setting's result. */
uint64_t setting_fingerprint(
	const struct setting *row, const void *base, enum fingerprint_scope scope, uint64_t hash);

/* Fills the fingerprints of config and of its targets. */
void config_take_fingerprints(struct config *config);

#endif
