// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In the kernel: hears of what tasks do, and wakes the daemon for those that may stand wrong. A
 * task whose facts are in `verdicts`, and which stands where that says, wakes nobody.
 *
 * Two tasks may be in these programs on one processor, one having preempted the other: so nothing
 * that is not finished lies anywhere but on the stack. The kernel leaves a program out that is
 * begun by the second of them; the daemon looks at how often that was (bpf.c).
 */
#include <linux/types.h>
#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernel.h"
#include "verdict.h"

#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000

const char terms[] SEC("license") = "GPL";

/* Set before it is loaded. */
const volatile __u64 seed;
const volatile __u32 hierarchies; /* in use: bits of enum verdict_hierarchy */
const volatile __u32 daemon_pid;

/* Set by the daemon at any time. */
volatile __u64 rules; /* as in struct verdict_key */
volatile __u32 looks[BPF_LOOKS];

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, BPF_VERDICTS);
	__type(key, struct verdict_key);
	__type(value, __u8);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BPF_NOTED_MAX);
	__type(key, __u32); /* process id */
	__type(value, __u32);
} noted SEC(".maps");

/* Threads that are about to change their ids, and which. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* thread id */
	__type(value, __u32);
} changes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_counters);
} counters SEC(".maps");

/* ---- facts ---- */

/* On the way from a file's name to the top of its tree. */
struct walk {
	struct dentry *dentry;
	struct vfsmount *mount;
	const unsigned char *name; /* what is left of the name that is being mixed in */
	__u64 left;
	__u64 hash;
	bool done;
};

/* Mixes in the next eight bytes of a name. 1: they could not be read. */
static __always_inline long mix_word(struct walk *walk)
{
	__u64 word = 0;
	__u32 size = walk->left < sizeof(word) ? (__u32)walk->left : sizeof(word);

	/* The compiler knows more of it than the kernel's check does. */
	asm volatile("" : "+r"(size));
	if (size > sizeof(word) || bpf_probe_read_kernel(&word, size, walk->name) < 0)
		return 1;
	walk->hash = verdict_mix(walk->hash, word);
	walk->name += size;
	walk->left -= size;
	return 0;
}

/* From the top of a mounted tree to where that is mounted. 1 at the top of all. */
static __always_inline long leave_mount(struct walk *walk)
{
	struct mount *mount = (void *)walk->mount - bpf_core_field_offset(struct mount, mnt);
	struct mount *above = BPF_CORE_READ(mount, mnt_parent);

	walk->done = above == mount;
	walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
	walk->mount = (void *)above + bpf_core_field_offset(struct mount, mnt);
	return walk->done;
}

static long step(__u32 index, void *data)
{
	struct walk *walk = data;
	struct dentry *dentry = walk->dentry, *parent;
	struct vfsmount *mount = walk->mount;

	if (walk->left)
		return mix_word(walk);
	if (dentry == BPF_CORE_READ(mount, mnt_root))
		return leave_mount(walk);
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry)
		return 1;
	walk->name = BPF_CORE_READ(dentry, d_name.name);
	walk->left = BPF_CORE_READ(dentry, d_name.len);
	walk->hash = verdict_mix_name(walk->hash, (__u32)walk->left);
	walk->dentry = parent;
	return 0;
}

/*
 * The hash of a file's path as /proc/PID/exe shows it, from the last name to the first, through all
 * mounts; 0 where that is not to be told: a file that is deleted, a path that is too long.
 *
 * A function that the kernel checks by itself, once.
 */
__attribute__((noinline)) __u64 hash_path(__u64 address)
{
	const struct file *file = (const struct file *)address;
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct walk walk = {
		.dentry = dentry,
		.mount = BPF_CORE_READ(file, f_path.mnt),
		.hash = seed,
	};

	if (!BPF_CORE_READ(dentry, d_hash.pprev))
		return 0;
	bpf_loop(VERDICT_STEPS, step, &walk, 0);
	return walk.done ? verdict_finish(walk.hash) : 0;
}

struct group_walk {
	const struct group_info *groups;
	__u32 n;
	__u64 hash;
};

