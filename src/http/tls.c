/* SPDX-License-Identifier: MIT */
/*
 * TLS 1.2 and 1.3 with OpenSSL's defaults. Without HTTP/2 nothing is negotiated: there is one protocol.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "http_private.h"

static const char *reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text == NULL ? "unknown error" : text;
}

/* Without it, OpenSSL asks for the pass phrase of an encrypted key on the terminal, and waits. */
static int refuse_passphrase(char *buf, int size, int for_writing, void *data)
{
	(void)buf;
	(void)size;
	(void)for_writing;
	(void)data;
	return -1;
}

/* HTTP/2, if the client knows it. One that knows neither of ours gets HTTP/1.1, as without ALPN. */
static int choose_protocol(SSL *tls, const unsigned char **chosen, unsigned char *chosen_size,
	const unsigned char *offered, unsigned offered_size, void *data)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	unsigned char *found = NULL;

	(void)tls;
	(void)data;
	if (SSL_select_next_proto(&found, chosen_size, ours, sizeof(ours) - 1, offered,
		    offered_size) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*chosen = found;
	return SSL_TLSEXT_ERR_OK;
}

enum status http_tls_context(
	const struct http_settings *settings, SSL_CTX **context_out, struct error *err)
{
	enum status status = STATUS_INVALID;
	SSL_CTX *context;

	*context_out = NULL;
	if (settings->tls_certificate == NULL || settings->tls_certificate[0] == '\0')
		return STATUS_OK;
	ERR_clear_error();
	context = SSL_CTX_new(TLS_server_method());
	if (context == NULL) {
		error_set(err, "TLS: %s", reason());
		goto out;
	}
	SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context,
		SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	if (settings->http2 && http_speaks_http2())
		SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	if (SSL_CTX_use_certificate_chain_file(context, settings->tls_certificate) != 1) {
		error_set(err, "TLS certificate '%s': %s", settings->tls_certificate, reason());
		goto out;
	}
	if (SSL_CTX_use_PrivateKey_file(context, settings->tls_key, SSL_FILETYPE_PEM) != 1) {
		error_set(err, "TLS key '%s': %s", settings->tls_key, reason());
		goto out;
	}
	if (SSL_CTX_check_private_key(context) != 1) {
		error_set(err, "TLS key '%s' does not belong to certificate '%s'",
			settings->tls_key, settings->tls_certificate);
		goto out;
	}
	*context_out = context;
	context = NULL;
	status = STATUS_OK;
out:
	SSL_CTX_free(context);
	ERR_clear_error();
	return status;
}
