#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Two repostals on one PostgreSQL with a synchronous standby, behind a load balancer, all on this machine
# and from Debian packages, without Docker. Posts events, kills the primary and one repostal under load,
# promotes the standby, continues, counts what arrived, and cleans up. Run it from anywhere; it asks nothing.
#
# REPOSTAL=/path/of/repostal uses that program instead of building one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly PACKAGES=(build-essential cmake ninja-build pkg-config curl libcurl4-openssl-dev libconfig-dev
	libsqlite3-dev libpq-dev libjansson-dev libsmartcols-dev libssl-dev ca-certificates postgresql haproxy)
readonly TOKEN=scale-out-token
readonly EVENTS=12000 RATE=400 # half a minute

export REPOSTAL=${REPOSTAL:-$(realpath ../..)/build/release/repostal}

say() { printf '\n== %s\n' "$*"; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing_packages() {
	local package

	for package in "${PACKAGES[@]}" $(../build-h2o.sh --packages); do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
	done
}

install_missing() {
	local missing

	[ -n "$(missing_packages)" ] || return 0
	as_root apt-get update -qq
	mapfile -t missing < <(missing_packages) # only now it is known whether there is a package of libh2o
	say "installing ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

build() {
	[ ! -x "$REPOSTAL" ] || return 0
	say 'building'
	(
		cd ../..
		h2o=$(examples/build-h2o.sh) # where it comes from, when not from its package
		# A folder that was configured before keeps its generator.
		[ -e build/release/CMakeCache.txt ] || export CMAKE_GENERATOR=Ninja
		cmake -S . -B build/release ${h2o:+"$h2o"} >/dev/null
		cmake --build build/release --parallel "$(nproc)"
	)
}

# wait_for WHAT COMMAND...: until the command succeeds, at most two minutes (a lease lasts half of one)
wait_for() {
	local what=$1 tries=600
	shift

	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "not within two minutes: $what" >&2; tail -n 20 "$dir"/*.log >&2; return 1; }
		sleep 0.2
	done
}

# Another program may take it before we do; then that start fails, and another run will not.
free_port() {
	local port

	while :; do
		port=$((20000 + RANDOM % 12000))
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
}

# -- PostgreSQL ----------------------------------------------------------------------------------------

# The programs of the newest version that is installed.
find_postgres() {
	local folders=(/usr/lib/postgresql/*/bin)

	postgres_bin=$(printf '%s\n' "${folders[@]}" | sort --version-sort | tail -n 1)
}

# It refuses to run as root: then it runs as the user of its package.
as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		exec setpriv --reuid=postgres --regid=postgres --init-groups "$@"
	else
		exec "$@"
	fi
}

# start_database NAME: on a socket in its own folder
start_database() {
	(cd / && as_postgres "$postgres_bin/postgres" -D "$dir/$1/data" -k "$dir/$1" -c listen_addresses= \
		>>"$dir/$1.log" 2>&1) &
	databases[$1]=$!
	wait_for "$1 takes connections" "$postgres_bin/pg_isready" -h "$dir/$1"
}

# sql NAME STATEMENT
sql() { psql -XAtq -v ON_ERROR_STOP=1 -d "host=$dir/$1 user=postgres dbname=postgres" -c "$2"; }

make_folder() {
	mkdir "$dir/$1"
	[ "$(id -u)" != 0 ] || chown postgres: "$dir/$1"
}

start_databases() {
	say 'PostgreSQL: a primary, and a standby that every commit waits for'
	make_folder one
	make_folder two
	(cd / && as_postgres "$postgres_bin/initdb" -D "$dir/one/data" -U postgres --auth=trust \
		--encoding=UTF8 --locale=C.UTF-8 >"$dir/one.log" 2>&1)
	start_database one
	(cd / && as_postgres "$postgres_bin/pg_basebackup" -D "$dir/two/data" -R --checkpoint=fast \
		-d "host=$dir/one user=postgres application_name=standby")
	start_database two
	sql one "ALTER SYSTEM SET synchronous_standby_names = 'standby'"
	sql one 'SELECT pg_reload_conf()' >/dev/null
	wait_for 'the standby confirms commits' is_synchronous
	sql one "SELECT application_name || ': ' || state || ', ' || sync_state FROM pg_stat_replication"
}

