/* SPDX-License-Identifier: MIT */
#include "client_failure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "repostal/memory.h"

enum {
	PEER_TEXT_SIZE = ADDRESS_TEXT_SIZE + 16,
	HTTP_SWITCHING_PROTOCOLS = 101,
};

static bool has_text(const struct client_failure *failure, const char *part)
{
	return strcasestr(failure->text, part) != NULL;
}

/*
 * With TLS 1.3 a refused client certificate comes as an alert after the handshake. OpenSSL's "unexpected
 * eof" is a connection that ended, as without TLS.
 */
static bool is_tls_alert(const struct client_failure *failure)
{
	return (failure->code == CURLE_SEND_ERROR || failure->code == CURLE_RECV_ERROR) &&
	       has_text(failure, "SSL routines") && !has_text(failure, "unexpected eof");
}

/* An answer arrived, and is not HTTP: libcurl has one code for that and for a connection that broke. */
static bool is_malformed(const struct client_failure *failure)
{
	if (failure->code == CURLE_RECV_ERROR && failure->proxy_status == 0)
		return has_text(failure, "chunk") || has_text(failure, "header");
	return failure->code == CURLE_GOT_NOTHING &&
	       failure->http_status == HTTP_SWITCHING_PROTOCOLS;
}

/* Every other code of libcurl is TRANSPORT_OTHER: an answer that is not HTTP, or our own limits. */
static const struct {
	CURLcode code;
	enum transport transport;
} transports[] = {
	{ CURLE_OPERATION_TIMEDOUT, TRANSPORT_TIMEOUT },
	{ CURLE_COULDNT_RESOLVE_HOST, TRANSPORT_DNS },
	{ CURLE_COULDNT_RESOLVE_PROXY, TRANSPORT_DNS },
	{ CURLE_COULDNT_CONNECT, TRANSPORT_CONNECT },
	{ CURLE_SEND_ERROR, TRANSPORT_CONNECT },
	{ CURLE_SEND_FAIL_REWIND,
		TRANSPORT_CONNECT }, /* a connection that was used again had ended */
	{ CURLE_RECV_ERROR, TRANSPORT_CONNECT },
	{ CURLE_GOT_NOTHING, TRANSPORT_CONNECT },
	{ CURLE_PROXY, TRANSPORT_CONNECT }, /* a SOCKS proxy does not reach the receiver */
	{ CURLE_SSL_CONNECT_ERROR, TRANSPORT_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, TRANSPORT_TLS },
	{ CURLE_SSL_CERTPROBLEM, TRANSPORT_TLS },
	{ CURLE_SSL_CIPHER, TRANSPORT_TLS },
	{ CURLE_SSL_CACERT_BADFILE, TRANSPORT_TLS },
	{ CURLE_SSL_CRL_BADFILE, TRANSPORT_TLS },
	{ CURLE_SSL_ISSUER_ERROR, TRANSPORT_TLS },
	{ CURLE_SSL_INVALIDCERTSTATUS, TRANSPORT_TLS },
	{ CURLE_SSL_PINNEDPUBKEYNOTMATCH, TRANSPORT_TLS },
	{ CURLE_SSL_ENGINE_NOTFOUND, TRANSPORT_TLS },
	{ CURLE_SSL_ENGINE_SETFAILED, TRANSPORT_TLS },
	{ CURLE_SSL_ENGINE_INITFAILED, TRANSPORT_TLS },
	{ CURLE_SSL_SHUTDOWN_FAILED, TRANSPORT_TLS },
	{ CURLE_USE_SSL_FAILED, TRANSPORT_TLS },
	{ CURLE_SSL_CLIENTCERT, TRANSPORT_TLS },
};

enum transport client_failure_transport(const struct client_failure *failure)
{
	if (failure->is_denied)
		return TRANSPORT_DENIED;
	if (is_tls_alert(failure))
		return TRANSPORT_TLS;
	if (is_malformed(failure))
		return TRANSPORT_OTHER;
	for (size_t i = 0; i < ARRAY_COUNT(transports); i++)
		if (transports[i].code == failure->code)
			return transports[i].transport;
	return TRANSPORT_OTHER;
}

/* libcurl, the resolver and OpenSSL all say something else then. */
bool client_failure_is_shortage(const struct client_failure *failure)
{
	int fd;

	if (failure->is_denied || failure->code == CURLE_OPERATION_TIMEDOUT)
		return false;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE;
	close(fd);
	return false;
}

static int64_t connect_limit_ms(const struct target_settings *settings)
{
	return settings->connect_timeout_ms < settings->timeout_ms ? settings->connect_timeout_ms
								   : settings->timeout_ms;
}

