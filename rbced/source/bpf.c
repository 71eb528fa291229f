// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events from a program in the kernel (bpf.bpf.c), which leaves out those that change nothing: the
 * daemon tells it the verdicts that it comes to. Needs CAP_BPF, CAP_PERFMON, the kernel's
 * description of its types (BTF), and the initial pid namespace.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <controllers/bpf/complaint.h>
#include <core/cli/log.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "../put.h"
#include "capability.h"
#include "known.h"
#include "rbced/source/bpf.skel.h"
#include "source.h"
#include "util.h"
#include "verdicts.h"

/* Events handled before other sources of the loop get their turn. */
enum { BATCH = 4096 };

/* How often it is asked whether the kernel has left out an event unheard, and what has ended. */
enum { CHECK_USEC = 500000 };

struct bpf {
	struct engine *engine;
	struct rbced_bpf *program;
	bool enters; /* the kernel lets programs into its functions */
	bool asks;   /* it lets a program find a task by its pid */
	void *ids;   /* else the connector tells of changed ids */
	struct ring_buffer *ring;
	sd_event_source *on_ring, *on_time;
	uint64_t seed;
	uint32_t generation;
	int left; /* of the batch */
	size_t n_cpus;
	struct bpf_counters *per_cpu, sum;
	uint64_t missed; /* by all programs so far */
	uint64_t wakeups;
	uint64_t verdicts;    /* given since the rules were loaded */
	unsigned hierarchies; /* that make a place */
	struct known *known;
};

static const enum cause causes[HEARD_CAUSES] = {
	[HEARD_FORK] = CAUSE_FORK,    [HEARD_EXEC] = CAUSE_EXEC, [HEARD_UID] = CAUSE_UID,
	[HEARD_GID] = CAUSE_GID,      [HEARD_SID] = CAUSE_SID,   [HEARD_PGRP] = CAUSE_PGRP,
	[HEARD_ATTACH] = CAUSE_MOVED, [HEARD_EXIT] = CAUSE_EXIT,
};

/* ---- events ---- */

/* Clock ticks from nanoseconds after boot. */
static uint64_t to_ticks(uint64_t ns)
{
	return ns / (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* Another process may have the number by now. */
static bool is_known(const struct bpf *bpf, const struct bpf_record *record)
{
	return records_find(bpf->engine->records, (pid_t)record->pid, to_ticks(record->start)) !=
	       NULL;
}

static void rules_changed(void *data);

static int on_record(void *data, void *sample, size_t size)
{
	const struct bpf_record *record = sample;
	struct bpf *bpf = data;

	if (size < sizeof(*record) || record->cause >= HEARD_CAUSES)
		return 0;
	if (record->cause == HEARD_RENAME) {
		known_forget_places(bpf->known);
		rules_changed(bpf);
	} else if (record->cause == HEARD_ATTACH)
		engine_moved_by_other(bpf->engine, (pid_t)record->pid, (pid_t)record->mover,
				      record->mover_comm);
	else if (record->cause != HEARD_EXIT || is_known(bpf, record))
		engine_event(bpf->engine, causes[record->cause], (pid_t)record->pid,
			     (pid_t)record->parent, record->when / 1000);
	return --bpf->left > 0 ? 0 : -EAGAIN;
}

/* The sum of all processors' counters, as it is now. */
static void read_counters(struct bpf *bpf)
{
	static const size_t n = sizeof(struct bpf_counters) / sizeof(__u64);
	__u64 *sum = (__u64 *)&bpf->sum;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(bpf->program->maps.counters), &zero, bpf->per_cpu) < 0)
		return;
	memset(sum, 0, sizeof(bpf->sum));
	for (size_t cpu = 0; cpu < bpf->n_cpus; cpu++)
		for (size_t i = 0; i < n; i++)
			sum[i] += ((const __u64 *)&bpf->per_cpu[cpu])[i];
}

static void look_for_losses(struct bpf *bpf)
{
	uint64_t before = bpf->sum.lost;

	read_counters(bpf);
	if (bpf->sum.lost > before)
		engine_lost(bpf->engine, bpf->sum.lost - before);
}

