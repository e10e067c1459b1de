/* SPDX-License-Identifier: MIT */
#include "repostal/system_authorities.h"

#include <curl/curl.h>

const char *system_authorities_file(void)
{
	return curl_version_info(CURLVERSION_NOW)->cainfo;
}
