/* SPDX-License-Identifier: MIT */
/*
 * backend.h - PostgreSQL's part of the contract: what the front calls by these tables alone
 */
#ifndef REPOSTAL_STORE_POSTGRES_BACKEND_H
#define REPOSTAL_STORE_POSTGRES_BACKEND_H

#include "backend/backend.h"
#include "backend/reader.h"

extern const struct store_ops store_postgres_ops;
extern const struct store_reader_ops store_reader_postgres_ops;

#endif