/* Programs that a task was to enter while another one was preempted in them: see bpf.bpf.c. */
static uint64_t count_missed(const struct bpf *bpf)
{
	struct bpf_program *program;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, bpf->program->obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			missed += info.recursion_misses;
	}
	return missed;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct bpf *bpf = data;

	(void)source;
	(void)fd;
	(void)events;
	bpf->wakeups++;
	bpf->left = BATCH;
	ring_buffer__consume(bpf->ring);
	look_for_losses(bpf);
	return 0;
}

static int on_check(sd_event_source *source, uint64_t usec, void *data)
{
	struct bpf *bpf = data;
	uint64_t missed = count_missed(bpf);

	if (missed > bpf->missed)
		engine_lost(bpf->engine, missed - bpf->missed);
	bpf->missed = missed;
	/* Ends of tasks do not wake the daemon by themselves. */
	bpf->left = BATCH;
	ring_buffer__consume(bpf->ring);
	look_for_losses(bpf);
	return sd_event_source_set_time(source, usec + CHECK_USEC);
}

/* ---- facts ---- */

/* Runs one of the programs that are asked. */
static bool ask(const struct bpf_program *program, void *question, size_t size)
{
	struct bpf_test_run_opts options = {
		.sz = sizeof(options),
		.ctx_in = question,
		.ctx_size_in = (uint32_t)size,
	};

	return bpf_prog_test_run_opts(bpf_program__fd(program), &options) == 0;
}

/* What the kernel is asked for each of our facts; those that are not here it cannot tell. */
static const struct {
	enum rbce_facts fact;
	unsigned asked;
} told[] = {
	{RBCE_FACT_STAT, VERDICT_KNOWN},
	{RBCE_FACT_IDS, VERDICT_BY_UID | VERDICT_BY_EUID | VERDICT_BY_GID | VERDICT_BY_EGID},
	{RBCE_FACT_EXE, VERDICT_BY_EXE},
	{RBCE_FACT_PARENT, VERDICT_BY_PARENT},
	{RBCE_FACT_PGRP_LEADER, VERDICT_BY_PGRP_LEADER},
	{RBCE_FACT_SESSION_LEADER, VERDICT_BY_SESSION_LEADER},
	{RBCE_FACT_CGROUP, VERDICT_KNOWN},
};

/* False when it cannot tell all of them. */
static bool to_ask(const struct bpf *bpf, unsigned facts, __u64 *ret)
{
	uint64_t rules = bpf->program->bss->rules;

	/* Supplementary groups are no number. */
	if (facts & RBCE_FACT_IDS && (!(rules & VERDICT_KNOWN) || rules & VERDICT_BY_GROUPS))
		return false;
	*ret = 0;
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		if (facts & told[i].fact)
			*ret |= told[i].asked;
		facts &= ~(unsigned)told[i].fact;
	}
	return facts == 0;
}

/* False for a program that was not met before. */
static bool add_program(const struct bpf *bpf, uint64_t hash, char **ret)
{
	if (hash == 0 || hash == VERDICT_NO_PROGRAM)
		return true;
	*ret = known_program(bpf->known, hash);
	return *ret != NULL;
}

static bool translate(const struct bpf *bpf, const struct bpf_facts *from, unsigned facts,
		      struct rbce_task *task)
{
	const struct verdict_key *key = &from->key;

	task->facts = facts;
	task->start = to_ticks(from->start);
	task->ppid = (pid_t)from->ppid;
	task->pgrp = (pid_t)from->pgrp;
	task->session = (pid_t)from->session;
	task->tty = (int)from->tty;
	task->policy = (int)from->policy;
	task->kernel_thread = from->kernel_thread;
	task->uid = key->uid;
	task->euid = key->euid;
	task->gid = key->gid;
	task->egid = key->egid;
	memcpy(task->comm, from->comm, sizeof(from->comm));
	return add_program(bpf, key->exe, &task->exe) &&
	       add_program(bpf, key->parent, &task->parent_exe) &&
	       add_program(bpf, key->pgrp_leader, &task->pgrp_leader_exe) &&
	       add_program(bpf, key->session_leader, &task->session_leader_exe) &&
	       (!(facts & RBCE_FACT_CGROUP) || known_place(bpf->known, key->place, task));
}

