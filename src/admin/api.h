/* SPDX-License-Identifier: MIT */
/*
 * api.h - /api/v1: requests wait for a thread that may block
 *
 * Promise    The admin loop never waits for the store. No more requests wait than a fixed number; the
 *            rest get a 503.
 * Threads    api_handle() on the admin listener's loop; one worker carries requests out.
 */
#ifndef REPOSTAL_ADMIN_API_H
#define REPOSTAL_ADMIN_API_H

#include "repostal/admin.h"

struct api;

/* The view outlives it. */
struct api *api_start(const struct admin_view *view);
/* What waits, and what comes, is answered with 503 from now on; what is being carried out goes to its end. */
void api_refuse(struct api *api);
/*
 * Ends the worker. False: it was still at work after timeout_ms, and nothing that it may use can be freed.
 */
bool api_stop(struct api **apip, int64_t timeout_ms);

bool api_owns_path(struct slice path);
void api_handle(
	struct api *api, struct http_exchange *exchange, const struct http_request *request);

#endif
