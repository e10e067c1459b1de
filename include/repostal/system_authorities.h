/* SPDX-License-Identifier: MIT */
/*
 * system_authorities.h - whom targets without authorities of their own trust
 *
 * Threads    Any.
 */
#ifndef REPOSTAL_SYSTEM_AUTHORITIES_H
#define REPOSTAL_SYSTEM_AUTHORITIES_H

/* The file that libcurl was built to read; NULL: there is no such file. */
const char *system_authorities_file(void);

#endif
