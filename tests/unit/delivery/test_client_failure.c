/* SPDX-License-Identifier: MIT */
/* What each code of libcurl is counted as. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "client/client_failure.h"
#include "repostal/memory.h"

static enum transport transport_of(CURLcode code, const char *text)
{
	const struct client_failure failure = { .code = code, .text = text };

	return client_failure_transport(&failure);
}

/* All that are not here are "other": a new code of libcurl is one too until it is looked at. */
static void test_every_code(void **state)
{
	static const struct {
		CURLcode code;
		enum transport want;
	} cases[] = {
		{ CURLE_OPERATION_TIMEDOUT, TRANSPORT_TIMEOUT },
		{ CURLE_COULDNT_RESOLVE_HOST, TRANSPORT_DNS },
		{ CURLE_COULDNT_RESOLVE_PROXY, TRANSPORT_DNS },
		{ CURLE_COULDNT_CONNECT, TRANSPORT_CONNECT },
		{ CURLE_SEND_ERROR, TRANSPORT_CONNECT },
		{ CURLE_SEND_FAIL_REWIND, TRANSPORT_CONNECT },
		{ CURLE_RECV_ERROR, TRANSPORT_CONNECT },
		{ CURLE_GOT_NOTHING, TRANSPORT_CONNECT },
		{ CURLE_PROXY, TRANSPORT_CONNECT },
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

	(void)state;
	for (int code = 1; code < CURL_LAST + 10; code++) {
		enum transport want = TRANSPORT_OTHER;
		enum transport got = transport_of((CURLcode)code, "");

		for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
			if ((int)cases[i].code == code)
				want = cases[i].want;
		if (got != want)
			fail_msg("%d (%s): got %d", code, curl_easy_strerror((CURLcode)code),
				(int)got);
	}
}

/* CURLE_RECV_ERROR is a connection that broke as well as an answer that is not HTTP. */
static void test_text(void **state)
{
	static const struct {
		CURLcode code;
		const char *text;
		enum transport want;
	} cases[] = {
		{ CURLE_RECV_ERROR, "Recv failure: Connection reset by peer", TRANSPORT_CONNECT },
		{ CURLE_RECV_ERROR, "Illegal or missing hexadecimal sequence in chunked-encoding",
			TRANSPORT_OTHER },
		{ CURLE_RECV_ERROR, "Malformed encoding found in chunked-encoding",
			TRANSPORT_OTHER },
		{ CURLE_RECV_ERROR, "chunk hex-length char not a hex digit: 0x7a",
			TRANSPORT_OTHER },
		{ CURLE_RECV_ERROR, "Too large response headers: 307223 > 307200",
			TRANSPORT_OTHER },
		{ CURLE_RECV_ERROR,
			"OpenSSL SSL_read: OpenSSL/3: error:0A00045C:SSL routines::tlsv13 alert "
			"certificate required, errno 0",
			TRANSPORT_TLS },
		{ CURLE_SEND_ERROR, "SSL_write() error:0A000438:SSL routines::alert internal",
			TRANSPORT_TLS },
		{ CURLE_RECV_ERROR,
			"OpenSSL SSL_read: error:0A000126:SSL routines::unexpected eof while "
			"reading, errno 0",
			TRANSPORT_CONNECT },
		{ CURLE_RECV_ERROR, "OpenSSL SSL_read: SSL_ERROR_SYSCALL, errno 104",
			TRANSPORT_CONNECT },
		{ CURLE_SEND_ERROR, "Send failure: Broken pipe", TRANSPORT_CONNECT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		enum transport got = transport_of(cases[i].code, cases[i].text);

		if (got != cases[i].want)
			fail_msg("%s: got %d", cases[i].text, (int)got);
	}
}

static void test_what_else_is_known(void **state)
{
	struct client_failure failure = { .code = CURLE_COULDNT_CONNECT, .text = "" };

	(void)state;
	failure.is_denied = true;
	assert_int_equal(client_failure_transport(&failure), TRANSPORT_DENIED);
	failure = (struct client_failure){
		.code = CURLE_RECV_ERROR,
		.text = "Malformed encoding found in chunked-encoding",
		.proxy_status = 502,
	};
	assert_int_equal(client_failure_transport(&failure), TRANSPORT_CONNECT);
	failure = (struct client_failure){ .code = CURLE_GOT_NOTHING, .text = "" };
	failure.http_status = 100;
	assert_int_equal(client_failure_transport(&failure), TRANSPORT_CONNECT);
	failure.http_status = 101;
	assert_int_equal(client_failure_transport(&failure), TRANSPORT_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_what_else_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
