# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What needs a disk that may be overwritten.
# needs: root cgroup2 disk swap kernel-patched

# 12 MiB written past the page cache at 4 MiB/s take 3 s; without a limit a fraction of one.
test_io_bandwidth_is_held() {
	# The last one: the first is for file systems (disk_folder).
	local disk=${RBCE_GUEST_DISKS##* } start
	write_rules <<-END
		[container slow]
		io.max = $disk wbps=4M
	END
	start_rbced
	start=$(date +%s%N)
	ctl run slow -- dd if=/dev/zero of="$disk" bs=1M count=12 oflag=direct 2>"$T/err" || fail "$(cat "$T/err")"
	between "milliseconds for 12 MiB at 4 MiB/s" 2000 60000 $((($(date +%s%N) - start) / 1000000))
	ctl run free -- true
	equal "limit in the kernel" "wbps=4194304" "$(grep -o 'wbps=[0-9]*' "/sys/fs/cgroup/$ROOT/slow/io.max")"
}
