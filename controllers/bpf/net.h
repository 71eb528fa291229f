/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs of net.bpf.c and the containers that they are attached to. Internal.
 *
 * They are loaded once for each root group and pinned below /sys/fs/bpf/rbce/ROOT/, for whoever
 * sets a key next. A container's rules and counters lie in the kernel with its v2 group, and go
 * with it, whoever removes that.
 */
#ifndef CONTROLLERS_BPF_NET_H
#define CONTROLLERS_BPF_NET_H

#include <rbce/container.h>
#include <rbce/error.h>

#include "layout.h"

/*
 * 0, -EOPNOTSUPP or -EPERM with what is missing, as the end of a sentence ("it needs a cgroup v2
 * tree").
 */
int bpf_net_supported(struct rbce_container *c, struct rbce_error *err);

/* What is in force for C's own group, all zero where nothing is. */
int bpf_net_read(struct rbce_container *c, struct net_rules *ret, struct rbce_error *err);

/*
 * Calls CHANGE on what is in force and puts the result in its place, in one step for every packet
 * and call. Whoever changes the same root's containers at the same time waits. On failure all is as
 * it was.
 */
typedef void bpf_net_change_fn(struct net_rules *rules, const void *data);
int bpf_net_change(struct rbce_container *c, bpf_net_change_fn *change, const void *data,
		   struct rbce_error *err);

/* What was counted since the group was made, all zero where nothing was. */
int bpf_net_count(struct rbce_container *c, struct net_counts *ret, struct rbce_error *err);

/* Takes the pins of the root group GROUP away; what is attached still works until it goes. */
void bpf_net_forget(const char *group);

#endif
