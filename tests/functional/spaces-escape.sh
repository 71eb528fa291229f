# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Ways out of a container that do not lead out, for root inside, with a user namespace and without.
# needs: root cgroup
# the same on both as on v1

KINDS=("new=mount pid uts ipc net cgroup" "new=all")

make_rootfs() {
	mkdir -p "$T/rootfs/usr" "$T/rootfs/etc" "$T/rootfs/help"
	ln -sf usr/bin usr/sbin usr/lib usr/lib64 "$T/rootfs/"
	echo secret >"$T/secret"
}

# box KEYS COMMAND...: in a root file system of its own; stderr with stdout.
box() {
	local kind=$1
	shift
	ctl create --rootfs "$T/rootfs" one "namespace.$kind" "namespace.bind=/usr /usr ro" "namespace.bind=$HELP /help ro" "namespace.tmpfs=/scratch" \
		"${MORE[@]}" -- "$@" 2>&1
}

# For each kind of container: what the command says.
each() {
	local what=$1 expected=$2 kind
	shift 2
	for kind in "${KINDS[@]}"; do
		contains "$what ($kind)" "$expected" "$(box "$kind" "$@")"
	done
}
MORE=()

# Nothing of outside is reached through the first process.
test_first_process() {
	make_rootfs
	each "its /" "denied" ls /proc/1/root/
	each "its working directory" "denied" ls /proc/1/cwd/
	each "its program" "denied" sh -c 'echo x >>/proc/1/exe'
	each "its environment" "denied" cat /proc/1/environ
	each "its descriptors" "denied" cat /proc/1/fd/0
	each "the file of outside" "No such file" cat "$T/secret"
}

test_devices() {
	make_rootfs
	each "mknod" EPERM /help/inside device /scratch/kmsg 1 11
	each "mknod of one that is there" EPERM /help/inside device /scratch/null 1 3
	MORE=("namespace.caps=default mknod")
	contains "mknod with the capability" EPERM "$(box "${KINDS[0]}" /help/inside device /scratch/kmsg 1 11)"
	each "no disk" "No such file" sh -c 'ls /dev/vda /dev/sda /dev/mem'
}

test_files_by_handle() {
	make_rootfs
	each "open_by_handle_at" EPERM /help/inside handle /usr
	MORE=(namespace.seccomp=none)
	each "the same without a filter" EPERM /help/inside handle /usr
}

test_processes_outside() {
	local victim
	make_rootfs
	# Where the sources lie, the container's root may have nothing to look for.
	cp "$HELP/inside" "$T/inside"
	sleep 1000 &
	victim=$!
	each "ptrace" ESRCH /help/inside ptrace "$victim"
	each "a signal" ESRCH /help/inside signal "$victim"
	kill -0 "$victim" || fail "it was killed"
	# Without a pid namespace it is seen, and left alone all the same.
	contains "ptrace by pid" EPERM "$(ctl create one namespace.new=user,mount "namespace.uids=0 $TEST_UID 100" "namespace.gids=0 $TEST_UID 100" -- "$T/inside" ptrace "$victim")"
	contains "a signal by pid" EPERM "$(ctl create one namespace.new=user,mount "namespace.uids=0 $TEST_UID 100" "namespace.gids=0 $TEST_UID 100" -- "$T/inside" signal "$victim")"
}

# What is mounted inside is not seen outside, and what is mounted outside later not inside.
test_mounts_do_not_spread() {
	local before
	make_rootfs
	mkdir "$T/mount" && mount -t tmpfs shared "$T/mount" && mount --make-shared "$T/mount"
	before=$(mounts)
	MORE=(namespace.caps=all namespace.seccomp=none "namespace.bind=$T/mount /mnt")
	each "mounted inside" "/mnt/new tmpfs" sh -c 'mkdir -p /mnt/new; mount -t tmpfs inside /mnt/new && cut -d" " -f2,3 /proc/mounts'
	equal "mounts outside" "$before" "$(mounts)"
	[ -d "$T/mount/new" ] || fail "the bind mount did not reach"
	MORE=()
	each "mount without the capability" "permi" mount -t tmpfs x /scratch
	each "umount" "superuser" sh -c 'umount /proc/kcore || umount /proc/sys || umount /sys'
}

test_descriptors() {
	make_rootfs
	exec 7<"$T/secret" 8</ 9>"$T/open"
	each "descriptors" "[0 1 2 3]" sh -c 'echo "[$(ls /proc/self/fd | xargs)]"'
	each "those of the first process" "[0 1 2]" sh -c 'echo "[$(ls /proc/1/fd | xargs)]"'
	equal "as seen from outside" "0 1 2" "$(first_descriptors | xargs)"
}

first_descriptors() {
	local pid
	pid=$(ctl create --json --detach one -- sleep 1000 | jq .pid)
	ls "/proc/$pid/fd"
	ctl kill one
}

