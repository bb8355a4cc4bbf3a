# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What the scripts in the virtual machine share; it lies there as /data/shell.sh.

fail() {
	echo "vm: $*"
	cat /tmp/errors
	exit 1
}

# Until the file $1 has a line that begins with $2, at most $3 tenths of a second; $4 must live.
await() {
	tenths=0
	until grep -q "^$2" "$1" 2>/dev/null; do
		kill -0 "$4" 2>/dev/null || fail "process $4 ended before '$2' in $1"
		tenths=$((tenths + 1))
		[ $tenths -lt "$3" ] || fail "no '$2' in $1 after $3 tenths of a second"
		sleep 0.1
	done
}
