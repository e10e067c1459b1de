#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The test command: tests/run.sh [STEP...]
#
#   build    dev and release, warnings are errors
#   unit     unit and contract tests of the dev build
#   asan     the same under the address and undefined-behaviour sanitizers
#   system   black-box tests of the program: all of them against the asan build, a few against release
#   tsan     all of these under the thread sanitizer, but for the system tests marked heavy
#   torture  kill -9, power loss, full disks, damaged files, clocks, receivers and senders at their worst
#            (tests/torture, its short form)
#   fuzz     every fuzzer: its corpus, then ten seconds of its own
#   checks   house rules: layers, sizes, banned calls, format (tests/checks.py)
#   all      everything (the default)
#
# On Debian 12 it installs what is missing, as root or with sudo. Every step runs, also after one has
# failed; the exit status tells whether all of them passed. Results stay under build/.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

readonly STEPS=(checks build unit asan system tsan torture fuzz)
readonly PYTHON=/usr/bin/python3 # the system's: it is the one that has pytest from its package
readonly BESIDE_POSTGRES=("$PYTHON" tests/support/with_postgres.py)
readonly RESULTS=build/results
# Options of CMake; each is built in a folder of its own below build/. Sanitizers want a little speed.
readonly -A CONFIGURATIONS=(
	[dev]='-DCMAKE_BUILD_TYPE=Debug -DREPOSTAL_TESTS=ON'
	[release]='-DCMAKE_BUILD_TYPE=RelWithDebInfo'
	[asan]='-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DREPOSTAL_TESTS=ON
		-DREPOSTAL_SANITIZE=address,undefined'
	[tsan]='-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DREPOSTAL_TESTS=ON -DREPOSTAL_SANITIZE=thread'
	[fuzz]='-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DCMAKE_C_COMPILER=clang -DREPOSTAL_FUZZ=ON
		-DREPOSTAL_SANITIZE=address,undefined'
)
readonly -A PACKAGES=(
	[build]='build-essential cmake ninja-build pkg-config libh2o-evloop-dev libcurl4-openssl-dev
		libconfig-dev libsqlite3-dev libpq-dev libjansson-dev libssl-dev libcmocka-dev'
	[contract]='python3 postgresql'
	[system]='python3 python3-pytest python3-pytest-xdist openssl tinyproxy nghttp2-proxy postgresql'
	[fuzz]='clang libclang-rt-14-dev'
	[checks]='python3 git clang-format-14'
)

export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1
export LSAN_OPTIONS="print_suppressions=0:suppressions=$PWD/tests/support/lsan.supp"
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:die_after_fork=0:suppressions=$PWD/tests/support/tsan.supp"

say() { printf '== %s\n' "$*"; }

usage() {
	sed -n '4,18s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

# -- packages ------------------------------------------------------------------------------------------

packages_for() {
	case $1 in
	checks) echo "${PACKAGES[checks]}" ;;
	fuzz) echo "${PACKAGES[build]} ${PACKAGES[fuzz]}" ;;
	unit | asan) echo "${PACKAGES[build]} ${PACKAGES[contract]}" ;;
	system | tsan | torture) echo "${PACKAGES[build]} ${PACKAGES[system]}" ;;
	*) echo "${PACKAGES[build]}" ;;
	esac
}

