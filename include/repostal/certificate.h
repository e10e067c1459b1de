/* SPDX-License-Identifier: MIT */
/*
 * certificate.h - PEM certificates: their keys, their time, and files of authorities
 *
 * Promise    What is accepted here is what libh2o and libcurl take, and nobody is asked for a pass
 *            phrase. Nothing is kept open.
 * Threads    Any.
 * Ownership  certificate_free() takes a pointer to the pointer and accepts null.
 * Errors     STATUS_IO the file cannot be read; STATUS_INVALID it does not hold what it should. err
 *            names the file.
 */
#ifndef REPOSTAL_CERTIFICATE_H
#define REPOSTAL_CERTIFICATE_H

#include <stdint.h>

#include "repostal/error.h"

struct certificate;

/* Unix time. */
struct certificate_period {
	int64_t begins_ms;
	int64_t ends_ms;
};

/* A certificate, then its chain if it has one. */
enum status certificate_load(
	const char *path, struct certificate **certificate_out, struct error *err);
void certificate_free(struct certificate **certificatep);

struct certificate_period certificate_period(const struct certificate *certificate);
/* Whether path holds the private key of this certificate, not encrypted. */
enum status certificate_check_key(
	const struct certificate *certificate, const char *path, struct error *err);

/* A file of authorities to trust. The period is that of the one that ends last. */
enum status certificate_check_authorities(
	const char *path, struct certificate_period *period_out, struct error *err);

#endif
