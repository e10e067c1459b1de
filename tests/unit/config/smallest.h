/* SPDX-License-Identifier: MIT */
/*
 * smallest.h - the smallest configuration that is complete, and its halves, for tests
 */
#ifndef REPOSTAL_TESTS_CONFIG_SMALLEST_H
#define REPOSTAL_TESTS_CONFIG_SMALLEST_H

#define SOURCE                                                                                    \
	"sources = ( { name = \"s\"; path = \"/s\"; auth = { token = \"t0ken-of-sixteen\"; }; } " \
	");\n"
#define TARGET "targets = ( { name = \"t\"; url = \"https://example.com/\"; } );\n"
#define MINIMAL SOURCE TARGET

#endif
