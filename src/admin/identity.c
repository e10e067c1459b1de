/* SPDX-License-Identifier: MIT */
/*
 * Asked by the command line before it sends a token, or believes what it is told: another account of this
 * machine may have taken the port while no gateway ran.
 */
#include <stdio.h>

#include "admin_private.h"
#include "repostal/memory.h"
#include "repostal/store_proof.h"

enum {
	BODY_SIZE_MAX = 256
};

_Static_assert((int)STORE_PROOF_SECRET_SIZE == (int)STORE_SECRET_SIZE, "one is made for the other");

static struct slice challenge_of(struct slice query)
{
	static const char name[] = "challenge=";

	if (!slice_starts_nocase(query, name))
		return slice_of(NULL, 0);
	return slice_of(query.data + sizeof(name) - 1, query.size - (sizeof(name) - 1));
}

void admin_answer_identity(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request)
{
	struct slice challenge = challenge_of(request->query);
	char proof[STORE_PROOF_TEXT_SIZE];
	char body[BODY_SIZE_MAX];

	if (!store_proof_is_challenge(challenge)) {
		http_answer_error(exchange, 400,
			"32 to 128 hexadecimal digits in lower case are expected", "challenge",
			"query");
		return;
	}
	if (view->secret == NULL) {
		http_answer_error(
			exchange, 503, "the store cannot be read yet", "server", "server");
		return;
	}
	store_proof_make(view->secret, challenge, request->is_local ? "" : view->place, proof);
	snprintf(body, sizeof(body), "{\"proof\":\"%s\"}", proof);
	http_answer(exchange, &(struct http_answer){
				      .status = 200,
				      .content_type = "application/json",
				      .body = slice_text(body),
				      .headers[0] = ADMIN_NO_SNIFFING,
				      .headers_count = 1,
			      });
}
