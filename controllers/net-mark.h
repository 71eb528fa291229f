/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Marks of packets (net.priority, net.flowid) as text, and where cgroup v1 has them. Internal. */
#ifndef CONTROLLERS_NET_MARK_H
#define CONTROLLERS_NET_MARK_H

#include <rbce/container.h>
#include <rbce/error.h>
#include <stdint.h>

/* "5", "0x10001", or "1:10" as tc(8) writes it, in hexadecimal. */
int net_mark_parse(const char *text, uint32_t *ret, struct rbce_error *err);
void net_mark_format(uint32_t mark, char *buf, size_t size);

/*
 * In the v1 group of C. The priority is that on all interfaces of the caller's network namespace;
 * where they differ, the highest is read.
 */
int net_mark_read_v1(struct rbce_container *c, enum rbce_controller controller, uint32_t *ret);
int net_mark_write_v1(struct rbce_container *c, enum rbce_controller controller, uint32_t mark,
		      struct rbce_error *err);

#endif