static long mix_group(__u32 index, void *data)
{
	struct group_walk *walk = data;
	__u32 gid = 0;

	if (index >= walk->n)
		return 1;
	bpf_probe_read_kernel(&gid, sizeof(gid),
			      (void *)walk->groups + bpf_core_field_offset(struct group_info, gid) +
				      (__u64)index * sizeof(gid));
	walk->hash = verdict_mix(walk->hash, gid);
	return 0;
}

/* A hash of a task's supplementary groups; 0 where there are too many. */
__attribute__((noinline)) __u64 hash_groups(__u64 address)
{
	const struct group_info *groups = (const struct group_info *)address;
	struct group_walk walk = {
		.groups = groups,
		.n = (__u32)BPF_CORE_READ(groups, ngroups),
		.hash = seed,
	};

	if (walk.n > VERDICT_GROUPS)
		return 0;
	bpf_loop(VERDICT_GROUPS, mix_group, &walk, 0);
	return verdict_finish(walk.hash);
}

static __always_inline __u64 program_of(struct task_struct *leader)
{
	struct file *file;

	if (!leader || BPF_CORE_READ(leader, flags) & PF_KTHREAD)
		return VERDICT_NO_PROGRAM;
	file = BPF_CORE_READ(leader, mm, exe_file);
	return file ? hash_path((__u64)file) : VERDICT_NO_PROGRAM;
}

/* The process that a group or session is named for; NULL when that has gone. */
static __always_inline struct task_struct *leader_of(struct pid *pid)
{
	struct hlist_node *first = BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first);

	return first ? (void *)first - bpf_core_field_offset(struct task_struct, pid_links) : NULL;
}

static __always_inline struct pid *pid_of(struct task_struct *leader, enum pid_type type)
{
	return BPF_CORE_READ(leader, signal, pids[type]);
}

static __always_inline __u32 number_of(struct pid *pid)
{
	return pid ? (__u32)BPF_CORE_READ(pid, numbers[0].nr) : 0;
}

static __always_inline struct cgroup *group_in(struct css_set *set, __u64 subsystem)
{
	struct cgroup_subsys_state *state = NULL;

	bpf_probe_read_kernel(&state, sizeof(state),
			      (void *)set + bpf_core_field_offset(struct css_set, subsys) +
				      subsystem * sizeof(state));
	return BPF_CORE_READ(state, cgroup);
}

/* Does BODY for the GROUP of a css_set in each hierarchy in use, in order. */
#define FOR_V1(set, hierarchy, subsystem, group, body)                                             \
	if (hierarchies & 1U << (hierarchy) &&                                                     \
	    bpf_core_enum_value_exists(enum cgroup_subsys_id, subsystem)) {                        \
		group = group_in(set, bpf_core_enum_value(enum cgroup_subsys_id, subsystem));      \
		body;                                                                              \
	}
#define FOR_GROUPS(set, group, body)                                                               \
	if (hierarchies & 1U << VERDICT_UNIFIED) {                                                 \
		group = BPF_CORE_READ(set, dfl_cgrp);                                              \
		body;                                                                              \
	}                                                                                          \
	FOR_V1(set, VERDICT_CPU, cpu_cgrp_id, group, body)                                         \
	FOR_V1(set, VERDICT_CPUACCT, cpuacct_cgrp_id, group, body)                                 \
	FOR_V1(set, VERDICT_MEMORY, memory_cgrp_id, group, body)                                   \
	FOR_V1(set, VERDICT_IO, io_cgrp_id, group, body)                                           \
	FOR_V1(set, VERDICT_PIDS, pids_cgrp_id, group, body)                                       \
	FOR_V1(set, VERDICT_FREEZER, freezer_cgrp_id, group, body)

static __always_inline __u64 place_of(struct task_struct *leader)
{
	struct css_set *set = BPF_CORE_READ(leader, cgroups);
	struct cgroup *group;
	__u64 place = seed;

	FOR_GROUPS(set, group, place = verdict_mix(place, BPF_CORE_READ(group, kn, id)))
	return verdict_finish(place);
}

static __always_inline bool is_used(struct task_struct *leader, struct cgroup *group)
{
	struct css_set *set = BPF_CORE_READ(leader, cgroups);
	struct cgroup *other;

	FOR_GROUPS(set, other, if (other == group) return true)
	return false;
}