/* Takes three microseconds where /proc takes fifty, once a program and a place were met. */
static bool tells(void *data, pid_t pid, unsigned facts, struct rbce_task *task)
{
	const struct bpf *bpf = data;
	struct bpf_facts answer = {.pid = (uint32_t)pid};
	CLEANUP(rbce_task_done) struct rbce_task all = {.pid = pid};

	if (!bpf->asks || !to_ask(bpf, facts, &answer.key.rules) ||
	    !ask(bpf->program->progs.tell, &answer, sizeof(answer)) || !answer.told ||
	    !translate(bpf, &answer, facts, &all))
		return false;
	*task = all;
	all = (struct rbce_task){0};
	return true;
}

/* ---- verdicts ---- */

/* While they are looked at, tasks whose events the kernel would leave out are not. */
static void look(void *data, pid_t pid, bool begins)
{
	struct bpf *bpf = data;

	__atomic_add_fetch(&bpf->program->bss->looks[(unsigned)pid % BPF_LOOKS],
			   begins ? 1 : (uint32_t)-1, __ATOMIC_SEQ_CST);
}

/*
 * Is the whole of where a task stands in its place? Where systemd has a hierarchy of its own and
 * there is no v2 tree, the unit is not.
 */
static bool is_in_place(const struct bpf *bpf, const char *text)
{
	return bpf->hierarchies & 1U << VERDICT_UNIFIED || !strstr(text, ":name=systemd:");
}

/* The place where TASK stands, as its facts say. */
static int place_of(struct bpf *bpf, const struct rbce_task *task, uint64_t *ret)
{
	int r;

	if (!is_in_place(bpf, task->cgroup))
		return -ENOENT;
	if (known_place_of(bpf->known, task->cgroup, ret))
		return 0;
	r = verdicts_place(bpf->seed, bpf->engine->h, task->cgroup, ret);
	if (r == 0)
		known_add_place(bpf->known, *ret, task);
	return r;
}

/* Where a task stands that was just moved into CONTAINER; -ENOENT when it does not. */
static int place_after_move(struct bpf *bpf, const struct rbce_task *task, const char *container,
			    uint64_t *ret)
{
	CLEANUP(rbce_task_done) struct rbce_task now = {.pid = task->pid};
	int r = 0;

	if (!tells(bpf, task->pid, RBCE_FACT_CGROUP, &now)) {
		r = rbce_task_read(bpf->engine->root, task->pid, RBCE_FACT_CGROUP, &now, NULL);
		if (r == 0)
			r = rbce_hierarchy_place(bpf->engine->h, &now);
	}
	if (r < 0)
		return r;
	if (!now.container || now.split || !streq(now.container, container))
		return -ENOENT;
	return place_of(bpf, &now, ret);
}

/* Where tasks like this one stand right. -ENOENT: that is not for the kernel to tell. */
static int right_place(struct bpf *bpf, const struct rbce_task *task,
		       const struct decision *decision, uint64_t *ret)
{
	const struct rule *rule = decision->rule;

	if (decision->outcome == OUTCOME_NONE || (decision->outcome == OUTCOME_IGNORED && rule))
		return place_of(bpf, task, ret);
	if (!rule || !decision->container || rule_actions_hash(&rule->actions) ||
	    !ruleset_container_lasts(bpf->engine->rules, rule, task))
		return -ENOENT;
	if (decision->outcome == OUTCOME_RIGHT)
		return place_of(bpf, task, ret);
	/* There the same rule will match, but where rules ask for it. */
	if (decision->outcome == OUTCOME_MOVED && !ruleset_asks(bpf->engine->rules, "in"))
		return place_after_move(bpf, task, decision->container, ret);
	return -ENOENT;
}

