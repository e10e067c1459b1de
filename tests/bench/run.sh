#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/bench/run.sh [--quick] [PART...]: measures, and writes tests/bench/results/ (README.md has the
# parts). On Debian 12 it installs what is missing, as root or with sudo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly PACKAGES=(build-essential cmake ninja-build pkg-config libh2o-evloop-dev libcurl4-openssl-dev
	libconfig-dev libsqlite3-dev libpq-dev libjansson-dev libsmartcols-dev libssl-dev python3 openssl)
readonly BUILD=build/bench

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Is one of these parts to run? Without any part named, all are.
wants() {
	local wanted=$1 argument named=0
	shift

	for argument in "$@"; do
		[[ $argument == -* ]] || named=1
		[[ " $wanted " != *" $argument "* ]] || return 0
	done
	[ $named = 0 ]
}

install_missing() {
	local package packages=("${PACKAGES[@]}") missing=()

	command -v dpkg-query >/dev/null || return 0
	! wants 'rates latency ratios' "$@" || packages+=(postgresql)
	! wants ratios "$@" || packages+=(redis-server)
	for package in "${packages[@]}"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
			missing+=("$package")
	done
	! wants ratios "$@" || command -v npm >/dev/null || missing+=(npm)
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "== installing what the benchmarks need: ${missing[*]}"
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		"${missing[@]}"
}

compile() {
	local name=$1
	shift
	cc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wshadow -Werror -o "$BUILD/$name" \
		"tests/bench/$name.c" "$@"
}

install_missing "$@"
cmake -S . -B "$BUILD/repostal" -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$BUILD/repostal" --target repostal
if [[ " $* " == *" libh2o "* ]]; then
	: "${H2O_SOURCE_DIR:?where the sources of the libh2o of upstream are (examples/build-h2o.sh says how to get them)}"
	cmake -S . -B "$BUILD/repostal-upstream" -G Ninja -DCMAKE_BUILD_TYPE=Release -DH2O_SOURCE_DIR="$H2O_SOURCE_DIR" >/dev/null
	cmake --build "$BUILD/repostal-upstream" --target repostal
fi
compile load
compile receive
# shellcheck disable=SC2046
compile bare -DH2O_USE_LIBUV=0 $(pkg-config --cflags --libs libh2o-evloop libcurl sqlite3 jansson openssl) \
	-lpthread
exec env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/bench.py --build "$BUILD" "$@"