static void describe_timeout(const struct client_failure *failure, struct cause *cause)
{
	curl_off_t secured_us = 0;
	long local_port = 0; /* of an established connection: libcurl's time of it includes TLS */
	bool is_secure = strncmp(failure->settings->url, "https", sizeof("https") - 1) == 0;

	curl_easy_getinfo(failure->easy, CURLINFO_LOCAL_PORT, &local_port);
	curl_easy_getinfo(failure->easy, CURLINFO_APPCONNECT_TIME_T, &secured_us);
	cause->limit_ms = connect_limit_ms(failure->settings);
	if (!failure->peer.is_known) {
		cause->kind = CAUSE_NAME_TIMEOUT;
	} else if (failure->peer.is_dialled && local_port == 0) {
		cause->kind = CAUSE_CONNECT_TIMEOUT;
	} else if (failure->peer.is_dialled && is_secure && secured_us == 0) {
		cause->kind = CAUSE_TLS_TIMEOUT;
	} else {
		cause->kind = CAUSE_ANSWER_TIMEOUT;
		cause->limit_ms = failure->settings->timeout_ms;
	}
}

static void describe_connect(const struct client_failure *failure, struct cause *cause)
{
	long os_error = 0;

	curl_easy_getinfo(failure->easy, CURLINFO_OS_ERRNO, &os_error);
	cause->os_error = (int)os_error;
	if (failure->proxy_status > 299) {
		cause->kind = CAUSE_PROXY;
		cause->http_status = failure->proxy_status;
	} else if (failure->code == CURLE_COULDNT_CONNECT || failure->code == CURLE_PROXY) {
		cause->kind = CAUSE_CONNECT;
	} else if (failure->code == CURLE_GOT_NOTHING) {
		cause->kind = CAUSE_CLOSED;
	} else if (strstr(failure->text, "reset by peer") != NULL) {
		cause->kind = CAUSE_CONNECT;
		cause->os_error = ECONNRESET;
	} else {
		cause->kind = CAUSE_BROKEN;
	}
}

/* What libcurl says would mislead. */
static void describe_other(const struct client_failure *failure, struct cause *cause)
{
	if (failure->code == CURLE_GOT_NOTHING)
		cause->detail = "HTTP 101, and no other protocol was asked for";
	else if (failure->code == CURLE_OUT_OF_MEMORY)
		cause->detail = "a line of it is too long, or memory is short";
}

/* "SSL certificate problem: certificate has expired": the second half says it. */
static const char *tls_detail(const char *text, char out[CURL_ERROR_SIZE])
{
	static const char *const openings[] = { "SSL certificate problem: ", "SSL: " };
	const char *routines = strstr(text, "SSL routines:");
	char *end;

	for (size_t i = 0; i < ARRAY_COUNT(openings); i++)
		if (strncmp(text, openings[i], strlen(openings[i])) == 0)
			text += strlen(openings[i]);
	/* "...error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0" */
	if (routines != NULL) {
		routines += sizeof("SSL routines:") - 1;
		text = strchr(routines, ':') == NULL ? routines : strchr(routines, ':') + 1;
	}
	snprintf(out, CURL_ERROR_SIZE, "%s", text);
	end = strstr(out, ", errno ");
	if (end != NULL)
		*end = '\0';
	return out;
}

/* "Could not resolve host: app.example" */
static const char *after_colon(const char *text)
{
	const char *colon = strstr(text, ": ");

	return colon == NULL ? text : colon + 2;
}

static void print_peer(const struct client_peer *peer, char out[PEER_TEXT_SIZE])
{
	char address[ADDRESS_TEXT_SIZE];

	out[0] = '\0';
	if (!peer->is_known)
		return;
	address_format(&peer->address, address);
	snprintf(out, PEER_TEXT_SIZE, strchr(address, ':') == NULL ? "%s:%d" : "[%s]:%d", address,
		peer->port);
}

void client_failure_print(const struct client_failure *failure, char out[CAUSE_SIZE])
{
	char peer[PEER_TEXT_SIZE], tls[CURL_ERROR_SIZE];
	struct cause cause = {
		.kind = CAUSE_OTHER,
		.detail = failure->text[0] != '\0' ? failure->text
						   : curl_easy_strerror(failure->code),
		.peer = peer,
	};

	print_peer(&failure->peer, peer);
	switch (client_failure_transport(failure)) {
	case TRANSPORT_DENIED:
		cause.kind = failure->is_own ? CAUSE_OWN : CAUSE_DENIED;
		address_format(&failure->denied, peer);
		break;
	case TRANSPORT_TIMEOUT:
		describe_timeout(failure, &cause);
		break;
	case TRANSPORT_DNS:
		cause.kind = CAUSE_NAME;
		cause.detail = after_colon(cause.detail);
		break;
	case TRANSPORT_CONNECT:
		describe_connect(failure, &cause);
		break;
	case TRANSPORT_TLS:
		cause.kind = CAUSE_TLS;
		cause.detail = tls_detail(cause.detail, tls);
		break;
	case TRANSPORT_OTHER:
		describe_other(failure, &cause);
		break;
	case TRANSPORT_OK:
	case TRANSPORT_INTERRUPTED:
	case TRANSPORT_GIVEN_UP:
	case TRANSPORT_BACKLOG_FULL:
		break;
	}
	cause_print(&cause, failure->settings, out);
}
