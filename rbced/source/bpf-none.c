// SPDX-License-Identifier: GPL-2.0-or-later
/* In place of bpf.c where clang, bpftool or libbpf was missing when rbced was built. */
#include <errno.h>

#include "source.h"

static int open_none(struct engine *engine, void **ret, struct rbce_error *err)
{
	(void)engine;
	(void)ret;
	return rbce_error_set(err, -EOPNOTSUPP, "cannot use BPF: this rbced was built without it");
}

const struct source_kind source_bpf = {
	.name = "bpf",
	.about = "a program in the kernel; not in this rbced",
	.open = open_none,
};
