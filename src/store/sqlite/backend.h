/* SPDX-License-Identifier: MIT */
/*
 * backend.h - SQLite's part of the contract: what the front calls by these tables alone
 */
#ifndef REPOSTAL_STORE_SQLITE_BACKEND_H
#define REPOSTAL_STORE_SQLITE_BACKEND_H

#include "backend/backend.h"
#include "backend/reader.h"

extern const struct store_ops store_sqlite_ops;
extern const struct store_reader_ops store_reader_sqlite_ops;

#endif
