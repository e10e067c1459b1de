/* SPDX-License-Identifier: MIT */
#include "client_tls.h"

enum {
	CA_CACHE_S = 3600 /* the system's authorities may change while we run */
};

void client_set_tls(CURL *easy, const struct target_settings *settings)
{
	/* Whatever else the system's OpenSSL would still speak. */
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, settings->tls_verify ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, settings->tls_verify ? 2L : 0L);
	/*
	 * Debian's libcurl has the system's authorities here a second time, as a folder. With one it would
	 * accept those beside tls_ca; and it would not keep what it has read from the file, and read it
	 * again for each connection: tens of milliseconds, in which no target is served.
	 */
	if (settings->tls_ca[0] != '\0' || curl_version_info(CURLVERSION_NOW)->cainfo != NULL)
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_S);
	if (settings->tls_ca[0] != '\0') {
		curl_easy_setopt(easy, CURLOPT_CAINFO, settings->tls_ca);
		/* Without CAPATH libcurl would read the file again only after a day. */
		curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	}
	if (settings->tls_certificate[0] != '\0')
		curl_easy_setopt(easy, CURLOPT_SSLCERT, settings->tls_certificate);
	if (settings->tls_key[0] != '\0')
		curl_easy_setopt(easy, CURLOPT_SSLKEY, settings->tls_key);
}