/* ---- verdicts ---- */

/* TASK's own program is NEXT, if that is given. */
static __always_inline __u64 program_to_be(struct task_struct *leader, struct task_struct *task,
					   __u64 next)
{
	return next && leader == task ? next : program_of(leader);
}

static __always_inline bool add_programs(struct verdict_key *key, struct task_struct *leader,
					 __u64 next)
{
	if (key->rules & VERDICT_BY_EXE && !(key->exe = program_to_be(leader, leader, next)))
		return false;
	if (key->rules & VERDICT_BY_PARENT &&
	    !(key->parent = program_of(BPF_CORE_READ(leader, real_parent, group_leader))))
		return false;
	if (key->rules & VERDICT_BY_PGRP_LEADER &&
	    !(key->pgrp_leader =
		      program_to_be(leader_of(pid_of(leader, PIDTYPE_PGID)), leader, next)))
		return false;
	if (key->rules & VERDICT_BY_SESSION_LEADER &&
	    !(key->session_leader =
		      program_to_be(leader_of(pid_of(leader, PIDTYPE_SID)), leader, next)))
		return false;
	return true;
}

static __always_inline bool add_ids(struct verdict_key *key, struct task_struct *leader)
{
	const struct cred *cred = BPF_CORE_READ(leader, real_cred);

	if (key->rules & VERDICT_BY_UID)
		key->uid = BPF_CORE_READ(cred, uid.val);
	if (key->rules & VERDICT_BY_EUID)
		key->euid = BPF_CORE_READ(cred, euid.val);
	if (key->rules & VERDICT_BY_GID)
		key->gid = BPF_CORE_READ(cred, gid.val);
	if (key->rules & VERDICT_BY_EGID)
		key->egid = BPF_CORE_READ(cred, egid.val);
	if (key->rules & VERDICT_BY_LOGIN && bpf_core_field_exists(leader->loginuid))
		key->login = BPF_CORE_READ(leader, loginuid.val);
	if (key->rules & VERDICT_BY_GROUPS &&
	    !(key->groups = hash_groups((__u64)BPF_CORE_READ(cred, group_info))))
		return false;
	return true;
}

static __always_inline void add_rest(struct verdict_key *key, struct task_struct *leader)
{
	if (key->rules & VERDICT_BY_PGRP)
		key->pgrp = number_of(pid_of(leader, PIDTYPE_PGID));
	if (key->rules & VERDICT_BY_SESSION)
		key->session = number_of(pid_of(leader, PIDTYPE_SID));
	if (key->rules & VERDICT_BY_TTY && BPF_CORE_READ(leader, signal, tty))
		key->flags |= VERDICT_TTY;
	if (key->rules & VERDICT_BY_REALTIME) {
		unsigned int policy = BPF_CORE_READ(leader, policy);

		/* SCHED_FIFO, SCHED_RR, SCHED_DEADLINE */
		if (policy == 1 || policy == 2 || policy == 6)
			key->flags |= VERDICT_REALTIME;
	}
}

/* Does it stand right or, when NEXT is the hash of a program's path, will it when it runs that? */
static __always_inline bool stands_right(struct task_struct *leader, __u64 place, __u64 next)
{
	struct verdict_key key = {.rules = rules, .place = place};

	if (!(key.rules & VERDICT_KNOWN) || !add_ids(&key, leader) ||
	    !add_programs(&key, leader, next))
		return false;
	add_rest(&key, leader);
	return bpf_map_lookup_elem(&verdicts, &key) != NULL;
}

/* Must the daemon hear of all that this process does, whatever it is? */
static __always_inline bool is_wanted(__u32 pid)
{
	__u32 *kept;

	/* It has begun to look at the task, and may act on what was true before this. */
	if (looks[pid % BPF_LOOKS])
		return true;
	kept = bpf_map_lookup_elem(&noted, &pid);
	return kept && *kept == BPF_NOTED_CLOSELY;
}

/* ---- records ---- */

static __always_inline struct bpf_counters *counters_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline void count_filtered(enum heard cause)
{
	struct bpf_counters *here = counters_here();

	if (here)
		__sync_fetch_and_add(&here->filtered[cause], 1);
}

