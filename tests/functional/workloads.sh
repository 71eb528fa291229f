# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# That keys do what they say, seen in what real programs get. CPU time is read from the programs
# themselves: on a busy machine they get no more for it.
# needs: root cgroup
# wants a quiet machine
# the same on both as on v1

# hog CONTAINER SECONDS WHEN [COMMAND...]: one that begins at WHEN there; its CPU milliseconds go to $T/CONTAINER.
hog() {
	local container=$1 seconds=$2 when=$3
	shift 3
	ctl run "$container" -- "$@" "$HELP/hog" "$seconds" "$when" >"$T/$container" 2>"$T/$container.err" &
	HOGS+=($!)
}

# stays CONTAINER COMMAND...: in the background, and there when this returns.
stays() {
	"$BIN/rbcectl" run --root "$ROOT" "$1" -- "${@:2}" >/dev/null &
	wait_for 15 stands_in $! "$1"
}

# All at once, for ten seconds: a hard limit, two weights on one processor, and real-time bandwidth. The
# weights are high so that what else runs on the machine takes little of it.
test_cpu_time() {
	local when light heavy realtime=yes HOGS=()
	write_rules <<-END
		[container quarter]
		cpu.max = 25%
		cpu.weight = 10000
		[container light]
		cpu.weight = 1000
		[container heavy]
		cpu.weight = 3000
		[container realtime]
		cpu.rt = 10%
	END
	start_rbced
	ctl run realtime -- true
	ctl get realtime cpu.rt >/dev/null 2>"$T/err" || realtime=
	when=$(($(date +%s) + 4))
	hog quarter 10 $when
	hog light 10 $when taskset -c 0
	hog heavy 10 $when taskset -c 0
	[ -z "$realtime" ] || hog realtime 5 $when taskset -c $(($(nproc) - 1)) chrt -f 1
	wait "${HOGS[@]}"
	light=$(cat "$T/light") heavy=$(cat "$T/heavy")
	figure "25 %: $(cat "$T/quarter") ms of 10,000; 1000 : 3000: $light and $heavy ms${realtime:+; real-time 10 %: $(cat "$T/realtime") ms of 5,000}"
	between "CPU milliseconds in 10 s at 25 %" 2300 2700 "$(cat "$T/quarter")"
	between "3000 over 1000, in percent" 270 330 $((heavy * 100 / (light + 1)))
	if [ -n "$realtime" ]; then
		between "real-time milliseconds in 5 s at 10 %" 400 620 "$(cat "$T/realtime")"
	else
		contains "why there is no real-time bandwidth" "cpu.rt needs" "$(cat "$T/err")"
	fi
}

# tries COMMAND...: in the container, what a shell says of it ("fine" or the reason).
tries() {
	ctl run --no-sticky "$BOX" -- sh -c "$1 && echo fine" 2>&1 | tail -n 1
}

test_devices() {
	local BOX
	write_rules <<-END
		[container box]
		device = null, zero r, c 1:7 rm
		[container default]
		device = default
	END
	start_rbced
	for BOX in box box/inner; do
		equal "$BOX: null" fine "$(tries 'echo x >/dev/null')"
		equal "$BOX: read zero" fine "$(tries 'head -c 1 /dev/zero >/dev/null')"
		contains "$BOX: write zero" "Operation not permitted" "$(tries 'echo x >/dev/zero')"
		contains "$BOX: read urandom" "Operation not permitted" "$(tries 'head -c 1 /dev/urandom >/dev/null')"
		equal "$BOX: mknod null" fine "$(tries "mknod $T/null c 1 3 && rm $T/null")"
		equal "$BOX: mknod full" fine "$(tries "mknod $T/full c 1 7 && rm $T/full")"
		contains "$BOX: mknod zero" "Operation not permitted" "$(tries "mknod $T/zero c 1 5")"
		contains "$BOX: mknod of a disk" "Operation not permitted" "$(tries "mknod $T/disk b 8 0")"
	done
	# No more than the one above has.
	ctl set box/inner device=null,urandom 2>/dev/null
	contains "more than above" "Operation not permitted" "$(tries 'head -c 1 /dev/urandom >/dev/null')"
	BOX=default
	for device in null zero full random urandom ptmx; do
		equal "default: $device" fine "$(tries "test -r /dev/$device && : </dev/$device")"
	done
	contains "default: memory" "Operation not permitted" "$(tries "mknod $T/mem c 1 1")"
	ctl set default device=all || fail "the list could not be taken back"
	equal "all again" fine "$(tries "mknod $T/mem c 1 1 && rm $T/mem")"
	ctl set default "device=null rw" device=zero || fail "the list could not be changed"
	equal "the last one" "c 1:5 rwm" "$(ctl get default device --json | jq -r '.keys[0].own')"
}

test_cpus() {
	local last
	last=$(($(nproc --all) - 1))
	write_rules <<-END
		[container first]
		cpuset.cpus = 0
		memset.mems = 0
		[rule never]
		user = $OTHER_UID
		container = first
	END
	start_rbced
	equal "where it may run" 0 "$(ctl run first -- sh -c "sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status")"
	equal "and what it starts in one below" 0 "$(ctl run first/second -- sh -c "sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status")"
	stays first sleep 100
	ctl set first cpuset.cpus="$last"
	equal "moved" "$last" "$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/$!/status)"
	contains "not there" "cannot set 'cpuset.cpus = 4000'" "$(ctl set first cpuset.cpus=4000 2>&1)"
	equal "as it was" "$last" "$(ctl get first cpuset.cpus --json | jq -r '.keys[0].own' | sed "s/all/$last/")"
}

test_freeze() {
	local before
	write_rules </dev/null
	start_rbced
	stays cold "$HELP/hog" 100
	ctl set cold freeze=yes || fail "it was not frozen"
	before=$(awk '{ print $14 + $15 }' /proc/$!/stat)
	sleep 0.3
	equal "CPU time of a frozen task" "$before" "$(awk '{ print $14 + $15 }' /proc/$!/stat)"
	equal "frozen" yes "$(ctl get cold freeze --json | jq -r '.keys[0].own')"
	ctl set cold freeze=no
	moved() { [ "$(awk '{ print $14 + $15 }' /proc/$!/stat)" -gt "$before" ]; }
	wait_for 15 moved
}
