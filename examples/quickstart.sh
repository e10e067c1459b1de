#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# From a bare Debian 12 or 13 to signed Postal webhooks: builds repostal, starts it between a sender and a
# receiver on this machine, posts the sample events, and cleans up. Run it from anywhere; it asks nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PACKAGES=(build-essential cmake ninja-build pkg-config curl libcurl4-openssl-dev
	libconfig-dev libsqlite3-dev libpq-dev libjansson-dev libsmartcols-dev libssl-dev
	ca-certificates) # the authorities of https targets
readonly REPOSTAL=$PWD/build/release/repostal
readonly TOKEN=quickstart-token

say() { printf '\n== %s\n' "$*"; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing_packages() {
	local package

	for package in "${PACKAGES[@]}" $(examples/build-h2o.sh --packages); do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
	done
}

install_missing() {
	local missing

	[ -n "$(missing_packages)" ] || return 0
	as_root apt-get update -qq
	mapfile -t missing < <(missing_packages) # only now it is known whether there is a package of libh2o
	say "installing what the build needs: ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

build() {
	local h2o

	say 'building'
	h2o=$(examples/build-h2o.sh) # where it comes from, when not from its package
	# A folder that was configured before keeps its generator.
	[ -e build/release/CMakeCache.txt ] || export CMAKE_GENERATOR=Ninja
	cmake -S . -B build/release ${h2o:+"$h2o"} >/dev/null
	cmake --build build/release --parallel "$(nproc)"
}

# wait_for WHAT COMMAND...: until the command succeeds, at most 30 seconds
wait_for() {
	local what=$1 tries=300
	shift

	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "not within 30 s: $what" >&2; cat "$dir"/*.log >&2; return 1; }
		sleep 0.1
	done
}

stop_all() {
	local process

	for process in ${gateway:-} ${receiver:-}; do
		if kill "$process" 2>/dev/null; then
			wait "$process" || true
		fi
	done
	rm -rf "$dir"
}

start_receiver() {
	say 'a signing key, and a receiver that knows its public half'
	"$REPOSTAL" keygen "$dir/signing.key" | tee "$dir/public.txt"
	sed -n '/BEGIN/,/END/p' "$dir/public.txt" >"$dir/public.pem"
	"$REPOSTAL" listen -p 0 --key "$dir/public.pem" >"$dir/receiver.log" 2>&1 &
	receiver=$!
	wait_for 'the receiver listens' grep -q '^listening on ' "$dir/receiver.log"
	receiver_url=$(sed -n 's/^listening on //p' "$dir/receiver.log")
	echo "repostal listen: $receiver_url"
}

start_gateway() {
	say 'the gateway, with this configuration'
	tee "$dir/repostal.conf" <<-CONF
		listen:  { port = 0; };   # 0: any free port, this is a trial
		admin:   { port = 0; };
		store:   { path = "$dir/repostal.db"; };
		sources: ( { name = "bizmail"; path = "/webhooks/bizmail"; auth: { token = "$TOKEN"; }; } );
		targets: ( { name = "app"; url = "$receiver_url"; } );
		signing: { keys = [ "$dir/signing.key" ]; };
		log:     { format = "json"; };
	CONF
	"$REPOSTAL" check -c "$dir/repostal.conf"
	"$REPOSTAL" serve -c "$dir/repostal.conf" 2>"$dir/gateway.log" &
	gateway=$!
	wait_for 'the gateway is ready' grep -q '"event":"gateway.ready"' "$dir/gateway.log"
	url="http://127.0.0.1:$(ready_field port)/webhooks/bizmail?token=$TOKEN"
	metrics_url="http://127.0.0.1:$(ready_field admin_port)/metrics"
}

ready_field() {
	sed -n "/\"event\":\"gateway.ready\"/s/.*\"$1\":\([0-9]*\).*/\1/p" "$dir/gateway.log"
}

content_type() {
	case $1 in
	*.form) echo application/x-www-form-urlencoded ;;
	*.multipart) printf 'multipart/form-data; boundary=%s\n' "$(sed -n '1s/^--\([^\r]*\)\r*$/\1/p' "$1")" ;;
	*) echo application/json ;;
	esac
}

post_events() {
	local file

	say 'BizMail events go in; an answer means that the event is on disk'
	for file in examples/events/*.{json,form,multipart}; do
		printf '%-36s ' "$file"
		curl -sS --data-binary "@$file" -H "Content-Type: $(content_type "$file")" "$url"
		echo
	done
	echo '(the multipart one is delivered.json once more: a duplicate, which goes nowhere)'
	echo
	echo 'and a hundred from repostal trigger:'
	"$REPOSTAL" trigger -n 100 "$url"
}

nothing_waits() {
	local depths

	depths=$(curl -sS "$metrics_url" | grep '^repostal_queue_depth' | grep -v 'state="dead"') || return 1
	! grep -qv ' 0$' <<<"$depths"
}

show_what_arrived() {
	say 'Postal envelopes came out (the first two of them)'
	wait_for 'everything is delivered' nothing_waits
	awk 'NR > 1 && /signature  /{ seen++ } NR > 1 { print } seen == 2 && /^$/ { exit }' "$dir/receiver.log"
	echo "envelopes received: $(grep -c '^  signature  ' "$dir/receiver.log")," \
		"signatures that verify: $(grep -c '^  signature  verified' "$dir/receiver.log")"
	say 'the gateway counted too'
	curl -sS "$metrics_url" | grep -E '^repostal_(events_received|events_duplicate|deliveries|attempts)_total' |
		grep -v ' 0$'
}

main() {
	install_missing
	build
	umask 077 # the configuration holds a token
	dir=$(mktemp -d)
	trap stop_all EXIT
	start_receiver
	start_gateway
	post_events
	show_what_arrived
	stop_all
	trap - EXIT
	cat <<-TEXT

		== what you saw
		BizMail events in three encodings were committed to disk, acknowledged, translated, signed,
		and delivered as Postal webhooks to a receiver that verified every signature.

		Next:
		  $REPOSTAL --help
		  conf/repostal-minimal.conf  the smallest file that does something; conf/repostal.conf has every setting
		  examples/receivers/         ten lines that verify, in Python, Ruby, PHP, JavaScript and Go
		  examples/compose/           beside your application: Docker Compose, or systemd
		  tests/run.sh                builds and tests everything
	TEXT
}

main "$@"
