#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# In the virtual machine: trace all of it while 500 processes of 50 threads come; leave the report
# in /out for tests/vm/check-crowd.
set -u
# shellcheck source=tests/vm/shell.sh
. /data/shell.sh

mkdir -p /tmp/crowd
outlive report -a --json -n 1000 >/out/report.json 2>/tmp/errors &
tracer=$!
await /tmp/errors 'tracing ' 900 $tracer
keep /tmp/crowd 3 crowd 500 >/tmp/truth &
touch /tmp/crowd/go
await /tmp/truth '{' 1500 $tracer
sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/$tracer/status >/out/peak
sed -n 's/^SUnreclaim:[^0-9]*\([0-9]*\).*/\1/p' /proc/meminfo >/out/kernel
kill -TERM $tracer
wait $tracer || fail "outlive ended with $?"