static void decided(void *data, const struct rbce_task *task, const struct decision *decision)
{
	static const uint8_t right = 1;
	struct bpf *bpf = data;
	struct verdict_key key;
	uint64_t place;

	if (task->exe)
		known_add_program(bpf->known, verdicts_hash_path(bpf->seed, task->exe), task->exe);
	if (right_place(bpf, task, decision, &place) < 0 ||
	    !verdicts_key(bpf->seed, bpf->program->bss->rules, task, place, &key))
		return;
	if (bpf_map_update_elem(bpf_map__fd(bpf->program->maps.verdicts), &key, &right,
				BPF_NOEXIST) == 0)
		bpf->verdicts++;
}

/*
 * One write for the program to see: from then on no verdict of before is found. Process groups that
 * rules ask for may have to be heard of in a way that costs all of the system a little.
 */
static void rules_changed(void *data)
{
	struct bpf *bpf = data;
	struct bpf_link **on_pgrp = &bpf->program->links.after_system_call;
	unsigned facts = verdicts_facts(bpf->engine->rules);
	bool pgrps = ruleset_asks(bpf->engine->rules, "pgrp") ||
		     ruleset_asks(bpf->engine->rules, "pgrp-leader");

	bpf->verdicts = 0;
	__atomic_store_n(&bpf->program->bss->rules, (uint64_t)++bpf->generation << 32 | facts,
			 __ATOMIC_SEQ_CST);
	if (!bpf->enters && pgrps && !*on_pgrp) {
		*on_pgrp = bpf_program__attach(bpf->program->progs.after_system_call);
		if (!*on_pgrp)
			log_warning("cannot hear of process groups that change: %s",
				    strerror(errno));
	}
	if (!pgrps && *on_pgrp) {
		bpf_link__destroy(*on_pgrp);
		*on_pgrp = NULL;
	}
}

static void noted(void *data, pid_t pid, enum record_interest interest)
{
	struct bpf *bpf = data;
	int map = bpf_map__fd(bpf->program->maps.noted);
	uint32_t id = (uint32_t)pid;
	uint32_t kept = interest == RECORD_CLOSELY ? BPF_NOTED_CLOSELY : BPF_NOTED_END;

	if (interest == RECORD_NONE) {
		bpf_map_delete_elem(map, &id);
		return;
	}
	if (bpf_map_update_elem(map, &id, &kept, BPF_ANY) == 0)
		return;
	/* Without the note nothing may be left out; until other rules come, which look at all. */
	log_warning("cannot note process %d for the kernel: %s; it leaves out nothing now", pid,
		    strerror(errno));
	bpf->program->bss->rules = 0;
}

/* In the kernel that takes two microseconds; to read the facts of the task takes fifty. */
static bool foresees(void *data, pid_t pid, const char *program)
{
	const struct bpf *bpf = data;
	struct bpf_foresight question = {
		.program = verdicts_hash_path(bpf->seed, program),
		.pid = (uint32_t)pid,
	};

	return bpf->asks && ask(bpf->program->progs.foresee, &question, sizeof(question)) &&
	       question.right;
}

/* ---- beginning and end ---- */

static void on_libbpf(const char *line)
{
	log_debug("%s", line);
}

/* As Linux, include/linux/proc_ns.h. */
static const ino_t initial_pid_namespace = 0xEFFFFFFC;

static int check_system(struct rbce_error *err)
{
	struct stat st;

	if (!has_capability(CAP_SYS_ADMIN) &&
	    (!has_capability(CAP_BPF) || !has_capability(CAP_PERFMON)))
		return rbce_error_set(err, -EPERM,
				      "cannot use BPF: it takes CAP_BPF and CAP_PERFMON");
	if (sizeof(ino_t) < sizeof(uint64_t))
		return rbce_error_set(err, -EOPNOTSUPP, "cannot use BPF: the system has 32 bits");
	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino != initial_pid_namespace)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "cannot use BPF: not in the initial pid namespace");
	return 0;
}

