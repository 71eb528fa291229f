# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A whole system short of memory.
# needs: root cgroup guest disk
# the same on every cgroup layout

# shellcheck source=tests/functional/memory.sh
. tests/functional/memory.sh

# free_memory FIELD: MiB
free_memory() {
	awk -v field="$1:" '$1 == field { print int($2 / 1024) }' /proc/meminfo
}

give_memory_back() {
	local ended=$?
	echo 0 >/proc/sys/vm/nr_hugepages
	take_down "$ended"
}

# leaves MIB: of memory; the rest is set aside, which is quicker than filling it.
leaves() {
	trap give_memory_back EXIT
	echo $((($(free_memory MemAvailable) - $1) / 2)) >/proc/sys/vm/nr_hugepages
	between "MiB left" $(($1 - 50)) $(($1 + 50)) "$(free_memory MemAvailable)"
}

# The groups above have no soft limit of their own.
test_soft_limit_of_two_among_all() {
	local FOLDER
	FOLDER=$(disk_folder) || skip "no disk: page cache in memory cannot be reclaimed"
	write_rules <<-END
		[container users/kept]
		memory.soft = 32M
		[container users/over]
		memory.soft = 16M
	END
	mkdir "$FOLDER/users" "$T/users"
	start_rbced
	leaves 300
	fills users/kept 24
	grep -q "cannot set 'memory.soft'" "$T/rbced.log" && skip "this kernel forgets soft limits of cgroup v1"
	fills users/over 64
	"$HELP/eat" $(($(free_memory MemFree) + 50)) 0 >"$T/hog" &
	wait_for 60 has_resident $! 150
	wait_for 60 sleeps $!
	figure "under its soft limit $(cached users/kept) MiB of 24 are left, over it $(cached users/over) of 64"
	between "of 24 MiB under the soft limit" 23 30 "$(cached users/kept)"
	between "of 64 MiB over it" 0 50 "$(cached users/over)"
}

# sleeps PID: it has taken all.
sleeps() {
	[ "$(cat "/proc/$1/syscall" | cut -d' ' -f1)" = 34 ]
}
