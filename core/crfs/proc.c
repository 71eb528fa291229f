// SPDX-License-Identifier: LGPL-2.1-or-later
/* Files that the kernel has in /proc too, in its words; see proc(5). */
#include <inttypes.h>
#include <signal.h>

#include "tree.h"
#include "util.h"

int action_signal(size_t place)
{
	int signal = (int)place + 1;

	signal += signal >= SIGKILL;
	return signal + (signal >= SIGSTOP);
}

uint64_t pending_mask(struct message queue)
{
	struct cursor c = message_each(queue);
	struct value value;
	uint64_t mask = 0;

	while (message_take(&c, "signals", &value)) {
		struct bytes info = message_bytes(value_message(&value), "siginfo");

		/* The lowest byte of its number, which is one of 1 to 64. */
		if (info.n >= 4 && info.at[0] - 1U < 64)
			mask |= UINT64_C(1) << (info.at[0] - 1);
	}
	return mask;
}

struct handled {
	uint64_t ignored, caught;
};

static struct handled handled(struct message core)
{
	struct cursor c = message_each(message_at(core, "tc"));
	struct handled masks = {0};
	struct value value;

	for (size_t i = 0; i < 62 && message_take(&c, "sigactions", &value); i++) {
		uint64_t handler = message_number(value_message(&value), "sigaction", 0);
		uint64_t bit = UINT64_C(1) << (action_signal(i) - 1);

		if (handler == (uint64_t)(uintptr_t)SIG_IGN)
			masks.ignored |= bit;
		else if (handler != (uint64_t)(uintptr_t)SIG_DFL)
			masks.caught |= bit;
	}
	return masks;
}

void text_signal(FILE *out, const struct node *node)
{
	struct message core = node->message, leader = node->process->core;
	struct handled masks = handled(leader);

	fprintf(out, "SigPnd:\t%016" PRIx64 "\n",
		pending_mask(message_at(core, "thread_core.signals_p")));
	fprintf(out, "ShdPnd:\t%016" PRIx64 "\n", pending_mask(message_at(leader, "tc.signals_s")));
	fprintf(out, "SigBlk:\t%016" PRIx64 "\n",
		message_number(core, "thread_core.blk_sigset",
			       message_number(core, "tc.blk_sigset", 0)));
	fprintf(out, "SigIgn:\t%016" PRIx64 "\n", masks.ignored);
	fprintf(out, "SigCgt:\t%016" PRIx64 "\n", masks.caught);
}

static void print_capabilities(FILE *out, const char *name, struct message creds, const char *field)
{
	struct cursor c = message_each(creds);
	struct value value;
	uint64_t mask = 0;

	for (unsigned i = 0; i < 2 && message_take(&c, field, &value); i++)
		mask |= (value.integer & UINT32_MAX) << 32 * i;
	fprintf(out, "%s:\t%016" PRIx64 "\n", name, mask);
}

static void print_ids(FILE *out, const char *name, struct message creds,
		      const char *const fields[4])
{
	fprintf(out, "%s:", name);
	for (int i = 0; i < 4; i++)
		fprintf(out, "\t%" PRIu64, message_number(creds, fields[i], 0));
	fputc('\n', out);
}

static void print_creds(FILE *out, struct message creds)
{
	static const char *const users[] = {"uid", "euid", "suid", "fsuid"};
	static const char *const groups[] = {"gid", "egid", "sgid", "fsgid"};
	struct cursor c = message_each(creds);
	struct value value;

	print_ids(out, "Uid", creds, users);
	print_ids(out, "Gid", creds, groups);
	fputs("Groups:\t", out);
	for (const char *between = ""; message_take(&c, "groups", &value); between = " ")
		fprintf(out, "%s%" PRIu64, between, value.integer);
	fputs(" \n", out);
}

static const char *state_text(uint64_t state)
{
	/* COMPEL_TASK_* of compel/task-state.h */
	switch (state) {
	case 1:
		return "R (running)";
	case 3:
		return "T (stopped)";
	case 2:
	case 6:
		return "Z (zombie)";
	default:
		return "? (unknown)";
	}
}

