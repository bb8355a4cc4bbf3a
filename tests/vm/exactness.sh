#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# In the virtual machine: trace tests/targets/exact once for each THREADS:OPERATIONS given, leave
# what outlive saw and what was true in /out for tests/vm/check-exactness.
set -u
# shellcheck source=tests/vm/shell.sh
. /data/shell.sh

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
