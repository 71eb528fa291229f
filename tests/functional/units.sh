# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The unit tests that look at a kernel, on the cgroup layouts of the guests.
# needs: root cgroup guest
# runs beside others

test_on_this_kernel() {
	local name
	for name in container controllers-live limits-live task; do
		"$B/tests/unit/test-$name" >"$T/out" 2>&1 || fail "$name: $(cat "$T/out")"
	done
}
