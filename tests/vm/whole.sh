#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# In the virtual machine: trace all of it, or parts, with processes that come and go; leave what
# outlive saw and what was true in /out for tests/vm/check-whole.
set -u
# shellcheck source=tests/vm/shell.sh
. /data/shell.sh

# begin NAME OPTIONS: trace; processes made before this wait for /tmp/NAME/go. With a name of
# recorded-…, record, and report on the recording.
begin() {
	name=$1
	shift
	: >/tmp/errors
	case $name in
	recorded-*) outlive record "$@" -o "/tmp/$name.outlive" 2>/tmp/errors & ;;
	*) outlive report "$@" --json -n 1000 >"/out/$name.json" 2>/tmp/errors & ;;
	esac
	tracer=$!
	await /tmp/errors 'tracing ' 900 $tracer
}

# Start a target: DIRECTORY and what else it takes. Its truth goes to /out/DIRECTORY.truth.
keeper=keep
start() {
	directory=$1
	shift
	mkdir -p "/tmp/$directory"
	$keeper "/tmp/$directory" "$@" >>"/out/$directory.truth" &
}

# finish NAME LINES: let the targets work until there are as many lines of truth, end the trace.
finish() {
	touch "/tmp/$1/go"
	tenths=0
	until [ "$(wc -l <"/out/$1.truth")" -ge "$2" ]; do
		tenths=$((tenths + 1))
		[ $tenths -lt 900 ] || fail "$1: $(wc -l <"/out/$1.truth") of $2 done"
		sleep 0.1
	done
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/$tracer/status >"/out/$1.peak"
	echo $tracer >"/out/$1.tracer"
	kill -TERM $tracer
	wait $tracer || fail "$1: outlive ended with $?"
	touch "/tmp/$1/end"
	[ ! -e "/tmp/$1.outlive" ] ||
		outlive report "/tmp/$1.outlive" --json -n 1000 >"/out/$1.json" || fail "no report of $1"
	echo "vm: $1 traced"
}

# Half of the processes before, half of them after the trace began; some end in it.
number=1
while [ $number -le 25 ]; do
	start all $number stay
	number=$((number + 1))
done
sleep 1
begin all -a
while [ $number -le 45 ]; do
	start all $number stay
	number=$((number + 1))
done
while [ $number -le 50 ]; do
	start all $number leave
	number=$((number + 1))
done
# They are 25 in a moment, on an emulated machine: let their unwind tables be made.
sleep 10
finish all 50

start storm 1 stay
sleep 0.5
# Children that live for a moment, and programs that follow one another.
begin storm -a
start storm 3 storm 1000
start storm 4 chain 5
start storm 60 chain 3
finish storm 4

# Only what is in the cgroup, or below it, or moved into it.
for path in in in/below out; do
	mkdir -p /sys/fs/cgroup/$path
done
in_cgroup() {
	path=$1
	shift
	(
		# In a shell of its own: its children begin where it is.
		sh -c 'echo $PPID' >/sys/fs/cgroup/"$path"/cgroup.procs
		start "$@"
	)
}
in_cgroup in cgroup 1 stay
in_cgroup out cgroup 2 stay
begin cgroup --cgroup in
in_cgroup in cgroup 3 stay
in_cgroup in/below cgroup 4 leave
in_cgroup out cgroup 5 stay
in_cgroup in cgroup 6 chain 2
in_cgroup out cgroup 7 stay
sleep 1
moved=$(sed -n 1p /sys/fs/cgroup/out/cgroup.procs)
echo "$moved" >/sys/fs/cgroup/in/cgroup.procs
echo "$moved" >/out/cgroup.moved
finish cgroup 7

# Only processes of some names and some users.
for name in web1 web2 worker; do
	cp /bin/keep /bin/$name
done
named() {
	program=$1
	shift
	mkdir -p /tmp/names
	$program /tmp/names "$@" >>/out/names.truth &
}
named web1 11 user 1000
named web2 12 user 1000
named worker 13 user 1000
named web1 14 stay
begin names -a --comm 'web*' --exclude web2 --user 1000
named web1 21 user 1000
named web2 22 user 1000
named worker 23 user 1000
named web1 24 stay
finish names 8

# A container that brings its own libc while the trace runs.
mkdir -p /jail/bin /jail/lib64 /jail/lib/x86_64-linux-gnu /jail/tmp /jail/proc
cp /bin/keep /jail/bin
cp /lib64/ld-linux-x86-64.so.2 /jail/lib64
cp /lib/x86_64-linux-gnu/libc.so.6 /jail/lib/x86_64-linux-gnu
mount --bind /tmp /jail/tmp
start recorded-libc 31 stay
begin recorded-libc -a
unshare -m -p -f chroot /jail /bin/keep /tmp/recorded-libc 32 stay >>/out/recorded-libc.truth &
sleep 2
finish recorded-libc 2

# Programs of two C libraries at once.
start two 71 stay
keeper=keep-musl
start two 72 stay
begin two -a
start two 73 leave
keeper=keep
start two 74 leave
finish two 4

# Sampled, and with a limit on what tracing may cost each process.
start sampled 401 stay
begin sampled -a --sample 4K
start sampled 402 stay
finish sampled 2

mkfifo /tmp/orders
busy 1 </tmp/orders >/tmp/busy.said &
echo $! >/out/governed.busy
exec 3>/tmp/orders
start governed 51 stay
begin governed -a --max-overhead 5
start governed 52 stay
echo go >&3
sleep 4
finish governed 2
exec 3>&-
wait "$(cat /out/governed.busy)" || fail "busy came to harm: $(cat /tmp/busy.said)"

# The screen, once, of two processes.
start top 41 stay
start top 42 stay
outlive top -a --comm keep --once --for 4s >/out/top.text 2>/tmp/errors &
tracer=$!
await /tmp/errors 'tracing ' 900 $tracer
touch /tmp/top/go
wait $tracer || fail "top ended with $?"
touch /tmp/top/end
