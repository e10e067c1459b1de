/* SPDX-License-Identifier: MIT */
/*
 * client_tls.h - which TLS a target is spoken to with
 *
 * Promise    1.2 at least; the authorities of the target if it names any, else the system's.
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_CLIENT_TLS_H
#define REPOSTAL_DELIVERY_CLIENT_TLS_H

#include <curl/curl.h>

#include "repostal/target_settings.h"

void client_set_tls(CURL *easy, const struct target_settings *settings);

#endif
