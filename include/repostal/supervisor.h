/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - a word to the service manager that started us
 *
 * Promise    Does nothing when there is none (NOTIFY_SOCKET is not set).
 * Threads    The main thread.
 * Source     sd_notify(3): a datagram to the socket named in NOTIFY_SOCKET.
 */
#ifndef REPOSTAL_SUPERVISOR_H
#define REPOSTAL_SUPERVISOR_H

/* state is "READY=1" or "STOPPING=1". */
void supervisor_notify(const char *state);

#endif
