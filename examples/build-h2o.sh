#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# libh2o for systems that have no package of it, as Debian 13: brings one pinned commit of its sources by git
# into build/h2o (8 MB over the network, 60 MB on disk, some ten seconds; a second time nothing). repostal's
# build makes a static library of them, which takes half a minute on two cores, once for each build folder.
#
#   examples/build-h2o.sh              prints what cmake is to be told: -DH2O_SOURCE_DIR=FOLDER, or nothing
#                                      where the system has the library; the rest goes to standard error
#   examples/build-h2o.sh --packages   prints the Debian packages that libh2o takes here
#
# H2O_SOURCE_DIR=FOLDER names sources that are there already, for machines without a network. They are used
# as they are, also where there is a package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly URL=https://github.com/h2o/h2o
readonly COMMIT=edd7a120bfc4af11ac0cbebce2a43cc1f93f9af1 # of 2026-06-29; there are no releases
readonly TREE=$PWD/build/h2o
readonly FETCH_LIMIT_S=600
readonly PACKAGE=libh2o-evloop-dev

say() { printf 'libh2o: %s\n' "$*" >&2; }

fail() {
	say "$1"
	exit 1
}

package_is_installed() { pkg-config --exists libh2o-evloop 2>/dev/null; }

package_exists() { package_is_installed || apt-cache show "$PACKAGE" >/dev/null 2>&1; }

print_packages() {
	if [ -n "${H2O_SOURCE_DIR:-}" ]; then
		echo zlib1g-dev
	elif package_exists; then
		echo "$PACKAGE"
	else
		echo git zlib1g-dev
	fi
}

# Never the repository around it, which git would find where $TREE has none.
git_in() {
	local folder=$1
	shift

	git --git-dir="$folder/.git" --work-tree="$folder" "$@"
}

is_complete() {
	[ "$(git_in "$TREE" rev-parse HEAD 2>/dev/null)" = $COMMIT ] && git_in "$TREE" diff --quiet HEAD 2>/dev/null
}

# Beside its place first, so that what is in its place is complete.
fetch() {
	local part=$TREE.part

	rm -rf "$part"
	git init -q "$part"
	timeout $FETCH_LIMIT_S git --git-dir="$part/.git" fetch -q --depth 1 "$URL" $COMMIT >&2 || fail_to_fetch
	git_in "$part" -c advice.detachedHead=false checkout -q --detach $COMMIT
	rm -rf "$TREE"
	mv "$part" "$TREE"
}

fail_to_fetch() {
	cat >&2 <<-TEXT
		libh2o: its sources did not come from $URL: see above.
		libh2o: where that cannot be reached, copy the sources there, from a machine that can:
		          git clone $URL && git -C h2o checkout $COMMIT
		        and name their folder: H2O_SOURCE_DIR=/path/of/h2o
	TEXT
	exit 1
}

bring_sources() {
	command -v git >/dev/null || fail 'git is not installed, which brings the sources'
	# shellcheck disable=SC2046 # words
	unset $(git rev-parse --local-env-vars) # those of a hook, when one has called us
	if is_complete; then
		say "the sources are in $TREE"
		return
	fi
	say "this system has no package of it: fetching commit ${COMMIT:0:9} of $URL (8 MB)"
	fetch
	say "the sources are in $TREE, after $SECONDS s; building the library adds half a minute to each build"
}

main() {
	case ${1:-} in
	--packages) print_packages ;;
	'')
		if [ -n "${H2O_SOURCE_DIR:-}" ]; then
			[ -e "$H2O_SOURCE_DIR/include/h2o.h" ] || fail "H2O_SOURCE_DIR: no sources of libh2o in $H2O_SOURCE_DIR"
			say "the sources are those in $H2O_SOURCE_DIR"
			echo "-DH2O_SOURCE_DIR=$(realpath "$H2O_SOURCE_DIR")"
		elif ! package_is_installed; then
			bring_sources
			echo "-DH2O_SOURCE_DIR=$TREE"
		fi
		;;
	*) sed -n '/^# libh2o/,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
	esac
}

main "$@"
