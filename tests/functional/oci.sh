# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Containers from OCI bundles: the cases of the runtime specification for what is supported.
# needs: root cgroup
# the same on every cgroup layout

# bundle FILTER: a bundle whose config.json is a usual one changed by that.
bundle() {
	mkdir -p "$T/bundle/rootfs/usr" "$T/bundle/data" "$T/bundle"/rootfs/{proc,sys,dev,data}
	ln -sfn usr/bin "$T/bundle/rootfs/bin"
	ln -sfn usr/sbin "$T/bundle/rootfs/sbin"
	ln -sfn usr/lib "$T/bundle/rootfs/lib"
	ln -sfn usr/lib64 "$T/bundle/rootfs/lib64"
	jq "$1" >"$T/bundle/config.json" <<-END
		{"ociVersion": "1.0.2", "hostname": "bundled",
		"process": {"terminal": false, "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["sh", "-c", "true"],
			"env": ["PATH=/usr/bin:/usr/sbin", "A=b"],
			"capabilities": {"bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL", "CAP_CHOWN"]},
			"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}], "noNewPrivileges": true},
		"root": {"path": "rootfs"},
		"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
			{"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"]},
			{"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
			{"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}],
		"linux": {"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "cgroup"}],
			"maskedPaths": ["/proc/version"], "readonlyPaths": ["/proc/sys"]}}
	END
}

oci() {
	"$BIN/rbcectl" oci --root "$ROOT" "$@"
}

create() {
	oci --bundle "$T/bundle" create box >"$T/out" 2>&1
}

is() {
	[ "$(oci state box | jq -r .status)" = "$1" ]
}

# What the shell inside says to SCRIPT, with a filter for config.json before.
run_box() {
	bundle "${2:-.} | .process.args[2] = $(jq -Rs . <<<"$1")"
	create || fail "cannot create: $(cat "$T/out")"
	oci start box || fail "cannot start"
	wait_for 20 is stopped
	oci delete box || fail "cannot delete"
	cat "$T/out"
}

gone() {
	[ -z "$(compgen -G "/sys/fs/cgroup/$ROOT/box*"; compgen -G "/sys/fs/cgroup/*/$ROOT/box*")" ]
}

test_life() {
	local pid
	bundle '.process.args[2] = "echo begun; exec sleep 1000"'
	oci --bundle "$T/bundle" --pid-file "$T/pid" create box >"$T/out" || fail "cannot create"
	pid=$(cat "$T/pid")
	equal "state" "1.0.2 box created $pid" "$(oci state box | jq -r '"\(.ociVersion) \(.id) \(.status) \(.pid)"')"
	equal "what it did before it was started" "" "$(cat "$T/out")"
	stands_in "$pid" box || fail "it is not in its container"
	contains "the same id again" "there already" "$(oci --bundle "$T/bundle" create box 2>&1)"
	contains "deleted before it ended" "it is created" "$(oci delete box 2>&1)"
	oci start box || fail "cannot start"
	wait_for 10 grep -q begun "$T/out"
	is running || fail "it is $(oci state box)"
	contains "started again" "it is running" "$(oci start box 2>&1)"
	contains "deleted while it runs" "it is running" "$(oci delete box 2>&1)"
	oci kill box KILL || fail "cannot kill"
	wait_for 10 is stopped
	contains "killed again" "it is stopped" "$(oci kill box TERM 2>&1)"
	oci delete box || fail "cannot delete"
	wait_for 10 gone
	contains "state of none" "there is none" "$(oci state box 2>&1)"
	contains "start of none" "there is none" "$(oci start box 2>&1)"
}

test_signals() {
	bundle '.process.args[2] = "trap \"echo heard; exit\" TERM; echo ready; while :; do sleep 0.05; done"'
	create && oci start box || fail "cannot start"
	wait_for 10 grep -q ready "$T/out"
	oci kill box || fail "cannot kill"
	wait_for 10 is stopped
	contains "output" heard "$(cat "$T/out")"
	oci delete box
}

test_force() {
	bundle '.process.args[2] = "exec sleep 1000"'
	create && oci start box || fail "cannot start"
	oci --force delete box || fail "cannot delete"
	wait_for 10 gone
}

test_process() {
	equal "directory, environment, ids" "/usr b 7 8 9" "$(run_box 'pwd; echo $A; id -u; id -g; id -G | cut -d" " -f2' \
		'.process.cwd = "/usr" | .process.user = {"uid": 7, "gid": 8, "additionalGids": [9]}' | xargs)"
	equal "capabilities, privileges" "CapEff: 0000000000000021 CapBnd: 0000000000000021 NoNewPrivs: 1" \
		"$(run_box 'grep -E "^(CapEff|CapBnd|NoNewPrivs):" /proc/self/status' | xargs)"
	equal "limits" "100 200" "$(run_box 'ulimit -Sn; ulimit -Hn' | xargs)"
	equal "pid" 1 "$(run_box 'echo $$')"
}

test_root_and_mounts() {
	equal "root" "Read-only" "$(run_box 'touch /x 2>&1 | grep -o Read-only; touch /data/y' \
		'.root.readonly = true | .mounts += [{"destination": "/data", "type": "tmpfs", "source": "x", "options": ["size=1m"]}]' | xargs)"
	echo shared >"$T/bundle/data/file"
	equal "bound" "shared no" "$(run_box 'cat /data/file; touch /data/new 2>/dev/null || echo no' \
		'.mounts += [{"destination": "/data", "type": "bind", "source": "data", "options": ["bind", "ro"]}]' | xargs)"
	equal "hidden, read-only" "0 no" "$(run_box 'head -c 9 /proc/version | wc -c; echo 1 2>/dev/null >/proc/sys/vm/swappiness || echo no' | xargs)"
	equal "hostname" bundled "$(run_box 'cat /proc/sys/kernel/hostname')"
}

test_linux() {
	equal "ids" "0 $TEST_UID 10" "$(run_box 'cat /proc/self/uid_map' ".linux.namespaces += [{\"type\": \"user\"}] |
		.linux.uidMappings = [{\"containerID\": 0, \"hostID\": $TEST_UID, \"size\": 10}] |
		.linux.gidMappings = [{\"containerID\": 0, \"hostID\": $TEST_UID, \"size\": 10}]" | xargs)"
	equal "a setting" 33 "$(run_box 'cat /proc/sys/fs/mqueue/msg_max' '.linux.sysctl = {"fs.mqueue.msg_max": "33"}')"
	between "uptime" 86400 10000000 "$(run_box 'cut -d. -f1 /proc/uptime' '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"boottime": {"secs": 86400}}')"
	bundle '.linux.resources = {"memory": {"limit": 67108864}, "pids": {"limit": 40}, "cpu": {"quota": 50000, "period": 100000}}'
	create || fail "cannot create: $(cat "$T/out")"
	equal "limits" "67108864 40" "$(cat "$(group_file memory memory.limit_in_bytes memory.max box)" "$(group_file pids pids.max pids.max box)" | xargs)"
	oci --force delete box
}

# Devices and links that every container has, whatever config.json says.
test_default_devices() {
	equal "devices" "" "$(run_box 'for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done; [ -e /dev/ptmx ] || echo no ptmx')"
	equal "links" "/proc/self/fd /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2" \
		"$(run_box 'readlink /dev/fd /dev/stdin /dev/stdout /dev/stderr' | xargs)"
	equal "they work" "4 denied" "$(run_box 'head -c 4 /dev/zero | wc -c; mknod /tmp-disk b 8 0 2>/dev/null || echo denied' | xargs)"
}

# Those that are asked for are new, and no others.
test_namespaces() {
	local ns type
	while read -r ns type; do
		# shellcheck disable=SC2016 # for the shell inside
		run_box 'readlink /proc/self/ns/*' ".linux.namespaces |= map(select(.type != \"$type\"))" >"$T/links"
		equal "$ns without it" "$(readlink "/proc/self/ns/$ns")" "$(grep "^$ns:" "$T/links")"
		equal "others with it" 5 "$(for other in pid net ipc uts mnt cgroup; do
			[ "$(readlink /proc/self/ns/$other)" = "$(grep "^$other:" "$T/links")" ] || echo new
		done | wc -l)"
	done <<-'END'
		net network
		ipc ipc
		cgroup cgroup
	END
}

test_paths_and_names() {
	equal "masked and read-only" "0 no" "$(run_box 'cat /proc/meminfo | wc -c; (echo x >/proc/self/comm) 2>/dev/null || echo no' \
		'.linux.maskedPaths = ["/proc/meminfo"] | .linux.readonlyPaths = ["/proc"]' | xargs)"
	equal "a domain" inner.example "$(run_box 'cat /proc/sys/kernel/domainname' '.domainname = "inner.example"')"
	equal "annotations mean nothing" fine "$(run_box 'echo fine' '.annotations = {"org.example": "x"}')"
	equal "options of mounts" "nosuid nodev noexec" "$(run_box 'grep " /data " /proc/self/mounts | grep -oE "nosuid|nodev|noexec"' \
		'.mounts += [{"destination": "/data", "type": "bind", "source": "data", "options": ["bind", "nosuid", "nodev", "noexec"]}]' | xargs)"
}

test_more_limits() {
	bundle '.linux.resources = {"cpu": {"shares": 2048, "cpus": "0"}, "memory": {"limit": 67108864, "reservation": 33554432}, "devices": [{"allow": false, "access": "rwm"}]} |
		.process.args[2] = "cat /dev/null && grep Cpus_allowed_list /proc/self/status; sleep 1000"'
	create || fail "cannot create: $(cat "$T/out")"
	equal "weight, reservation" "200 33554432" "$(ctl get --json box cpu.weight memory.soft | jq -r '[.keys[].own] | join(" ")')"
	oci start box || fail "cannot start"
	wait_for 10 grep -q "Cpus_allowed_list:.0$" "$T/out"
	oci --force delete box
}

# What is not supported is refused by its name, and nothing is left of it.
test_refused() {
	local what
	while IFS='|' read -r what filter; do
		bundle "$filter"
		create && fail "$what was accepted"
		contains "$what" "'$what'" "$(cat "$T/out")"
		gone || fail "$what: groups are left"
	done <<-'END'
		hooks|.hooks = {"prestart": []}
		linux.seccomp|.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW"}
		linux.intelRdt|.linux.intelRdt = {}
		process.terminal|.process.terminal = true
		process.apparmorProfile|.process.apparmorProfile = "x"
		linux.resources.blockIO|.linux.resources = {"blockIO": {}}
		linux.resources.memory.kernel|.linux.resources = {"memory": {"kernel": 1}}
		linux.resources.memory|.linux.resources = {"memory": {"swap": 1}}
		linux.resources.cpu.realtimeRuntime|.linux.resources = {"cpu": {"realtimeRuntime": 1}}
		linux.resources.network|.linux.resources = {"network": {}}
		linux.resources.hugepageLimits|.linux.resources = {"hugepageLimits": []}
		linux.rootfsPropagation|.linux.rootfsPropagation = "shared"
		linux.mountLabel|.linux.mountLabel = "x"
		process.selinuxLabel|.process.selinuxLabel = "x"
		process.oomScoreAdj|.process.oomScoreAdj = 100
		vm|.vm = {}
		ociVersion|.ociVersion = "2.0.0"
		linux.namespaces|.linux.namespaces += [{"type": "uts", "path": "/proc/1/ns/uts"}]
		mounts|.mounts += [{"destination": "/x", "type": "cgroup", "source": "cgroup"}]
	END
	echo '{' >"$T/bundle/config.json"
	create && fail "no JSON was accepted"
	contains "no JSON" "cannot read" "$(cat "$T/out")"
	bundle '.process.args = ["/nonsense"]'
	create || fail "cannot create"
	contains "no such program" "cannot run '/nonsense'" "$(oci start box 2>&1)"
	oci --force delete box
}