/* Does the kernel allow programs at its functions? Some do not, though they could. */
static bool may_enter(const struct btf *types)
{
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct bpf_prog_load_opts options = {
		.sz = sizeof(options),
		.expected_attach_type = BPF_TRACE_FEXIT,
	};
	int id = btf__find_by_name_kind(types, "commit_creds", BTF_KIND_FUNC), fd;

	if (id < 0)
		return false;
	options.attach_btf_id = (uint32_t)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "rbced_test", "GPL", nothing, ARRAY_SIZE(nothing),
			   &options);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Does it let a program that is asked, and not attached, find a task by its pid? Before 6.10 not.
 */
static bool may_find_tasks(const struct btf *types)
{
	int find = btf__find_by_name_kind(types, "bpf_task_from_pid", BTF_KIND_FUNC);
	int release = btf__find_by_name_kind(types, "bpf_task_release", BTF_KIND_FUNC), fd;
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = 1},
		{.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = find},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .off = 2},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1},
		{.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = release},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct bpf_prog_load_opts options = {
		.sz = sizeof(options),
		.prog_flags = BPF_F_SLEEPABLE,
	};

	if (find < 0 || release < 0)
		return false;
	fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "rbced_test", "GPL", code, ARRAY_SIZE(code),
			   &options);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static size_t parameters_of(const struct btf *types, const char *function)
{
	int id = btf__find_by_name_kind(types, function, BTF_KIND_FUNC);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(types, (uint32_t)id);

	type = type ? btf__type_by_id(types, type->type) : NULL;
	return type ? btf_vlen(type) : 0;
}

/* Which programs are loaded: those that this kernel allows and has a place for. */
static void choose_programs(struct bpf *bpf, const struct btf *types)
{
	struct rbced_bpf *p = bpf->program;
	size_t parameters = parameters_of(types, "change_pid");

	bpf->enters = may_enter(types);
	bpf_program__set_autoload(p->progs.before_commit_creds, bpf->enters);
	bpf_program__set_autoload(p->progs.after_commit_creds, bpf->enters);
	bpf_program__set_autoload(p->progs.after_setsid, bpf->enters);
	bpf_program__set_autoload(p->progs.after_change_pid, bpf->enters && parameters == 4);
	bpf_program__set_autoload(p->progs.after_change_pid_before_6_15,
				  bpf->enters && parameters != 4);
	bpf_program__set_autoload(p->progs.after_system_call, !bpf->enters);
	/* Only while it is needed: see rules_changed(). */
	bpf_program__set_autoattach(p->progs.after_system_call, false);
	bpf->asks = may_find_tasks(types);
	bpf_program__set_autoload(p->progs.foresee, bpf->asks);
	bpf_program__set_autoload(p->progs.tell, bpf->asks);
}

/*
 * An event takes an eighth of what the connector's would, by which --event-buffer is measured, and
 * a quarter of them will do: few events come at all. A ring is a power of two, and of whole pages.
 */
static uint32_t ring_size(const struct engine *engine)
{
	uint32_t size = (uint32_t)getpagesize();

	while (size < engine->options.event_buffer / 32)
		size *= 2;
	return size;
}

static int failed(int r, const char *verb, struct rbce_error *err)
{
	return rbce_error_set(err, r, "cannot %s the BPF program: %s", verb,
			      *complaint_first() ? complaint_first() : strerror(-r));
}

static int load(struct bpf *bpf, struct rbce_error *err)
{
	struct btf *types = btf__load_vmlinux_btf();
	int r;

	if (!types)
		return rbce_error_set(
			err, -EOPNOTSUPP,
			"cannot use BPF: the kernel does not describe its types (BTF)");
	bpf->program = rbced_bpf__open();
	if (!bpf->program) {
		btf__free(types);
		return rbce_error_errno(err, -errno, "cannot use BPF");
	}
	choose_programs(bpf, types);
	btf__free(types);
	bpf->program->rodata->seed = bpf->seed;
	bpf->program->rodata->hierarchies = bpf->hierarchies;
	bpf->program->rodata->daemon_pid = (uint32_t)getpid();
	bpf_map__set_max_entries(bpf->program->maps.events, ring_size(bpf->engine));
	complaint_listen(on_libbpf);
	r = rbced_bpf__load(bpf->program);
	return r < 0 ? failed(r, "load", err) : 0;
}