install_missing() {
	local step package missing=()

	command -v dpkg-query >/dev/null || return 0 # not Debian: what is missing will be named by cmake
	for step in "$@"; do
		for package in $(packages_for "$step"); do
			dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
				missing+=("$package")
		done
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
	say "installing what the tests need: ${missing[*]}"
	as_root apt-get update -qq || say 'the package lists could not be renewed: trying with those at hand'
	as_root apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo -n DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

# -- steps ---------------------------------------------------------------------------------------------

build_configuration() {
	local name=$1
	local options

	# A folder that was configured before keeps its generator.
	if [ ! -e "build/$name/CMakeCache.txt" ]; then
		local -x CMAKE_GENERATOR=Ninja
	fi
	read -rd '' -a options <<<"${CONFIGURATIONS[$name]}" || true
	cmake -S . -B "build/$name" -DREPOSTAL_WERROR=ON "${options[@]}" >"$RESULTS/configure-$name.log" 2>&1 ||
		{ cat "$RESULTS/configure-$name.log"; return 1; }
	cmake --build "build/$name" --parallel "$(nproc)"
}

# run_ctest CONFIGURATION [COMMAND...]: the command starts ctest, as setarch and with_postgres.py do
run_ctest() {
	local name=$1
	shift

	"$@" ctest --test-dir "build/$name" --output-on-failure --no-tests=error \
		--parallel "$(nproc)" --output-junit "$PWD/$RESULTS/ctest-$name.xml"
}

# run_pytest CONFIGURATION MARKERS [COMMAND...]: one process more than there are cores, because tests wait a lot
run_pytest() {
	local name=$1 markers=$2
	shift 2

	REPOSTAL_BIN=$PWD/build/$name/repostal "$@" "$PYTHON" -m pytest tests/system -q -m "$markers" \
		-n "$(($(nproc) + 1))" -p no:cacheprovider --durations=5 --junitxml="$RESULTS/pytest-$name.xml"
}

step_checks() { "$PYTHON" tests/checks.py; }

step_build() { build_configuration dev && build_configuration release; }

step_unit() { build_configuration dev && run_ctest dev "${BESIDE_POSTGRES[@]}"; }

step_asan() { build_configuration asan && run_ctest asan "${BESIDE_POSTGRES[@]}"; }

step_system() {
	local failed=0

	build_configuration asan && run_pytest asan 'not release_only' || failed=1
	build_configuration release && run_pytest release 'smoke or release_only' || failed=1
	return $failed
}

step_tsan() {
	local failed=0 prefix=()

	build_configuration tsan || return 1
	# gcc 12's thread sanitizer does not know the memory layout of kernels that randomise more.
	build/tsan/repostal --version >/dev/null 2>&1 || prefix=(setarch "$(uname -m)" --addr-no-randomize)
	run_ctest tsan "${prefix[@]}" "${BESIDE_POSTGRES[@]}" || failed=1
	run_pytest tsan 'not heavy and not release_only' "${prefix[@]}" || failed=1
	return $failed
}

step_torture() {
	build_configuration release && REPOSTAL_BIN=$PWD/build/release/repostal "$PYTHON" -m pytest tests/torture -q \
		-p no:cacheprovider --durations=5 --junitxml="$RESULTS/pytest-torture.xml"
}

step_fuzz() { build_configuration fuzz && run_ctest fuzz; }

# -- all of it -----------------------------------------------------------------------------------------

run_steps() {
	local step begin status result failed=() summary=()

	for step in "$@"; do
		say "$step"
		begin=$SECONDS
		"step_$step"
		status=$?
		result=ok
		[ $status = 0 ] || { result=FAIL; failed+=("$step"); }
		summary+=("$(printf '%-4s  %-8s %4d s' $result "$step" $((SECONDS - begin)))")
	done
	say 'summary'
	printf '%s\n' "${summary[@]}"
	"$PYTHON" tests/support/tally.py "$SECONDS" "$RESULTS"/*.xml
	[ ${#failed[@]} = 0 ] || { say "failed: ${failed[*]}"; return 1; }
	say "all ${#} steps passed"
}

main() {
	local step steps=()

	for step in "${@:-all}"; do
		case " ${STEPS[*]} " in
		*" $step "*) steps+=("$step") ;;
		*)
			case $step in
			all) steps+=("${STEPS[@]}") ;;
			-h | --help) usage && exit 0 ;;
			*) usage >&2 && exit 2 ;;
			esac
			;;
		esac
	done
	install_missing "${steps[@]}" || { say 'failed: packages'; exit 1; }
	mkdir -p "$RESULTS" && rm -f "$RESULTS"/*.xml
	run_steps "${steps[@]}"
}

main "$@"