static __always_inline void count_lost(void)
{
	struct bpf_counters *here = counters_here();

	if (here)
		__sync_fetch_and_add(&here->lost, 1);
}

static __always_inline void describe(struct bpf_record *record, struct task_struct *leader)
{
	const struct cred *cred = BPF_CORE_READ(leader, real_cred);
	struct inode *inode = BPF_CORE_READ(leader, mm, exe_file, f_inode);

	record->start = BPF_CORE_READ(leader, start_boottime);
	record->exe_inode = BPF_CORE_READ(inode, i_ino);
	record->exe_device = BPF_CORE_READ(inode, i_sb, s_dev);
	record->cgroup = BPF_CORE_READ(leader, cgroups, dfl_cgrp, kn, id);
	record->pid = (__u32)BPF_CORE_READ(leader, tgid);
	record->uid = BPF_CORE_READ(cred, uid.val);
	record->euid = BPF_CORE_READ(cred, euid.val);
	record->gid = BPF_CORE_READ(cred, gid.val);
	record->egid = BPF_CORE_READ(cred, egid.val);
	record->pgrp = number_of(pid_of(leader, PIDTYPE_PGID));
	record->session = number_of(pid_of(leader, PIDTYPE_SID));
	bpf_core_read(&record->comm, sizeof(record->comm), &leader->comm);
}

/* That a task has ended may wait for something else, or for the daemon's timer. */
static __always_inline __u64 wakeup_for(enum heard cause)
{
	if (cause == HEARD_EXIT && bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) <
					   bpf_ringbuf_query(&events, BPF_RB_RING_SIZE) / 2)
		return BPF_RB_NO_WAKEUP;
	return BPF_RB_FORCE_WAKEUP;
}

/* LEADER is NULL where it is not about a task; OTHER is who forked or moved it. */
static __always_inline void deliver(struct task_struct *leader, enum heard cause, __u32 other)
{
	struct bpf_counters *here = counters_here();
	struct bpf_record *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

	if (!record) {
		count_lost();
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	record->when = bpf_ktime_get_ns();
	record->cause = cause;
	if (leader)
		describe(record, leader);
	if (cause == HEARD_FORK)
		record->parent = other;
	if (cause == HEARD_ATTACH) {
		record->mover = other;
		bpf_get_current_comm(record->mover_comm, sizeof(record->mover_comm));
	}
	bpf_ringbuf_submit(record, wakeup_for(cause));
	if (here)
		__sync_fetch_and_add(&here->delivered[cause], 1);
}

/* Something happened to a task; does it matter? */
static __always_inline void hear(struct task_struct *leader, enum heard cause, __u32 other)
{
	if (BPF_CORE_READ(leader, flags) & PF_KTHREAD)
		return;
	if (!is_wanted((__u32)BPF_CORE_READ(leader, tgid)) &&
	    (cause != HEARD_FORK || !is_wanted(other)) && stands_right(leader, place_of(leader), 0))
		count_filtered(cause);
	else
		deliver(leader, cause, other);
}

static __always_inline __u32 current_pid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* ---- what is heard ---- */

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	hear(BPF_CORE_READ(task, group_leader), HEARD_EXEC, 0);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct task_struct *leader = BPF_CORE_READ(parent, group_leader);

	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return 0;
	hear(child, HEARD_FORK, (__u32)BPF_CORE_READ(leader, tgid));
	/* It was put elsewhere while it was made (CLONE_INTO_CGROUP): it has no parent's place. */
	if (place_of(child) != place_of(leader))
		hear(child, HEARD_FORK, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u32 pid = (__u32)BPF_CORE_READ(task, tgid);

	/* Threads end as well. */
	if (BPF_CORE_READ(task, signal, live.counter) != 0)
		return 0;
	if (bpf_map_lookup_elem(&noted, &pid))
		deliver(BPF_CORE_READ(task, group_leader), HEARD_EXIT, 0);
	else
		count_filtered(HEARD_EXIT);
	return 0;
}

enum { CHANGES_USER = 1, CHANGES_GROUP = 2 };

/* Credentials are taken on for many reasons; only before that can it be told which. */
SEC("fentry/commit_creds")
int BPF_PROG(before_commit_creds, struct cred *new)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	const struct cred *old = BPF_CORE_READ(task, real_cred);
	__u32 thread = (__u32)bpf_get_current_pid_tgid(), change = 0;

	if (BPF_CORE_READ(old, uid.val) != BPF_CORE_READ(new, uid.val) ||
	    BPF_CORE_READ(old, euid.val) != BPF_CORE_READ(new, euid.val))
		change |= CHANGES_USER;
	if (BPF_CORE_READ(old, gid.val) != BPF_CORE_READ(new, gid.val) ||
	    BPF_CORE_READ(old, egid.val) != BPF_CORE_READ(new, egid.val) ||
	    BPF_CORE_READ(old, group_info) != BPF_CORE_READ(new, group_info))
		change |= CHANGES_GROUP;
	if (change && bpf_map_update_elem(&changes, &thread, &change, BPF_ANY) < 0)
		count_lost();
	return 0;
}

