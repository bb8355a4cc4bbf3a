#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# In the virtual machine: trace tests/targets/exact once for each THREADS:OPERATIONS given, leave
# what outlive saw and what was true in /out for tests/vm/check-exactness.
set -u

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

trace() {
	threads=$1
	operations=$2
	truth=/out/truth-$threads.json
	: >/tmp/errors
	rm -f /tmp/orders
	mkfifo /tmp/orders
	exact "$threads" "$operations" </tmp/orders >"$truth" &
	target=$!
	exec 3>/tmp/orders
	await "$truth" '{"ready"' 100 $target
	outlive threads -p $target --json >"/out/report-$threads.json" 2>/tmp/errors &
	tracer=$!
	await /tmp/errors 'tracing ' 600 $tracer
	echo go >&3
	await "$truth" '{"truth"' 3000 $target
	# Not SIGINT: a shell starts background jobs with it ignored.
	kill -TERM $tracer
	wait $tracer || fail "outlive ended with $?"
	exec 3>&-
	wait $target || fail "the target ended with $?"
	echo "vm: $(uname -r): $operations operations in $threads threads traced"
}

for run in "$@"; do
	trace "${run%:*}" "${run#*:}"
done
