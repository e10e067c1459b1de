/* SPDX-License-Identifier: MIT */
/*
 * format.h - numbers that are part of the files
 */
#ifndef REPOSTAL_STORE_SQLITE_FORMAT_H
#define REPOSTAL_STORE_SQLITE_FORMAT_H

#include "repostal/store.h"

/* The due time of one that waits for an earlier one of its order_key. */
#define SQL_DUE_HELD 9223372036854775807
#define SQL_BUCKET_BITS 10         /* events of a bucket of the table search */
#define SQLITE_ID_STORE 0x50484f52 /* in the file's header */
#define SQLITE_ID_COPY 0x50484f42  /* until its first owner has it */
#define META_QUARANTINED_KEY 2

/* As a part of SQL. */
#define SQL_TEXT_OF(number) SQL_TEXT(number)
#define SQL_TEXT(number) #number

/* Rows of the table meta. */
enum sqlite_meta {
	META_NEXT_EVENT = 1, /* no id below it is given again; written when the newest event goes */
	META_QUARANTINED = META_QUARANTINED_KEY, /* rows of quarantine */
	META_SECRET = 16, /* and the three after it: STORE_SECRET_SIZE random bytes */
};

#endif
