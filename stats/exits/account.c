// SPDX-License-Identifier: GPL-2.0-or-later
/* Sums of what ended; see account.h. */
#include "account.h"

#include <errno.h>
#include <uthash.h>

#include "util.h"

/* Sums that are kept until they are stored, which may fail for long. */
enum { KEYS_MAX = 8192 };

struct process {
	pid_t pid;
	bool named; /* by its leader's record */
	struct task_record sum;
	UT_hash_handle hh;
};

struct sum {
	struct exit_key key;
	struct usage usage;
	UT_hash_handle hh;
	char *name; /* what it is found by: the texts of the key and the numbers */
};

struct account {
	struct process *processes;
	struct sum *sums;
};

struct account *account_new(void)
{
	return calloc(1, sizeof(struct account));
}

/* ---- threads ---- */

static void drop_process(struct account *a, struct process *process)
{
	HASH_DEL(a->processes, process);
	free(process);
}

/* The record of one more thread; those that ended before count, whoever tells of them. */
static void add_thread(struct process *process, const struct task_record *task)
{
	struct usage usage = process->sum.usage;
	bool named = process->named;
	char comm[TASK_COMM_SIZE];

	memcpy(comm, process->sum.comm, sizeof(comm));
	usage_add(&usage, &task->usage);
	process->sum = *task;
	process->sum.usage = usage;
	if (named)
		memcpy(process->sum.comm, comm, sizeof(comm));
	process->named |= task->pid == task->tgid;
}

bool account_join(struct account *a, const struct task_message *message, struct task_record *ret)
{
	struct task_record task = message->task;
	struct process *process;

	if (!message->has_task)
		return false;
	if (task.tgid <= 0)
		task.tgid = task.pid;
	HASH_FIND_INT(a->processes, &task.tgid, process);
	task.usage.value[USAGE_THREADS] = 1;
	if (!process && !task.last) {
		process = calloc(1, sizeof(*process));
		/* Without it only the last thread's own use is known. */
		if (!process)
			return false;
		process->pid = task.tgid;
		HASH_ADD_INT(a->processes, pid, process);
	}
	if (process)
		add_thread(process, &task);
	if (!task.last)
		return false;
	*ret = process ? process->sum : task;
	if (process)
		drop_process(a, process);
	if (message->has_group)
		usage_join(&ret->usage, &message->group.usage);
	ret->pid = ret->tgid;
	/* What its threads lived together says nothing. */
	ret->usage.value[USAGE_ELAPSED] = ret->lifetime;
	ret->usage.value[USAGE_EXITS] = 1;
	ret->usage.value[USAGE_FAILED] = ret->failed;
	ret->usage.value[USAGE_KILLED] = ret->killed;
	return true;
}

bool account_orphan(struct account *a, bool (*lives)(void *data, pid_t pid), void *data,
		    struct task_record *ret)
{
	struct process *process, *next;

	HASH_ITER (hh, a->processes, process, next) {
		if (lives(data, process->pid))
			continue;
		*ret = process->sum;
		ret->pid = process->pid;
		ret->usage.value[USAGE_ELAPSED] = 0;
		drop_process(a, process);
		return true;
	}
	return false;
}

/* ---- sums ---- */

static struct sum *find_sum(struct account *a, const struct exit_key *key, char **ret_name)
{
	struct sum *sum = NULL;
	char *name = NULL;

	/* No name of a container or a task has a control character that was not taken out of it. */
	if (asprintf(&name, "%d\n%u\n%s\n%s\n%s", (int)key->place, key->uid, key->container,
		     key->comm, key->path) < 0)
		name = NULL;
	if (name)
		HASH_FIND_STR(a->sums, name, sum);
	*ret_name = name;
	return sum;
}

static void free_sum(struct sum *sum)
{
	free((char *)(uintptr_t)sum->key.container);
	free((char *)(uintptr_t)sum->key.comm);
	free((char *)(uintptr_t)sum->key.path);
	free(sum->name);
	free(sum);
}

static struct sum *new_sum(struct account *a, const struct exit_key *key, char *name)
{
	struct sum *sum = calloc(1, sizeof(*sum));

	if (!sum)
		return NULL;
	sum->key = *key;
	sum->key.container = strdup(key->container);
	sum->key.comm = strdup(key->comm);
	sum->key.path = strdup(key->path);
	if (!sum->key.container || !sum->key.comm || !sum->key.path) {
		free_sum(sum);
		return NULL;
	}
	sum->name = name;
	HASH_ADD_KEYPTR(hh, a->sums, sum->name, strlen(sum->name), sum);
	return sum;
}

int account_add(struct account *a, const struct exit_key *key, const struct usage *usage)
{
	struct exit_key others = *key;
	cleanup_free char *name = NULL;
	struct sum *sum = find_sum(a, key, &name);

	if (!sum && HASH_COUNT(a->sums) >= KEYS_MAX) {
		others.comm = "(others)";
		others.path = "";
		free(name);
		sum = find_sum(a, &others, &name);
	}
	if (!sum && name) {
		sum = new_sum(a, &others, name);
		if (sum)
			(void)TAKE_PTR(name);
	}
	if (!sum)
		return -ENOMEM;
	usage_add(&sum->usage, usage);
	return 0;
}

int account_each(const struct account *a,
		 int (*each)(void *data, const struct exit_key *key, const struct usage *usage),
		 void *data)
{
	int r = 0;

	for (const struct sum *sum = a->sums; sum && r == 0; sum = sum->hh.next)
		r = each(data, &sum->key, &sum->usage);
	return r;
}

void account_reset(struct account *a)
{
	struct sum *sum, *next;

	HASH_ITER (hh, a->sums, sum, next) {
		HASH_DEL(a->sums, sum);
		free_sum(sum);
	}
}

struct account *account_free(struct account *a)
{
	struct process *process, *next;

	if (!a)
		return NULL;
	account_reset(a);
	HASH_ITER (hh, a->processes, process, next)
		drop_process(a, process);
	free(a);
	return NULL;
}
