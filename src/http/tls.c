/* SPDX-License-Identifier: MIT */
/*
 * TLS 1.2 and 1.3 with OpenSSL's defaults. No ALPN: libh2o 2.2.5 would then offer HTTP/2, and it
 * predates the fix of the rapid reset attack (CVE-2023-44487).
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
