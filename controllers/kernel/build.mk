# SPDX-License-Identifier: GPL-2.0-or-later
# The kernels of the guest, what shows that the series harms nothing, and packages for a host.

# The kernel's own cgroup selftests: the series may not turn a pass into anything else.
check-kernel: deps-tests kernel
	@tests/guest/check-kernel

# The tests of the series on a kernel that looks for wrong locking, bad accesses and leaks.
check-kernel-debug: deps-tests kernel-debug
	@$(MAKE) $(QUIET) all tests
	@tests/guest/check-kernel-debug

# The series as a list of the kernel wants it: checkpatch, each patch by itself in all configurations.
check-series:
	@controllers/kernel/check

kernel kernel-plain kernel-debug:
	@controllers/kernel/build $(or $(filter-out kernel,$(@:kernel-%=%)),patched)

# Debian packages of the patched kernel, for a host: CONFIG=FILE is its configuration.
kernel-deb:
	@controllers/kernel/package $(CONFIG)

.PHONY: check-kernel check-kernel-debug check-series kernel kernel-plain kernel-debug kernel-deb
