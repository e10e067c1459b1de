#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The test command: tests/run.sh [STEP...]
#
#   checks   house rules: layers, sizes, banned calls, format (tests/checks.py)
#   asan     unit and contract tests under the address and undefined-behaviour sanitizers
#   system   black-box tests of the program: all of them against the asan build, a few against release
#   tsan     what threads share, under the thread sanitizer: the unit and contract tests that start threads,
#            and the system tests marked threads
#   torture  kill -9, power loss, full disks, damaged files, clocks, receivers and senders at their worst
#            (tests/torture, its short form)
#   package  the Debian package, by README's commands in a bare machine (as root, else skipped)
#   fuzz     every fuzzer: its corpus, then ten seconds of its own
#   all      these seven, in this order (the default)
#   build    dev and release, warnings are errors: as the builds of every other step
#   unit     unit and contract tests of the dev build, for whoever works on the code: asan has them all
#   tidy     clang-tidy over src and include (.clang-tidy): too slow for all, CI runs it
#   coverage what the unit and contract tests and some system tests reach: a table for each folder, and pages
#            in build/results/coverage
#   arm64    the package for arm64, cross-built by README's commands in a bare machine, and what its tests say
#            below qemu (as root, else skipped)
#
# On Debian 12 and 13 it installs what is missing, as root or with sudo, and fetches the sources of libh2o where
# there is no package of it (examples/build-h2o.sh). Every step runs, also after one has failed; the exit status
# tells whether all of them passed. Results stay under build/.
#
# Each step prints its time beside its budget: what it may take on two quiet cores, from nothing. No test
# and no step fails because the machine is busy.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

readonly STEPS=(checks asan system tsan torture package fuzz)
readonly MORE_STEPS=(build unit tidy coverage arm64)
# Seconds on two quiet cores. A step pays for the builds that it has to wait for.
readonly TOTAL_BUDGET_S=900
readonly -A BUDGETS_S=([packages]=60 [checks]=10 [asan]=90 [system]=290 [tsan]=210 [torture]=60 [package]=100 [fuzz]=80
	[build]=60 [unit]=60 [tidy]=150 [coverage]=200 [arm64]=300)
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
	[tidy]='-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang'
	[coverage]='-DCMAKE_BUILD_TYPE=Debug -DREPOSTAL_TESTS=ON -DREPOSTAL_COVERAGE=ON'
	[fuzz]='-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DCMAKE_C_COMPILER=clang -DREPOSTAL_FUZZ=ON
		-DREPOSTAL_SANITIZE=address,undefined'
)
# What a step builds, in the order of their use: the next one is built while the tests of another run.
readonly -A BUILDS=([build]='dev release' [unit]=dev [asan]=asan [system]='asan release' [tsan]=tsan
	[torture]=release [package]=release [fuzz]=fuzz [coverage]=coverage)
# What the thread sanitizer can say something about.
readonly THREADED_UNITS='control.*|digest|envelope_pool|lifecycle|log|mailbox|metric|rsa_key|store_thread'
readonly THREADED_TESTS="^contract\.test_store_(postgres|race|takeover)\$|^unit\.test_($THREADED_UNITS)\$"
readonly -A PACKAGES=(
	[build]='build-essential cmake ninja-build pkg-config libcurl4-openssl-dev libconfig-dev libsqlite3-dev
		libpq-dev libjansson-dev libsmartcols-dev libssl-dev libcmocka-dev ca-certificates'
	[contract]='python3 postgresql'
	[system]='python3 python3-pytest python3-pytest-xdist openssl tinyproxy nghttp2-proxy postgresql
		man-db groff zsh aspell aspell-en'
	[package]='python3 python3-pytest debootstrap file git lintian'
	[arm64]='python3 python3-pytest debootstrap'
	[fuzz]='clang libclang-rt-dev llvm' # llvm-symbolizer: suppressions name functions
	[checks]='python3 git clang-format-14'
	[tidy]='clang clang-tidy'
	[coverage]='gcovr'
)
# Not every suite has it; without it the format is not checked.
readonly NOT_EVERYWHERE=clang-format-14

export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1
export LSAN_OPTIONS="print_suppressions=0:suppressions=$PWD/tests/support/lsan.supp"
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:die_after_fork=0:suppressions=$PWD/tests/support/tsan.supp"

last_build=none # the process that builds, or built last

say() { printf '== %s\n' "$*"; }