static int attach(struct bpf *bpf, struct rbce_error *err)
{
	int r;

	complaint_listen(on_libbpf);
	r = rbced_bpf__attach(bpf->program);
	return r < 0 ? failed(r, "attach", err) : 0;
}

static int listen_to(struct bpf *bpf, struct rbce_error *err)
{
	sd_event *loop = bpf->engine->loop;
	int r = -ENOMEM;

	bpf->n_cpus = (size_t)libbpf_num_possible_cpus();
	bpf->per_cpu = calloc(bpf->n_cpus, sizeof(*bpf->per_cpu));
	bpf->ring = ring_buffer__new(bpf_map__fd(bpf->program->maps.events), on_record, bpf, NULL);
	if (bpf->per_cpu && bpf->ring)
		r = sd_event_add_io(loop, &bpf->on_ring, ring_buffer__epoll_fd(bpf->ring), EPOLLIN,
				    on_readable, bpf);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &bpf->on_time, CLOCK_MONOTONIC, CHECK_USEC, 0,
					       on_check, bpf);
	if (r >= 0)
		r = sd_event_source_set_enabled(bpf->on_time, SD_EVENT_ON);
	return r < 0 ? rbce_error_errno(err, r, "cannot listen to the BPF program") : 0;
}

static void close_bpf(void *data)
{
	struct bpf *bpf = data;

	if (bpf->program)
		rbced_bpf__detach(bpf->program);
	sd_event_source_disable_unref(bpf->on_ring);
	sd_event_source_disable_unref(bpf->on_time);
	ring_buffer__free(bpf->ring);
	if (bpf->ids)
		connector_close(bpf->ids);
	rbced_bpf__destroy(bpf->program);
	known_free(bpf->known);
	free(bpf->per_cpu);
	free(bpf);
}

static int open_bpf(struct engine *engine, void **ret, struct rbce_error *err)
{
	struct bpf *bpf = calloc(1, sizeof(*bpf));
	int r;

	if (!bpf)
		return rbce_error_errno(err, -ENOMEM, "cannot use BPF");
	bpf->engine = engine;
	bpf->hierarchies = verdicts_hierarchies(engine->h);
	bpf->known = known_new();
	complaint_listen(on_libbpf);
	if (getrandom(&bpf->seed, sizeof(bpf->seed), 0) != sizeof(bpf->seed))
		bpf->seed = monotonic_usec();
	r = bpf->known ? check_system(err) : rbce_error_errno(err, -ENOMEM, "cannot use BPF");
	if (r == 0)
		r = load(bpf, err);
	if (r == 0 && !bpf->enters)
		r = connector_open_ids(engine, &bpf->ids, err);
	if (r == 0)
		r = listen_to(bpf, err);
	if (r == 0)
		r = attach(bpf, err);
	if (r < 0) {
		close_bpf(bpf);
		return r;
	}
	*ret = bpf;
	return 0;
}

static void put_causes(struct json_object *object, const char *key, const __u64 *counters)
{
	struct json_object *child = put_object(object, key);
	uint64_t total = 0;

	for (size_t i = 0; i < HEARD_RENAME; i++) {
		put_number(child, cause_name(causes[i]), counters[i]);
		total += counters[i];
	}
	put_number(child, "total", total);
}

static void put_status(void *data, struct json_object *object)
{
	struct bpf *bpf = data;

	look_for_losses(bpf);
	put_string(object, "ids", bpf->enters ? "bpf" : "connector");
	put_causes(object, "delivered", bpf->sum.delivered);
	put_causes(object, "filtered", bpf->sum.filtered);
	put_number(object, "lost", bpf->sum.lost + bpf->missed);
	put_number(object, "wakeups", bpf->wakeups);
	put_number(object, "verdicts", bpf->verdicts);
}

const struct source_kind source_bpf = {
	.name = "bpf",
	.about = "a program in the kernel, which leaves out what changes nothing",
	.open = open_bpf,
	.close = close_bpf,
	.put_status = put_status,
	.rules_changed = rules_changed,
	.look = look,
	.tells = tells,
	.decided = decided,
	.foresees = foresees,
	.noted = noted,
};