is_synchronous() {
	[ "$(sql one 'SELECT sync_state FROM pg_stat_replication')" = sync ]
}

# All of its processes at once, as when the machine goes down.
kill_database() {
	local first=${databases[$1]}

	# shellcheck disable=SC2046
	kill -KILL "$first" $(cat "/proc/$first/task/$first/children")
	wait "$first" 2>/dev/null || true
}

# -- repostal and what is around it --------------------------------------------------------------------

start_receiver() {
	say 'a receiver that verifies signatures'
	"$REPOSTAL" keygen "$dir/signing.key" >"$dir/public.txt"
	sed -n '/BEGIN/,/END/p' "$dir/public.txt" >"$dir/public.pem"
	"$REPOSTAL" listen -p 0 --key "$dir/public.pem" >"$dir/receiver.log" 2>&1 &
	receiver=$!
	wait_for 'the receiver listens' grep -q '^listening on ' "$dir/receiver.log"
	receiver_url=$(sed -n 's/^listening on //p' "$dir/receiver.log")
	echo "repostal listen: $receiver_url"
}

# start_repostal NUMBER
start_repostal() {
	local port admin_port

	port=$(free_port)
	admin_port=$(free_port)
	cat >"$dir/repostal-$1.conf" <<-CONF
		listen:  { port = $port; };
		admin:   { port = $admin_port; };
		store:   { backend = "postgresql"; dsn = "env:REPOSTAL_DSN"; };
		sources: ( { name = "bizmail"; path = "/webhooks/bizmail"; auth: { token = "$TOKEN"; }; } );
		targets: ( { name = "app"; url = "$receiver_url"; } );
		signing: { keys = [ "$dir/signing.key" ]; };
		log:     { format = "json"; };
	CONF
	REPOSTAL_DSN="host=$dir/one,$dir/two user=postgres dbname=postgres target_session_attrs=read-write" \
		"$REPOSTAL" serve -c "$dir/repostal-$1.conf" 2>"$dir/repostal-$1.log" &
	repostals[$1]=$!
	wait_for "repostal $1 is ready" grep -q '"event":"gateway.ready"' "$dir/repostal-$1.log"
	export "REPOSTAL_$1=127.0.0.1:$port" "REPOSTAL_$1_ADMIN_PORT=$admin_port"
	metrics_urls[$1]="http://127.0.0.1:$admin_port/metrics"
	echo "repostal $1: process ${repostals[$1]}, port $port"
}

start_balancer() {
	local port

	say 'the load balancer'
	port=$(free_port)
	BALANCER=127.0.0.1:$port haproxy -db -f haproxy.cfg >"$dir/haproxy.log" 2>&1 &
	balancer=$!
	url="http://127.0.0.1:$port/webhooks/bizmail?token=$TOKEN"
	wait_for 'the balancer answers' curl -fsS "http://127.0.0.1:$port/healthz"
	echo "$url"
}

stop_all() {
	kill ${balancer:-} "${repostals[@]}" ${receiver:-} 2>/dev/null || true
	kill -QUIT "${databases[@]}" 2>/dev/null || true
	wait || true
	rm -rf "$dir"
}

# -- what is shown -------------------------------------------------------------------------------------

# metric NUMBER NAME: the sum of its samples at one repostal
metric() {
	curl -fsS "${metrics_urls[$1]}" | awk -v name="repostal_$2" '
		$1 == name || index($1, name "{") == 1 { sum += $NF } END { print sum + 0 }'
}

waiting_deliveries() {
	local depths

	depths=$(curl -fsS "${metrics_urls[2]}") || return 1
	awk '/^repostal_queue_depth/ && !/state="dead"/ { sum += $NF } END { print sum + 0 }' <<<"$depths"
}

nothing_waits() { [ "$(waiting_deliveries)" = 0 ]; }