usage() {
	sed -n '/^# The test command/,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

# -- packages ------------------------------------------------------------------------------------------

packages_for() {
	case $1 in
	checks | arm64) echo "${PACKAGES[$1]}" ;;
	fuzz) echo "${PACKAGES[build]} ${PACKAGES[fuzz]}" ;;
	unit | asan) echo "${PACKAGES[build]} ${PACKAGES[contract]}" ;;
	tidy) echo "${PACKAGES[build]} ${PACKAGES[tidy]}" ;;
	coverage) echo "${PACKAGES[build]} ${PACKAGES[system]} ${PACKAGES[coverage]}" ;;
	package) echo "${PACKAGES[build]} ${PACKAGES[package]}" ;;
	system | tsan | torture) echo "${PACKAGES[build]} ${PACKAGES[system]}" ;;
	*) echo "${PACKAGES[build]}" ;;
	esac
}

# missing_packages STEP...: those that can be installed, as far as the package lists tell
missing_packages() {
	local package packages

	packages=$(for step in "$@"; do packages_for "$step"; done)
	[[ $packages != *"${PACKAGES[build]}"* ]] || packages+=" $(examples/build-h2o.sh --packages)"
	for package in $(tr -s '[:space:]' '\n' <<<"$packages" | sort -u); do
		if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' &&
			{ [ "$package" != $NOT_EVERYWHERE ] || apt-cache show "$package" >/dev/null 2>&1; }; then
			echo "$package"
		fi
	done
}

install_missing() {
	local missing

	command -v dpkg-query >/dev/null || return 0 # not Debian: what is missing will be named by cmake
	[ -n "$(missing_packages "$@")" ] || return 0
	as_root apt-get update -qq || say 'the package lists could not be renewed: trying with those at hand'
	mapfile -t missing < <(missing_packages "$@") # only now it is known what there is
	say "installing what the tests need: ${missing[*]}"
	# Nobody is there to answer dpkg's question about a configuration file that was changed: it stays.
	as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confdef \
		-o Dpkg::Options::=--force-confold "${missing[@]}"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo -n DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

# -- steps ---------------------------------------------------------------------------------------------

configure() {
	local name=$1
	local options

	# A folder that was configured before keeps its generator.
	if [ ! -e "build/$name/CMakeCache.txt" ]; then
		local -x CMAKE_GENERATOR=Ninja
	fi
	read -rd '' -a options <<<"${CONFIGURATIONS[$name]}" || true
	cmake -S . -B "build/$name" -DREPOSTAL_WERROR=ON "${options[@]}" ${h2o:+"$h2o"}
}

configure_and_build() {
	configure "$1" && cmake --build "build/$1" --parallel "$(nproc)"
}

# start_build NAME [NICENESS]
start_build() {
	local name=$1

	set -m # a process group of its own, so that all of it can be ended
	{ renice -n "${2:-0}" "$BASHPID" >/dev/null; configure_and_build "$name"; } >"$RESULTS/build-$name.log" 2>&1 &
	set +m
	build_pids[$name]=$!
	last_build=$!
}

# Begins with the next configuration that the steps will want, at a low priority, one at a time.
build_ahead() {
	local name

	! kill -0 "$last_build" 2>/dev/null || return 0
	for name in "${wanted_builds[@]}"; do
		[ -z "${build_pids[$name]:-}" ] || continue
		start_build "$name" 10
		return
	done
}

# Builds the configuration, or waits for the build that was begun ahead.
build_configuration() {
	local name=$1

	[ -n "${build_pids[$name]:-}" ] || start_build "$name"
	if [ -z "${build_results[$name]:-}" ]; then
		wait "${build_pids[$name]}"
		build_results[$name]=$?
	fi
	[ "${build_results[$name]}" = 0 ] || cat "$RESULTS/build-$name.log"
	build_ahead
	return "${build_results[$name]}"
}

# run_ctest CONFIGURATION TESTS [COMMAND...]: the command starts ctest, as setarch and with_postgres.py do
run_ctest() {
	local name=$1 tests=$2
	shift 2

	"$@" ctest --test-dir "build/$name" --tests-regex "$tests" --output-on-failure --no-tests=error \
		--parallel "$(nproc)" --output-junit "$PWD/$RESULTS/ctest-$name.xml"
}

# run_pytest CONFIGURATION MARKERS [COMMAND...]: two processes for each core, because tests wait a lot
run_pytest() {
	local name=$1 markers=$2
	shift 2

	REPOSTAL_BIN=$PWD/build/$name/repostal "$@" "$PYTHON" -m pytest tests/system -q -m "$markers" \
		-n "$(($(nproc) * 2))" -p no:cacheprovider --durations=5 --junitxml="$RESULTS/pytest-$name.xml"
}

step_checks() { "$PYTHON" tests/checks.py; }

step_build() { build_configuration dev && build_configuration release; }

step_unit() { build_configuration dev && run_ctest dev . "${BESIDE_POSTGRES[@]}"; }

step_asan() { build_configuration asan && run_ctest asan . "${BESIDE_POSTGRES[@]}"; }

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
	run_ctest tsan "$THREADED_TESTS" "${prefix[@]}" "${BESIDE_POSTGRES[@]}" || failed=1
	run_pytest tsan 'threads and not heavy and not release_only' "${prefix[@]}" || failed=1
	return $failed
}