static uint64_t size_of_all(const struct memory *memory)
{
	uint64_t size = 0;

	for (size_t i = 0; i < memory->n_segments; i++)
		if (!(message_number(memory->segments[i].vma, "status", 0) & AREA_VSYSCALL))
			size += memory->segments[i].end - memory->segments[i].start;
	return size;
}

static size_t count_threads(const struct process *process)
{
	struct cursor c = message_each(process->entry);
	struct value value;
	size_t n = 0;

	while (message_take(&c, "threads", &value))
		n++;
	return n;
}

static struct bytes name_of(const struct node *node)
{
	struct bytes name = message_bytes(node->message, "thread_core.comm");

	return name.n ? name : message_bytes(node->process->core, "tc.comm");
}

void text_comm(FILE *out, const struct node *node)
{
	struct bytes name = name_of(node);

	fprintf(out, "%.*s\n", (int)name.n, (const char *)name.at);
}

/* Those lines of it that an image can tell. */
void text_status(FILE *out, const struct node *node)
{
	const struct process *process = node->process;
	struct message core = node->message, creds = message_at(core, "thread_core.creds");

	fputs("Name:\t", out);
	bytes_print(out, name_of(node));
	if (process->fs.type)
		fprintf(out, "\nUmask:\t%04" PRIo64, message_number(process->fs, "umask", 0));
	fprintf(out, "\nState:\t%s\n",
		state_text(message_number(process->core, "tc.task_state", 0)));
	fprintf(out, "Tgid:\t%u\nPid:\t%" PRIu64 "\nPPid:\t%u\n", process->pid, node->id,
		process->ppid);
	if (creds.type)
		print_creds(out, creds);
	if (process->mm.type)
		fprintf(out, "VmSize:\t%8" PRIu64 " kB\n", size_of_all(&process->memory) / 1024);
	fprintf(out, "Threads:\t%zu\n", count_threads(process));
	text_signal(out, node);
	if (!creds.type)
		return;
	print_capabilities(out, "CapInh", creds, "cap_inh");
	print_capabilities(out, "CapPrm", creds, "cap_prm");
	print_capabilities(out, "CapEff", creds, "cap_eff");
	print_capabilities(out, "CapBnd", creds, "cap_bnd");
	fprintf(out, "Seccomp:\t%" PRIu64 "\n",
		message_number(core, "thread_core.seccomp_mode",
			       message_number(core, "tc.old_seccomp_mode", 0)));
}

/* Their names and units, by number. */
static const struct {
	const char *name;
	const char *unit;
} limits[] = {
	{"Max cpu time", "seconds"},     {"Max file size", "bytes"},
	{"Max data size", "bytes"},      {"Max stack size", "bytes"},
	{"Max core file size", "bytes"}, {"Max resident set", "bytes"},
	{"Max processes", "processes"},  {"Max open files", "files"},
	{"Max locked memory", "bytes"},  {"Max address space", "bytes"},
	{"Max file locks", "locks"},     {"Max pending signals", "signals"},
	{"Max msgqueue size", "bytes"},  {"Max nice priority", NULL},
	{"Max realtime priority", NULL}, {"Max realtime timeout", "us"},
};

static void print_limit(FILE *out, uint64_t value)
{
	if (value == UINT64_MAX)
		fprintf(out, "%-20s ", "unlimited");
	else
		fprintf(out, "%-20" PRIu64 " ", value);
}

void text_limits(FILE *out, const struct node *node)
{
	struct cursor c = message_each(message_at(node->process->core, "tc.rlimits"));
	struct value value;

	fprintf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (size_t i = 0; i < ARRAY_SIZE(limits) && message_take(&c, "rlimits", &value); i++) {
		fprintf(out, "%-25s ", limits[i].name);
		print_limit(out, message_number(value_message(&value), "cur", 0));
		print_limit(out, message_number(value_message(&value), "max", 0));
		if (limits[i].unit)
			fprintf(out, "%-10s", limits[i].unit);
		fputc('\n', out);
	}
}

