/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of devices that a group may use, and how cgroup v2 is told. Internal. */
#ifndef CONTROLLERS_DEVICE_LIST_H
#define CONTROLLERS_DEVICE_LIST_H

#include <rbce/error.h>
#include <stddef.h>

enum device_access { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4, DEVICE_ANY = 7 };

enum { DEVICE_ALL = -1, DEVICE_RULES_MAX = 128 };

struct device_rule {
	char type;        /* 'b', 'c', 'a' for both */
	int major, minor; /* DEVICE_ALL for any */
	unsigned access;
};

/*
 * v2 has no file for it: a BPF program is asked. It is attached to the group DIRFD in the place of
 * the one before, at once, and belongs to it: it goes with the group, and needs no pin. TEXT is
 * what device_bpf_get() gives back.
 */
int device_bpf_set(int dirfd, const struct device_rule *rules, size_t n, const char *text,
		   struct rbce_error *err);

/* The text of the program attached, a new string; -ENOENT where there is none of ours. */
int device_bpf_get(int dirfd, char **ret);

/* Takes it away again. */
int device_bpf_clear(int dirfd, struct rbce_error *err);

#endif
