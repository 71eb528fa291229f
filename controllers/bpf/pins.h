/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs and maps of net.bpf.c below /sys/fs/bpf/rbce/ROOT/. Internal. */
#ifndef CONTROLLERS_BPF_PINS_H
#define CONTROLLERS_BPF_PINS_H

#include <rbce/error.h>

enum pin {
	PIN_CONNECT4,
	PIN_CONNECT6,
	PIN_SENDMSG4,
	PIN_SENDMSG6,
	PIN_BIND4,
	PIN_BIND6,
	PIN_INGRESS,
	PIN_EGRESS,
	PIN_PACE,
	PIN_RULES, /* from here on, maps */
	PIN_COUNTS,
	PIN_PACED,
};
#define PIN_PROGRAMS PIN_RULES
#define PIN_COUNT    (PIN_PACED + 1)

/* As the kernel knows it. */
const char *pins_name(enum pin pin);

/* 0, or -EPERM or -EOPNOTSUPP with what is missing. */
int pins_supported(struct rbce_error *err);

/* A descriptor of the caller's; -ENOENT where nothing was loaded for ROOT. */
int pins_open(const char *root, enum pin pin);

/*
 * Loads and pins what is not there for ROOT yet, or there from another version of the programs:
 * then containers get the new ones when they are next changed, and keep their rules where those
 * look alike. Returns a descriptor whose closing lets the next caller in.
 */
int pins_prepare(const char *root, struct rbce_error *err);

void pins_remove(const char *root);

#endif
