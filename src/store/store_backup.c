/* SPDX-License-Identifier: MIT */
#include "repostal/store_backup.h"

#include "sqlite/file/backup.h"

enum status store_backup(struct store_backup *backup, struct error *err)
{
	switch (backup->from->backend) {
	case STORE_SQLITE:
		return sqlite_backup(backup, err);
	case STORE_POSTGRESQL:
		break;
	}
	error_set(err, "store.backend is \"postgresql\": back it up with pg_dump, as in "
		       "pg_dump --format=custom --schema=repostal --file=FILE DSN, or with what "
		       "its server has");
	return STATUS_INVALID;
}