both_at_work() {
	local number

	say 'a thousand events through the balancer: both take them, and both deliver'
	"$REPOSTAL" trigger -n 1000 --concurrency 8 "$url"
	wait_for 'everything is delivered' nothing_waits
	for number in 1 2; do
		echo "repostal $number: took $(metric $number events_received_total)," \
			"delivered $(metric $number deliveries_total)"
	done
	echo
	echo 'the first two envelopes:'
	awk 'NR > 1 && /signature  /{ seen++ } NR > 1 { print } seen == 2 && /^$/ { exit }' "$dir/receiver.log"
}

fail_over() {
	say "$EVENTS more at $RATE a second; meanwhile the primary and repostal 1 are killed"
	"$REPOSTAL" trigger -n $EVENTS --rate $RATE --concurrency 16 --timeout 20s --json "$url" \
		>"$dir/sent.json" 2>"$dir/send.log" &
	sender=$!
	events_before=$(sql one 'SELECT count(*) FROM repostal.event')
	wait_for 'the load flows' enough_arrived
	echo "$(date +%T)  kill -9: the primary, all of its processes"
	kill_database one
	echo "$(date +%T)  kill -9: repostal 1"
	kill -KILL "${repostals[1]}"
	wait "${repostals[1]}" 2>/dev/null || true
	wait_for 'repostal 2 notices' grep -q '"event":"store.failing"' "$dir/repostal-2.log"
	echo "$(date +%T)  repostal 2 has lost its database, and answers 503"
	sql two 'SELECT pg_promote()' >/dev/null
	echo "$(date +%T)  the standby is promoted"
	wait_for 'repostal 2 is ready again' curl -fsS "${metrics_urls[2]%/metrics}/readyz"
	echo "$(date +%T)  repostal 2 is ready again, by itself"
	wait "$sender" || true
	echo "$(date +%T)  all is sent; what repostal 1 had in work waits for the end of its lease"
	wait_for 'everything is delivered' nothing_waits
	echo "$(date +%T)  nothing waits any more"
}

enough_arrived() {
	[ "$(sql one 'SELECT count(*) FROM repostal.event')" -ge $((events_before + 2000)) ]
}

# field NAME FILE: a number of repostal's summaries, "name":1 or name=1
field() { sed -n "s/.*\"\{0,1\}\b$1\"\{0,1\}[=:]\([0-9]*\).*/\1/p" "$2" | tail -n 1; }

count() {
	local acknowledged distinct duplicates bad stored

	say 'the count'
	kill -INT "$receiver"
	wait "$receiver" || true
	receiver=
	acknowledged=$((1000 + $(field acknowledged "$dir/sent.json")))
	distinct=$(field distinct "$dir/receiver.log")
	duplicates=$(field duplicates "$dir/receiver.log")
	bad=$(field bad_signatures "$dir/receiver.log")
	stored=$(sql two 'SELECT count(*) FROM repostal.event')
	echo "sent                      $((1000 + EVENTS))"
	echo "acknowledged              $acknowledged"
	echo "told to come back         $((1000 + EVENTS - acknowledged)) (repostal trigger does not; BizMail does)"
	echo "in the new primary        $stored (an event whose commit lost its answer may be there all the same)"
	echo "delivered                 $distinct"
	echo "delivered twice           $duplicates"
	echo "leases taken over         $(metric 2 store_leases_expired_total)"
	echo
	if [ "$stored" -ge "$acknowledged" ] && [ "$distinct" = "$stored" ] && [ "$bad" = 0 ] &&
		[ "$acknowledged" -gt $((EVENTS / 2)) ]; then
		echo 'PASS: every acknowledged event arrived'
	else
		echo 'FAIL'
		return 1
	fi
}

main() {
	install_missing
	build
	umask 077
	dir=$(mktemp -d "${TMPDIR:-/tmp}/repostal-scale-out-XXXXXX") # short: it holds sockets
	chmod 711 "$dir"
	declare -gA databases=()
	declare -ga repostals=() metrics_urls=()
	trap stop_all EXIT
	find_postgres
	start_databases
	start_receiver
	say 'two repostals with the same configuration, but for their ports'
	start_repostal 1
	start_repostal 2
	start_balancer
	both_at_work
	fail_over
	count
}

main "$@"
