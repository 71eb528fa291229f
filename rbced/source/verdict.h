/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the program in the kernel (bpf.bpf.c) and the daemon must see alike: the facts by which
 * verdicts are kept, and the records of events. Both include linux/types.h before it.
 *
 * A verdict says that a task with certain facts, which stands in a certain place, stands right.
 * That is a pure function of the rules and of those facts: whoever finds them in the map knows it
 * without asking the daemon.
 */
#ifndef RBCED_SOURCE_VERDICT_H
#define RBCED_SOURCE_VERDICT_H

/* What rules may tell tasks apart by: bits of struct verdict_key's rules. */
enum verdict_fact {
	VERDICT_BY_UID = 1 << 0,
	VERDICT_BY_EUID = 1 << 1,
	VERDICT_BY_GID = 1 << 2,
	VERDICT_BY_EGID = 1 << 3,
	VERDICT_BY_GROUPS = 1 << 4,
	VERDICT_BY_LOGIN = 1 << 5,
	VERDICT_BY_EXE = 1 << 6,
	VERDICT_BY_PARENT = 1 << 7,
	VERDICT_BY_PGRP = 1 << 8,
	VERDICT_BY_SESSION = 1 << 9,
	VERDICT_BY_PGRP_LEADER = 1 << 10,
	VERDICT_BY_SESSION_LEADER = 1 << 11,
	VERDICT_BY_TTY = 1 << 12,
	VERDICT_BY_REALTIME = 1 << 13,
	/* There are verdicts at all; without it every event goes to the daemon. */
	VERDICT_KNOWN = 1 << 14,
};

/*
 * Facts that no rule asks for are 0. Programs are hashes of their paths, or VERDICT_NO_PROGRAM. The
 * place is all the groups that a task stands in; it is always there, for a rule may look at it.
 */
struct verdict_key {
	__u64 rules; /* enum verdict_fact, and above 32 bits the generation of the rules */
	__u64 exe, parent, pgrp_leader, session_leader;
	__u64 groups; /* hash of the supplementary ones */
	__u64 place;
	__u32 uid, euid, gid, egid, login, pgrp, session;
	__u32 flags;
};

enum verdict_flag { VERDICT_TTY = 1, VERDICT_REALTIME = 2 };

enum {
	VERDICT_NO_PROGRAM = 1, /* in place of a hash */
	VERDICT_STEPS = 320,    /* names and eight bytes of names that a path may have */
	VERDICT_GROUPS = 64,    /* supplementary groups of a task that may be told by them */
};

/*
 * A hash grows by a word at a time, from a seed that is new with every daemon: users could
 * otherwise make up names that collide.
 */
static inline __attribute__((always_inline)) __u64 verdict_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

/* Begins a name of a path; its words of eight bytes, the last padded by zeros, are mixed in next.
 */
static inline __attribute__((always_inline)) __u64 verdict_mix_name(__u64 hash, __u32 size)
{
	return verdict_mix(hash, (__u64)'/' << 32 | size);
}

/* What a finished hash must not be taken for. */
static inline __attribute__((always_inline)) __u64 verdict_finish(__u64 hash)
{
	return hash <= VERDICT_NO_PROGRAM ? hash + 2 : hash;
}

/* Hierarchies that a place is made of, in this order: the v2 tree, then those of v1 controllers. */
enum verdict_hierarchy {
	VERDICT_UNIFIED,
	VERDICT_CPU,
	VERDICT_CPUACCT,
	VERDICT_MEMORY,
	VERDICT_IO,
	VERDICT_PIDS,
	VERDICT_FREEZER,
	VERDICT_HIERARCHIES,
};

/* Why there is a record. */
enum heard {
	HEARD_FORK,
	HEARD_EXEC,
	HEARD_UID,
	HEARD_GID,
	HEARD_SID,
	HEARD_PGRP,
	HEARD_ATTACH,
	HEARD_EXIT,
	HEARD_RENAME, /* a cgroup has another name: places are no longer what they were */
	HEARD_CAUSES,
};

/* An event: the task as it was then, numbers as in the initial namespaces. */
struct bpf_record {
	__u64 when;      /* CLOCK_MONOTONIC, ns */
	__u64 start;     /* ns after boot */
	__u64 exe_inode; /* 0 for none */
	__u64 cgroup;    /* in the v2 tree */
	__u32 exe_device;
	__u32 cause;
	__u32 pid, parent; /* parent: for a fork, who forked; 0 when the child stands elsewhere */
	__u32 uid, euid, gid, egid;
	__u32 pgrp, session;
	__u32 mover; /* for an attach: who moved it */
	char comm[16], mover_comm[16];
};

/* A question and its answer. */
struct bpf_foresight {
	__u64 program; /* hash of the path of what the process is going to execute */
	__u32 pid;
	__u32 right; /* does it stand right for that? */
};

/*
 * What is asked of a process, and told: the facts named in key.rules, all of one moment, and those
 * beside the key that cost nothing.
 */
struct bpf_facts {
	struct verdict_key key;
	__u64 start; /* ns after boot */
	__u32 pid;   /* asked for */
	__u32 told;  /* 0: the rest is not to be had this way */
	__u32 ppid, pgrp, session, tty, policy;
	__u32 kernel_thread;
	char comm[16];
};

/* For each processor. */
struct bpf_counters {
	__u64 delivered[HEARD_CAUSES];
	__u64 filtered[HEARD_CAUSES];
	__u64 lost; /* the ring was full */
};

/* Which events of a task the daemon must hear of, whatever its verdict. */
enum bpf_noted { BPF_NOTED_END = 1, BPF_NOTED_CLOSELY = 2 };

/* Tasks that the daemon decides about right now, by the low bits of their pids. */
enum { BPF_LOOKS = 4096 };

enum { BPF_VERDICTS = 16384, BPF_CHILDREN = 4096, BPF_NOTED_MAX = 131072 };

#endif
