#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# In the virtual machine: trace tests/targets/operators under preloaded allocators, once for each
# SCENARIO:LIBRARY given, and leave what outlive saw and what was true in /out. Here probes are
# perf events, one by one, those at return instructions too.
set -u
# shellcheck source=tests/vm/shell.sh
. /data/shell.sh

trace() {
	scenario=$1
	library=$2
	truth=/out/truth-$scenario-$library.json
	: >/tmp/errors
	rm -f /tmp/orders
	mkfifo /tmp/orders
	LD_PRELOAD=/data/$library operators "$scenario" </tmp/orders >"$truth" &
	target=$!
	exec 3>/tmp/orders
	await "$truth" '{"ready"' 100 $target
	outlive threads -p $target --json >"/out/report-$scenario-$library.json" 2>/tmp/errors &
	tracer=$!
	await /tmp/errors 'tracing ' 600 $tracer
	echo go >&3
	await "$truth" '{"truth"' 600 $target
	kill -TERM $tracer
	wait $tracer || fail "outlive ended with $?"
	exec 3>&-
	wait $target || fail "the target ended with $?"
}

for run in "$@"; do
	trace "${run%:*}" "${run#*:}"
done