test_cgroups() {
	make_rootfs
	each "cgroups that are seen" "none" sh -c 'grep " cgroup" /proc/mounts || echo none'
	each "to mount them" "permi" mount -t cgroup2 x /scratch
	# Often: it must not depend on who is quicker.
	for _ in $(seq 20); do
		equal "top of what is seen" / "$(box "${KINDS[1]}" cut -d: -f3 /proc/self/cgroup | sort -u)"
	done
	# Where the host's files are there, those of the groups are: a user of its own does not write them.
	ctl create --detach one pids.max=20 namespace.new=all "namespace.uids=0 $TEST_UID 100" "namespace.gids=0 $TEST_UID 100" -- sleep 1000
	contains "its own limit" "denied" "$(ctl enter one -- sh -c "echo max >'$(group_file pids pids.max pids.max one)'" 2>&1)"
	contains "another group" "denied" "$(ctl enter one -- sh -c "echo 0 >'$(group_file pids cgroup.procs cgroup.procs .)'" 2>&1)"
	equal "the limit" 20 "$(cat "$(group_file pids pids.max pids.max one)")"
}

test_settings() {
	local before
	make_rootfs
	before=$(cat /proc/sys/kernel/hostname /proc/sys/vm/swappiness /proc/sys/kernel/core_pattern)
	each "/proc/sys" "Read-only" sh -c 'echo 1 >/proc/sys/vm/swappiness'
	each "core_pattern" "Read-only" sh -c 'echo "|/scratch/x" >/proc/sys/kernel/core_pattern'
	each "sysrq" "Read-only" sh -c '[ ! -e /proc/sysrq-trigger ] && echo Read-only || echo h >/proc/sysrq-trigger'
	each "/sys" "Read-only" sh -c 'echo x >/sys/kernel/uevent_helper || touch /sys/kernel/x'
	each "/proc/kcore" "0" sh -c 'head -c 10 /proc/kcore | wc -c'
	equal "settings outside" "$before" "$(cat /proc/sys/kernel/hostname /proc/sys/vm/swappiness /proc/sys/kernel/core_pattern)"
}

test_setns_back() {
	local ns
	make_rootfs
	for ns in mnt pid net user; do
		each "$ns of the first process" "denied" sh -c "cat /proc/1/ns/$ns; ls /proc/1/ns/$ns/"
		each "setns to $ns" EPERM /help/inside setns "/proc/self/ns/$ns"
	done
	MORE=("namespace.caps=default sys_admin" namespace.seccomp=none "namespace.bind=/proc/$$/ns/uts /outside-uts")
	contains "the host's, bound by somebody" "Permission denied" "$(box "${KINDS[1]}" /help/inside setns /outside-uts)"
}

# Terminals of outside cannot be typed at.
test_terminal() {
	local out
	out=$(script -qec "$BIN/rbcectl create --root $ROOT one -- $HELP/inside type" /dev/null)
	contains "TIOCSTI" EPERM "$out"
}

# Links in the root file system lead to nothing outside of it, whatever is mounted or made there.
test_links_out() {
	make_rootfs
	mkdir -p "$T/outside/there" && touch "$T/outside/file"
	ln -s "$T/outside" "$T/rootfs/proc"
	each "a link to nothing" "cannot mount '/proc'" true
	rm -rf "$T/rootfs/etc" "$T/rootfs/proc"
	ln -s "$T/outside" "$T/rootfs/etc"
	ln -s "../../../../../../../../$T/outside/there" "$T/rootfs/dots"
	mkdir -p "$T/rootfs$T/outside/there"
	MORE=("namespace.bind=$T/secret /etc/made/secret" "namespace.tmpfs=/dots/x")
	each "what is bound" "secret" cat /etc/made/secret
	equal "what was made outside" "file there" "$(cd "$T/outside" && echo ./* | tr -d ./)"
	equal "and below" "" "$(ls "$T/outside/there")"
	[ -e "$T/rootfs$T/outside/made/secret" ] || fail "it was not made in the root file system"
}

# The same while somebody changes the link all the time.
test_links_race() {
	local i swapper
	make_rootfs
	mkdir -p "$T/outside" "$T/rootfs/a" "$T/rootfs/b"
	MORE=("namespace.bind=$T/secret /swap/made/secret" "namespace.tmpfs=/swap/memory")
	(
		while :; do
			ln -sfn a "$T/rootfs/swap"
			ln -sfn "$T/outside" "$T/rootfs/swap"
			ln -sfn "../../../../../../$T/outside" "$T/rootfs/swap"
			rm -rf "$T/rootfs/swap" && mkdir -p "$T/rootfs/swap/made"
			rm -rf "$T/rootfs/swap"
		done
	) 2>/dev/null &
	swapper=$!
	for ((i = 0; i < 40; i++)); do
		box "${KINDS[0]}" true >/dev/null
		equal "what was made outside" "" "$(ls "$T/outside")"
	done
	kill "$swapper"
}
