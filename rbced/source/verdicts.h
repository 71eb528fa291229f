/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's side of verdict.h: the same keys and places, from what /proc says of a task. */
#ifndef RBCED_SOURCE_VERDICTS_H
#define RBCED_SOURCE_VERDICTS_H

#include <linux/types.h>
#include <rbce/hierarchy.h>
#include <rbce/task.h>
#include <rules/rules.h>

#include "verdict.h"

/* What these rules tell tasks apart by: bits of enum verdict_fact. */
unsigned verdicts_facts(const struct ruleset *rules);

/* The hash of a whole path, and of supplementary groups in their order. */
uint64_t verdicts_hash_path(uint64_t seed, const char *path);
uint64_t verdicts_hash_groups(uint64_t seed, const gid_t *groups, size_t n);

/* The hierarchies that make a place here: bits of enum verdict_hierarchy. */
unsigned verdicts_hierarchies(const struct rbce_hierarchy *h);

/*
 * The place that a text of /proc/PID/cgroup names. 0, or -errno where that has gone or cannot be
 * seen from here.
 */
int verdicts_place(uint64_t seed, const struct rbce_hierarchy *h, const char *proc_cgroup,
		   uint64_t *ret);

/*
 * The key of a task that stands at PLACE; RULES as in struct verdict_key. False where the facts do
 * not tell all.
 */
bool verdicts_key(uint64_t seed, uint64_t rules, const struct rbce_task *task, uint64_t place,
		  struct verdict_key *ret);

#endif