SEC("fexit/commit_creds")
int BPF_PROG(after_commit_creds)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	__u32 *change = bpf_map_lookup_elem(&changes, &thread);
	enum heard cause;

	if (!change)
		return 0;
	cause = *change & CHANGES_USER ? HEARD_UID : HEARD_GID;
	bpf_map_delete_elem(&changes, &thread);
	if (cause == HEARD_UID)
		hear(BPF_CORE_READ(task, group_leader), HEARD_UID, 0);
	else
		hear(BPF_CORE_READ(task, group_leader), HEARD_GID, 0);
	return 0;
}

SEC("fexit/ksys_setsid")
int BPF_PROG(after_setsid, int r)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	if (r >= 0)
		hear(BPF_CORE_READ(task, group_leader), HEARD_SID, 0);
	return 0;
}

static __always_inline void changed_pid(struct task_struct *task, enum pid_type type,
					struct pid *pid)
{
	if (type != PIDTYPE_PGID)
		return;
	/* A part of setsid(2), which is not done yet. */
	if (pid == pid_of(task, PIDTYPE_SID) && pid == pid_of(task, PIDTYPE_TGID))
		return;
	hear(BPF_CORE_READ(task, group_leader), HEARD_PGRP, 0);
}

/* Inside setpgid(2), for itself or a child. One of these two fits the kernel. */
SEC("fexit/change_pid")
int BPF_PROG(after_change_pid, struct pid **pids, struct task_struct *task, enum pid_type type,
	     struct pid *pid)
{
	changed_pid(task, type, pid);
	return 0;
}

SEC("fexit/change_pid")
int BPF_PROG(after_change_pid_before_6_15, struct task_struct *task, enum pid_type type,
	     struct pid *pid)
{
	changed_pid(task, type, pid);
	return 0;
}

/*
 * Where the kernel lets nobody into its functions. All system calls are slower while this is
 * attached, so it is only while rules ask for process groups.
 */
#if defined(__TARGET_ARCH_arm64)
#define SYSTEM_CALL(regs)    BPF_CORE_READ((struct pt_regs___arm64 *)(regs), syscallno)
#define FIRST_ARGUMENT(regs) BPF_CORE_READ((struct pt_regs___arm64 *)(regs), orig_x0)
#define SETPGID              154
#else
#define SYSTEM_CALL(regs)    BPF_CORE_READ((struct pt_regs___x86 *)(regs), orig_ax)
#define FIRST_ARGUMENT(regs) BPF_CORE_READ((struct pt_regs___x86 *)(regs), di)
#define SETPGID              109
#endif

struct child_walk {
	struct list_head *end, *next;
	__u32 pid; /* in the namespace of that level */
	__u32 level;
	struct task_struct *found;
};

/* What a namespace of that level calls it. */
static __always_inline __u32 number_at(struct pid *pid, __u32 level)
{
	__u32 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      (__u64)level * bpf_core_type_size(struct upid) +
				      bpf_core_field_offset(struct upid, nr));
	return number;
}

static long compare_child(__u32 index, void *data)
{
	struct child_walk *walk = data;
	struct list_head *at = walk->next;
	struct task_struct *child = (void *)at - bpf_core_field_offset(struct task_struct, sibling);

	if (at == walk->end || !at)
		return 1;
	if (number_at(BPF_CORE_READ(child, thread_pid), walk->level) == walk->pid) {
		walk->found = child;
		return 1;
	}
	walk->next = BPF_CORE_READ(at, next);
	return 0;
}

