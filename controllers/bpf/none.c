// SPDX-License-Identifier: GPL-2.0-or-later
/* In place of net.c where clang, bpftool or libbpf was missing when this was built. */
#include <errno.h>

#include "net.h"

static int refuse(struct rbce_error *err)
{
	return rbce_error_set(err, -EOPNOTSUPP, "it needs BPF, and this was built without it");
}

int bpf_net_supported(struct rbce_container *c, struct rbce_error *err)
{
	(void)c;
	return refuse(err);
}

int bpf_net_read(struct rbce_container *c, struct net_rules *ret, struct rbce_error *err)
{
	(void)c;
	(void)ret;
	return refuse(err);
}

int bpf_net_change(struct rbce_container *c, bpf_net_change_fn *change, const void *data,
		   struct rbce_error *err)
{
	(void)c;
	(void)change;
	(void)data;
	return refuse(err);
}

int bpf_net_count(struct rbce_container *c, struct net_counts *ret, struct rbce_error *err)
{
	(void)c;
	(void)ret;
	return refuse(err);
}

void bpf_net_forget(const char *group)
{
	(void)group;
}
