/* SPDX-License-Identifier: MIT */
/*
 * A library that stands between the program and the system (LD_PRELOAD) and lets a test decide what
 * the system does: fail, lie about the time, hang, or end the process at an exact point.
 *
 * The test and the library share one page of memory, a file that both map. All of it is 64-bit
 * numbers; the test reads their names and order from the two lists below, so they are told once.
 *
 *   TORTURE_CONTROL  the file of the page
 *   TORTURE_STORE    the database file, as an absolute path without symbolic links
 *   TORTURE_JOURNAL  optional: where every change of the store's files is written down
 */
#ifndef REPOSTAL_TORTURE_PRELOAD_H
#define REPOSTAL_TORTURE_PRELOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Numbers of errno are for the database and its log only; 0: no error. */
#define CONTROL_FIELDS(X)                                                               \
	X(clock_offset_us) /* what the wall clock is wrong by */                        \
	X(errno_open)                                                                   \
	X(errno_read)                                                                   \
	X(errno_write)                                                                  \
	X(errno_sync)                                                                   \
	X(errors_after)   /* operations of these kinds that still succeed */            \
	X(kill_point)     /* an enum kill_point */                                      \
	X(kill_countdown) /* the process ends when it passes the point the n-th time */ \
	X(names_hang)     /* names below hang.test do not resolve until this is 0 */    \
	X(names_fail)     /* nor do names below fail.test */                            \
	X(names_asked)    /* how often either was asked for */                          \
	X(errors_given)

/* Where a process may be made to end. */
#define KILL_POINTS(X)                                                                     \
	X(none)                                                                            \
	X(log_write)        /* in the middle of a write to the log: half of it is there */ \
	X(log_sync_before)  /* written, not committed */                                   \
	X(log_sync_after)   /* committed, not answered */                                  \
	X(answer_before)    /* the same, on the thread that answers */                     \
	X(answer_after)     /* answered, and nothing else has happened yet */              \
	X(receiver_2xx)     /* the receiver has it, and only it knows */                   \
	X(verdict_write)    /* the same, at the next write to the log */                   \
	X(file_write)       /* in the middle of moving the log into the file */            \
	X(file_sync_before) /* moved, but the log is still needed */                       \
	X(file_sync_after)  /* moved, and the log not yet begun anew */                    \
	X(file_create)      /* the empty file is there, and nothing in it */               \
	X(truncate)         /* before a file is cut */                                     \
	X(unlink)           /* before a file is removed */

#define FIELD_DECLARE(name) _Atomic int64_t name;
#define POINT_DECLARE(name) KILL_AT_##name,

struct control {
	CONTROL_FIELDS(FIELD_DECLARE)
};

enum kill_point {
	KILL_POINTS(POINT_DECLARE)
};

/* The program has functions of its own, and ours must not stand in for them. */
#pragma GCC visibility push(hidden)

extern struct control *control;

/* Ends the process when this is the point and the time. */
void pass(enum kill_point point);

/* The same for points in the middle of something: true when the caller must do half of it and die. */
bool dies_at(enum kill_point point);

_Noreturn void die(void);

/* True once a receiver has answered 2xx. */
bool receiver_has_answered(void);

/* The system's own function; NAME is also the variable's. */
#define SYSTEM(name, type) \
	static type *name; \
	if (name == NULL)  \
	system_find((void **)&name, #name + sizeof("system_") - 1)

void system_find(void **function_out, const char *name);

#pragma GCC visibility pop

#endif
