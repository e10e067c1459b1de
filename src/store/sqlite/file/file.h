/* SPDX-License-Identifier: MIT */
/*
 * file.h - the file of a store, its lock, its log and its folder
 *
 * Promise    One owner at a time, by whatever name it knows the file. A new file is on disk, with its name,
 *            before anything is written into it.
 * Threads    Any.
 * Ownership  Descriptors are the caller's, which closes them in the order that is said here.
 * Errors     STATUS_BUSY another process owns the store; STATUS_INVALID it was in use before and is empty
 *            now; STATUS_NOT_FOUND its folder is missing; STATUS_IO the text says what the system refused.
 */
#ifndef REPOSTAL_STORE_SQLITE_FILE_H
#define REPOSTAL_STORE_SQLITE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/error.h"

/* Without symbolic links and relative parts, as far as it exists: what is beside it is beside it once. */
char *sqlite_file_resolve(const char *path);
/* STATUS_BUSY names the owner. *fd_out is held, not used; closing it gives the store up. */
enum status sqlite_file_lock(const char *path, int *fd_out, struct error *err);
/*
 * Makes an empty file of mode 0600, durably, unless there is one. Refuses when the store was in use
 * before: its events are gone, and nothing would show it.
 */
enum status sqlite_file_create(const char *path, int lock_fd, struct error *err);
/*
 * Of the file itself, whatever its name. Before SQLite opens it; *fd_out is closed after SQLite has closed
 * it, also after a failure.
 */
enum status sqlite_file_own(const char *path, int *fd_out, struct error *err);
/* Whether a start with this lock file has succeeded before. */
bool sqlite_file_was_used(int lock_fd);
void sqlite_file_mark_used(int lock_fd);
enum status sqlite_file_refuse_empty(const char *path, struct error *err);
/* Whether this process may make and change the files of the store. */
enum status sqlite_file_probe(const char *path, struct error *err);
/* Of the file and its log. */
int64_t sqlite_file_bytes(const char *path);
int64_t sqlite_file_log_bytes(const char *path);
/* When either was last written, Unix milliseconds; 0: not known. */
int64_t sqlite_file_changed_ms(const char *path);
/* The log and its index, durably. No connection has read the file. */
enum status sqlite_file_remove_log(const char *path, struct error *err);
/* The folder of a file that was made, named or removed. */
enum status sqlite_file_sync_folder(const char *path, struct error *err);

#endif
