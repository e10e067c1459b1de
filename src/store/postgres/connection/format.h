/* SPDX-License-Identifier: MIT */
/*
 * format.h - numbers that are part of the tables
 */
#ifndef REPOSTAL_STORE_POSTGRES_FORMAT_H
#define REPOSTAL_STORE_POSTGRES_FORMAT_H

#include <stdint.h>

/* The due time of one that waits for an earlier one of its order_key. */
#define PG_DUE_HELD 9223372036854775807
#define PG_COUNTERS_SOURCES \
	-2                 /* of the table tally: the target of source 0; that of 1 is one less */
#define PG_EVENT_BLOCK 256 /* ids that one number of the sequence stands for */
#define PG_LEASE_BITS 32   /* a lease is instance << 32 | number of the transaction */
#define PG_DAY_US (24 * INT64_C(3600) * 1000 * 1000)

/* As a part of SQL. */
#define PG_TEXT_OF(number) PG_TEXT(number)
#define PG_TEXT(number) #number

#endif
