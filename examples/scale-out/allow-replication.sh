#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs once, when a new database is made: the image lets nobody follow it from another machine.
echo 'host replication all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