step_torture() {
	build_configuration release && REPOSTAL_BIN=$PWD/build/release/repostal "$PYTHON" -m pytest tests/torture -q \
		-p no:cacheprovider --durations=5 --junitxml="$RESULTS/pytest-torture.xml"
}

step_package() {
	build_configuration release && "$PYTHON" -m pytest tests/package -q -rs -p no:cacheprovider --durations=5 \
		--junitxml="$RESULTS/pytest-package.xml"
}

step_arm64() {
	"$PYTHON" -m pytest tests/arm64 -q -rs -p no:cacheprovider --durations=8 \
		--junitxml="$RESULTS/pytest-arm64.xml"
}

step_fuzz() { build_configuration fuzz && run_ctest fuzz .; }

# The commands of a build by clang are enough; of its files, the one header that a build makes is wanted.
step_tidy() {
	local log=$RESULTS/tidy.log

	configure tidy >"$log" && cmake --build build/tidy --target repostal_commit >>"$log" || { cat "$log"; return 1; }
	run-clang-tidy -quiet -p build/tidy -j "$(nproc)" "$PWD/src/.*" >"$log" 2>/dev/null && return
	grep -v '^clang-tidy' "$log"
	return 1
}

# What fails is told, and what it reached counts all the same.
step_coverage() {
	local failed=0 pages=$RESULTS/coverage

	build_configuration coverage || return 1
	find build/coverage -name '*.gcda' -delete
	run_ctest coverage . "${BESIDE_POSTGRES[@]}" >"$RESULTS/coverage.log" || failed=1
	run_pytest coverage 'not heavy and not release_only' >>"$RESULTS/coverage.log" || failed=1
	[ $failed = 0 ] || grep -E '^FAILED|\(Failed\)|Timeout' "$RESULTS/coverage.log"
	mkdir -p "$pages"
	gcovr --root . --object-directory build/coverage --filter src/ --filter include/ -j "$(nproc)" \
		--json-summary "$pages/summary.json" --html-details "$pages/index.html" >>"$RESULTS/coverage.log" 2>&1 &&
		"$PYTHON" tests/support/coverage.py "$pages/summary.json" || failed=1
	return $failed
}

# -- all of it -----------------------------------------------------------------------------------------

# want_builds STEP...
want_builds() {
	local step name

	for step in "$@"; do
		for name in ${BUILDS[$step]:-}; do
			wanted_builds+=("$name")
		done
	done
}

# account STEP RESULT SECONDS: a line for the summary
account() {
	local step=$1 budget=${BUDGETS_S[$1]}
	local over=''

	[ "$3" -le "$budget" ] || over='  over its budget'
	summary+=("$(printf '%-4s  %-8s %4d s of %4d s%s' "$2" "$step" "$3" "$budget" "$over")")
}

run_step() {
	local step=$1 begin=$SECONDS result=ok

	say "$step"
	"step_$step" || { result=FAIL; failed+=("$step"); }
	account "$step" $result $((SECONDS - begin))
}

summarise() {
	local over=''

	say 'summary'
	printf '%s\n' "${summary[@]}"
	[ "$SECONDS" -le $TOTAL_BUDGET_S ] || over=', over its budget: a busy machine, or the tests need a look'
	printf '      all of it %3d s of %4d s%s\n' "$SECONDS" "$TOTAL_BUDGET_S" "$over"
	"$PYTHON" tests/support/tally.py "$SECONDS" "$RESULTS"/*.xml
}

# Builds that were begun ahead do not outlive the script.
end_builds() {
	! kill -0 "$last_build" 2>/dev/null || kill -- "-$last_build"
}

main() {
	local step h2o='' steps=() summary=() failed=()
	local wanted_builds=()
	local -A build_pids=() build_results=()

	for step in "${@:-all}"; do
		case " ${STEPS[*]} ${MORE_STEPS[*]} " in
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
	[ "${steps[*]}" = checks ] || h2o=$(examples/build-h2o.sh) || { say 'failed: libh2o'; exit 1; }
	account packages ok $SECONDS
	mkdir -p "$RESULTS" && rm -f "$RESULTS"/*.xml
	trap end_builds EXIT
	want_builds "${steps[@]}"
	build_ahead
	for step in "${steps[@]}"; do
		run_step "$step"
	done
	summarise
	[ ${#failed[@]} = 0 ] || { say "failed: ${failed[*]}"; return 1; }
	say "all ${#steps[@]} steps passed"
}

main "$@"