/* Itself or the child that a task calls by that number; NULL where another thread forked that. */
static __always_inline struct task_struct *process_of(struct task_struct *task, __u32 pid)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct child_walk walk = {
		.end = (void *)task + bpf_core_field_offset(struct task_struct, children),
		.next = BPF_CORE_READ(task, children.next),
		.pid = pid,
		.level = BPF_CORE_READ(task, thread_pid, level),
	};

	if (!pid || number_at(BPF_CORE_READ(leader, thread_pid), walk.level) == pid)
		return leader;
	bpf_loop(BPF_CHILDREN, compare_child, &walk, 0);
	return walk.found;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(after_system_call, struct pt_regs *regs, long r)
{
	struct task_struct *task;

	if (SYSTEM_CALL(regs) != SETPGID || r < 0)
		return 0;
	task = process_of((struct task_struct *)bpf_get_current_task(),
			  (__u32)FIRST_ARGUMENT(regs));
	if (task)
		hear(task, HEARD_PGRP, 0);
	else
		count_lost();
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_attach, struct cgroup *group, const char *path, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	if (current_pid() != daemon_pid && is_used(leader, group))
		hear(leader, HEARD_ATTACH, current_pid());
	return 0;
}

SEC("tp_btf/cgroup_rename")
int BPF_PROG(on_rename, struct cgroup *group)
{
	deliver(NULL, HEARD_RENAME, 0);
	return 0;
}

/* ---- what is asked ---- */

extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

/* By the gate, for a task that it holds: will it stand right when it executes that program? */
SEC("syscall")
int foresee(struct bpf_foresight *question)
{
	struct task_struct *task = bpf_task_from_pid((__s32)question->pid);

	question->right = 0;
	if (!task)
		return 0;
	/* The rest of its facts are those of the first thread, which may be another one. */
	if (!is_wanted(question->pid))
		question->right = stands_right(task, place_of(task), question->program);
	bpf_task_release(task);
	return 0;
}

/* As /proc/PID/stat has it, include/linux/kdev_t.h. */
static __always_inline __u32 terminal_of(struct task_struct *leader)
{
	struct tty_struct *tty = BPF_CORE_READ(leader, signal, tty);
	__u32 major, minor;

	if (!tty)
		return 0;
	major = (__u32)BPF_CORE_READ(tty, driver, major);
	minor = (__u32)BPF_CORE_READ(tty, driver, minor_start) + (__u32)BPF_CORE_READ(tty, index);
	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

static __always_inline bool add_facts(struct bpf_facts *facts, struct task_struct *leader)
{
	__u32 flags = BPF_CORE_READ(leader, flags);
	char comm[sizeof(facts->comm)];

	/* /proc knows better what is left of a task that ends. */
	if (flags & PF_EXITING || !add_ids(&facts->key, leader) ||
	    !add_programs(&facts->key, leader, 0))
		return false;
	facts->key.place = place_of(leader);
	facts->start = BPF_CORE_READ(leader, start_boottime);
	facts->ppid = (__u32)BPF_CORE_READ(leader, real_parent, tgid);
	facts->pgrp = number_of(pid_of(leader, PIDTYPE_PGID));
	facts->session = number_of(pid_of(leader, PIDTYPE_SID));
	facts->tty = terminal_of(leader);
	facts->policy = BPF_CORE_READ(leader, policy);
	facts->kernel_thread = (flags & PF_KTHREAD) != 0;
	/* No helper may write to the question itself. */
	bpf_core_read(&comm, sizeof(comm), &leader->comm);
	__builtin_memcpy(facts->comm, comm, sizeof(comm));
	return true;
}

/* By the daemon, for a process that it looks at. */
SEC("syscall")
int tell(struct bpf_facts *facts)
{
	struct task_struct *task = bpf_task_from_pid((__s32)facts->pid);

	facts->told = 0;
	if (!task)
		return 0;
	facts->told = add_facts(facts, task);
	bpf_task_release(task);
	return 0;
}