/* What is mapped; NULL where it has no name. To be freed. */
static char *segment_name(const struct process *process, const struct segment *s)
{
	uint64_t status = message_number(s->vma, "status", 0),
		 id = message_number(s->vma, "shmid", 0);
	uint64_t stack = message_number(process->mm, "mm_start_stack", 0);
	char *name;

	if (status & (AREA_FILE_PRIVATE | AREA_FILE_SHARED | AREA_MEMFD))
		return folder_path(process->folder, (uint32_t)id);
	if (status & AREA_SYSVIPC)
		return asprintf(&name, "/SYSV%08" PRIx64 " (deleted)",
				message_number(folder_segment(process->folder, id), "desc.key",
					       0)) < 0
			       ? NULL
			       : name;
	if (status & AREA_ANON_SHARED)
		return strdup("/dev/zero (deleted)");
	if (status & AREA_AIORING)
		return strdup("/[aio] (deleted)");
	if (status & AREA_VDSO)
		return strdup("[vdso]");
	if (status & AREA_VVAR)
		return strdup("[vvar]");
	if (status & AREA_VSYSCALL)
		return strdup("[vsyscall]");
	if (s->start <= message_number(process->mm, "mm_brk", 0) &&
	    s->end >= message_number(process->mm, "mm_start_brk", UINT64_MAX))
		return strdup("[heap]");
	if (s->start <= stack && s->end >= stack)
		return strdup("[stack]");
	return NULL;
}

void text_maps(FILE *out, const struct node *node)
{
	const struct memory *memory = &node->process->memory;

	for (size_t i = 0; i < memory->n_segments; i++) {
		const struct segment *s = &memory->segments[i];
		uint64_t prot = message_number(s->vma, "prot", 0);
		cleanup_free char *name = segment_name(node->process, s);
		/* Neither device nor inode is in an image. */
		int n = fprintf(out, "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " 00:00 0 ",
				s->start, s->end, prot & 1 ? 'r' : '-', prot & 2 ? 'w' : '-',
				prot & 4 ? 'x' : '-',
				message_number(s->vma, "flags", 0) & 1 ? 's' : 'p',
				message_number(s->vma, "pgoff", 0));

		if (name && *name) {
			fprintf(out, "%*s", n < 73 ? 73 - n : 0, "");
			bytes_print(out, (struct bytes){(const uint8_t *)name, strlen(name)});
		}
		fputc('\n', out);
	}
}

void text_timers(FILE *out, const struct node *node)
{
	static const char *const how[] = {"signal", "none", "thread", "?"};
	struct cursor c = message_each(message_at(node->process->core, "tc.timers"));
	struct value value;

	while (message_take(&c, "posix", &value)) {
		struct message timer = value_message(&value);
		uint64_t notify = message_number(timer, "it_sigev_notify", 0);

		fprintf(out, "ID: %" PRIu64 "\n", message_number(timer, "it_id", 0));
		fprintf(out, "signal: %" PRIu64 "/%016" PRIx64 "\n",
			message_number(timer, "si_signo", 0),
			message_number(timer, "sival_ptr", 0));
		fprintf(out, "notify: %s/%s.%" PRIu64 "\n", how[notify & 3],
			notify & SIGEV_THREAD_ID ? "tid" : "pid",
			message_number(timer, "notify_thread_id", node->process->pid));
		fprintf(out, "ClockID: %" PRId64 "\n",
			(int64_t)(int32_t)message_number(timer, "clock_id", 0));
	}
}

/* The node's message says how the process has the file, its id which file it is. */
void text_fdinfo(FILE *out, const struct node *node)
{
	struct message inner = file_inner(folder_file(node->folder, (uint32_t)node->id));
	uint64_t flags = message_number(inner, "flags", 0);

	if (message_number(node->message, "flags", 0) & 1)
		flags |= 02000000; /* O_CLOEXEC, of the descriptor alone */
	fprintf(out, "pos:\t%" PRIu64 "\nflags:\t0%" PRIo64 "\n", message_number(inner, "pos", 0),
		flags);
	if (message_has(inner, "mnt_id"))
		fprintf(out, "mnt_id:\t%" PRId64 "\n", (int64_t)message_number(inner, "mnt_id", 0));
}
