/* SPDX-License-Identifier: MIT */
/*
 * backup.h - store_backup() of SQLite
 */
#ifndef REPOSTAL_STORE_SQLITE_BACKUP_H
#define REPOSTAL_STORE_SQLITE_BACKUP_H

#include "repostal/store_backup.h"

enum status sqlite_backup(struct store_backup *backup, struct error *err);

#endif
