# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Containers with namespaces of an ordinary user, in groups that were given to it.
# needs: root cgroup
# the same on both as on v1

ALL="mnt pid uts ipc net cgroup time"

# as_user COMMAND...: as the test's user, who has the root group and stands in it.
as_user() {
	local mount
	for mount in $(awk '$3 ~ /^cgroup/ && $4 !~ /name=/ { print $2 }' /proc/mounts); do
		case $(awk -v m="$mount" '$2 == m { print $4 }' /proc/mounts) in
		*cpuset* | *devices* | *hugetlb* | *net_* | *rdma* | *misc*) [ -e "$mount/cgroup.controllers" ] || continue ;;
		esac
		mkdir -p "$mount/$ROOT"
		chown -R "$TEST_UID:$TEST_UID" "$mount/$ROOT"
		# On v2 a group that has containers below takes no process itself.
		echo $BASHPID >"$mount/$ROOT/cgroup.procs" 2>/dev/null && continue
		mkdir -p "$mount/$ROOT/leaf" && chown -R "$TEST_UID:$TEST_UID" "$mount/$ROOT/leaf"
		echo $BASHPID >"$mount/$ROOT/leaf/cgroup.procs"
	done
	exec setpriv --reuid "$TEST_UID" --regid "$TEST_UID" --clear-groups env HOME=/ "$@"
}

prepare() {
	chmod 755 "$T"
	sysctl -n kernel.unprivileged_userns_clone 2>/dev/null | grep -q 0 && skip "ordinary users may have no user namespaces here"
	# The suite itself may lie where others cannot look.
	mkdir "$T/bin" && cp "$BIN/rbcectl" "$HELP/inside" "$T/bin"
}

create() {
	(as_user "$T/bin/rbcectl" create --root "$ROOT" "$@")
}

test_each_with_a_user_namespace() {
	local ns word
	prepare
	for ns in $ALL; do
		word=${ns/mnt/mount}
		# shellcheck disable=SC2016 # for the shell inside
		create --namespaces "user,$word" one -- sh -c 'readlink /proc/self/ns/user "/proc/self/ns/$0"' "$ns" >"$T/$ns" || fail "$ns: status $?"
		equal "$ns: those of its own" 0 "$(grep -cxF -e "$(readlink /proc/self/ns/user)" -e "$(readlink "/proc/self/ns/$ns")" "$T/$ns")"
	done
}

test_each_seen_from_outside() {
	local ns pid own
	prepare
	for ns in $ALL; do
		pid=$(create --json --detach --namespaces "user,${ns/mnt/mount}" one -- sleep 1000 | jq .pid)
		[ -n "$pid" ] || fail "$ns: cannot create"
		own=$(for n in user $ALL; do
			[ "$(readlink "/proc/$pid/ns/$n")" = "$(readlink "/proc/self/ns/$n")" ] || echo "$n"
		done)
		equal "$ns: those of its own" "user $ns" "$(xargs <<<"$own")"
		equal "$ns: whose it is outside" "$TEST_UID" "$(stat -c %u "/proc/$pid")"
		ctl kill one || fail "$ns: cannot kill"
	done
}

test_all_of_them() {
	local out
	prepare
	mkdir -p "$T/rootfs/usr" "$T/rootfs/tmp" && ln -s usr/bin usr/sbin usr/lib usr/lib64 "$T/rootfs/" && chown -R "$TEST_UID:$TEST_UID" "$T/rootfs"
	out=$(create --namespaces all --hostname mine --rootfs "$T/rootfs" one "namespace.bind=/usr /usr ro" namespace.time.boottime=1d namespace.uids=self \
		namespace.gids=self -- sh -c 'id -u; cat /proc/self/uid_map; cat /proc/sys/kernel/hostname; echo $$; ls /dev/null /dev/pts/ptmx; touch /tmp/x && echo made') ||
		fail "status $?"
	equal "inside" "0 0 $TEST_UID 1 mine 2 /dev/null /dev/pts/ptmx made" "$(xargs <<<"$out")"
	equal "whose file it is" "$TEST_UID" "$(stat -c %u "$T/rootfs/tmp/x")"
}

test_overlay() {
	prepare
	mkdir -p "$T/rootfs/usr" && ln -s usr/bin usr/sbin usr/lib usr/lib64 "$T/rootfs/" && echo before >"$T/rootfs/file"
	chown -R "$TEST_UID:$TEST_UID" "$T/rootfs"
	equal "inside" changed "$(create --rootfs "$T/rootfs" --overlay one "namespace.bind=/usr /usr ro" -- sh -c 'echo changed >/file; cat /file')"
	equal "outside" before "$(cat "$T/rootfs/file")"
}

test_what_it_may_not() {
	prepare
	contains "namespaces without a user namespace" "Operation not permitted" "$(create --namespaces uts one -- true 2>&1)"
	contains "ids of others" "refuses it" "$(create --namespaces user one "namespace.uids=0 0 10" -- true 2>&1)"
	contains "a host's device" "permitted" "$(create --namespaces all one namespace.gids=self -- mknod "/tmp/$ROOT-null" c 1 3 2>&1)"
}

test_range_of_subuid() {
	prepare
	! grep -q "^$TEST_UID:" /etc/subuid || skip "the test's user has ranges of ids"
	command -v newuidmap >/dev/null || skip "no newuidmap"
	contains "no range" "cannot find a range" "$(create --namespaces user one namespace.uids=auto -- true 2>&1)"
	export T ROOT
	# Files of the test's own, seen by its processes alone.
	(
		unshare --mount --propagation private bash -c '
			cp /etc/passwd "$T/passwd" && echo "rbcetest:x:$TEST_UID:$TEST_UID::/:/bin/sh" >>"$T/passwd" && mount --bind "$T/passwd" /etc/passwd
			echo "rbcetest:700000:1000" >"$T/sub" && mount --bind "$T/sub" /etc/subuid && mount --bind "$T/sub" /etc/subgid || exit 1
			"$@"' sh bash -c "$(declare -f as_user); as_user $T/bin/rbcectl create --root $ROOT --namespaces user one -- cat /proc/self/uid_map"
	) >"$T/out"
	equal "the map" "0 $TEST_UID 1 1 700000 1000" "$(xargs <"$T/out")"
}

# Its own container, which no one else may enter.
test_enter() {
	local pid
	prepare
	pid=$(create --json --detach --namespaces all one namespace.uids=self namespace.gids=self -- sleep 1000 | jq .pid)
	equal "who it is inside" 0 "$( (as_user "$T/bin/rbcectl" enter --root "$ROOT" one -- id -u))"
	contains "somebody else" "cannot enter" "$(setpriv --reuid "$OTHER_UID" --regid "$OTHER_UID" --clear-groups "$T/bin/rbcectl" enter --root "$ROOT" --pid "$pid" -- id 2>&1)"
}
