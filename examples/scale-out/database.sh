#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Starts PostgreSQL in a container as one of two: the one with an empty folder copies the other one
# and follows it as its synchronous standby; only where $FIRST is "yes", and there is no other one yet,
# a new database is made. Promoting a standby is left to you (see README.md).
set -eu

export PGPASSWORD="$POSTGRES_PASSWORD" PGCONNECT_TIMEOUT=3

other_is_primary() {
	[ "$(psql -h "$OTHER" -U "$POSTGRES_USER" -d "$POSTGRES_DB" -Atc 'SELECT pg_is_in_recovery()' 2>&1)" = f ]
}

follow_the_other() {
	pg_basebackup -D "$PGDATA" -R --checkpoint=fast \
		-d "host=$OTHER user=$POSTGRES_USER password=$POSTGRES_PASSWORD application_name=standby"
	# From here on the other one's commits wait for this one.
	psql -h "$OTHER" -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v ON_ERROR_STOP=1 \
		-c "ALTER SYSTEM SET synchronous_standby_names = 'standby'" -c 'SELECT pg_reload_conf()'
}

if [ -s "$PGDATA/PG_VERSION" ]; then
	if [ ! -e "$PGDATA/standby.signal" ] && other_is_primary; then
		echo "$OTHER has been promoted: this is an old primary. Remove its volume to let it follow." >&2
		exit 1
	fi
elif other_is_primary; then
	follow_the_other
elif [ "${FIRST:-no}" != yes ]; then
	until other_is_primary; do
		echo "waiting for $OTHER" >&2
		sleep 1
	done
	follow_the_other
fi
exec docker-entrypoint.sh postgres
