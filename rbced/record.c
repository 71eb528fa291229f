// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon remembers of single tasks; see record.h. */
#include "record.h"

#include <core/cli/log.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/task.h>
#include <stdarg.h>

/* Out of memory in a table's growth must not end the daemon: the entry is then not kept. */
#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

#include "util.h"

struct entry {
	struct record record;
	enum record_interest told; /* to the watcher */
	UT_hash_handle hh;
};

struct records {
	struct entry *table; /* by pid: the process that has it now */
	char *path;
	/* Appended to: "PID START" placed by hand, "-PID START" given back, "#PID START TAG". */
	FILE *state;
	size_t written; /* lines since the file was made anew */
	records_watch_fn *watch;
	void *watch_data;
};

/* The file is made anew when it has so many lines more than there are tasks to name. */
enum { STATE_SLACK = 10000 };

static void free_entry(struct entry *entry)
{
	for (size_t i = 0; i < RECORD_MOVES; i++) {
		free(entry->record.moves[i].rule);
		free(entry->record.moves[i].from);
		free(entry->record.moves[i].to);
	}
	free(entry->record.tag);
	free(entry->record.program);
	free(entry);
}

static struct entry *find(const struct records *records, pid_t pid)
{
	struct entry *entry;

	HASH_FIND_INT(records->table, &pid, entry);
	return entry;
}

static void tell(struct records *records, struct entry *entry, enum record_interest interest)
{
	if (records->watch && entry->told != interest)
		records->watch(records->watch_data, entry->record.pid, interest);
	entry->told = records->watch ? interest : RECORD_NONE;
}

static void tell_of(struct records *records, struct entry *entry)
{
	const struct record *record = &entry->record;

	tell(records, entry,
	     record->manual || record->tag || record->actions ? RECORD_CLOSELY : RECORD_END);
}

static void drop(struct records *records, struct entry *entry)
{
	tell(records, entry, RECORD_NONE);
	HASH_DEL(records->table, entry);
	free_entry(entry);
}

/* The entry of (pid, start), made where it is missing; an older process of that pid goes. */
static struct entry *obtain(struct records *records, pid_t pid, uint64_t start)
{
	struct entry *entry = find(records, pid);

	if (entry && entry->record.start == start)
		return entry;
	if (entry)
		drop(records, entry);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->record.pid = pid;
	entry->record.start = start;
	HASH_ADD_INT(records->table, record.pid, entry);
	if (!find(records, pid)) {
		free_entry(entry);
		return NULL;
	}
	tell_of(records, entry);
	return entry;
}

void records_watch(struct records *records, records_watch_fn *function, void *data)
{
	for (struct entry *e = records->table; e; e = e->hh.next)
		tell(records, e, RECORD_NONE);
	records->watch = function;
	records->watch_data = data;
	for (struct entry *e = records->table; e; e = e->hh.next)
		tell_of(records, e);
}

static int write_all(struct records *records)
{
	cleanup_free char *temporary = NULL;
	FILE *file;

	if (asprintf(&temporary, "%s.new", records->path) < 0)
		return -ENOMEM;
	file = fopen(temporary, "we");
	if (!file)
		return -errno;
	records->written = 0;
	for (struct entry *e = records->table; e; e = e->hh.next) {
		if (e->record.manual)
			fprintf(file, "%d %" PRIu64 "\n", e->record.pid, e->record.start);
		if (e->record.tag)
			fprintf(file, "#%d %" PRIu64 " %s\n", e->record.pid, e->record.start,
				e->record.tag);
		records->written += e->record.manual + (e->record.tag != NULL);
	}
	if (fflush(file) != 0 || rename(temporary, records->path) < 0) {
		int r = -errno;
		fclose(file);
		return r;
	}
	if (records->state)
		fclose(records->state);
	records->state = file;
	return 0;
}

static void set_tag(struct record *record, const char *tag)
{
	free(record->tag);
	record->tag = tag && *tag ? strdup(tag) : NULL;
}

static void read_line(struct records *records, const struct rbce_root *root, char *line)
{
	char sign = *line == '-' || *line == '#' ? *line : '\0';
	struct rbce_task task;
	struct entry *entry;
	uint64_t start;
	pid_t pid;
	int tag = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line + (sign != '\0'), "%d %" SCNu64 " %n", &pid, &start, &tag) != 2)
		return;
	/* Lines of processes that have gone since are passed over. */
	if (rbce_task_read(root, pid, RBCE_FACT_STAT, &task, NULL) < 0)
		return;
	entry = task.start == start ? obtain(records, pid, start) : NULL;
	if (entry && sign == '#')
		set_tag(&entry->record, line + 1 + tag);
	else if (entry)
		entry->record.manual = !sign;
	rbce_task_done(&task);
}

static void read_state(struct records *records, const struct rbce_root *root)
{
	cleanup_file FILE *file = fopen(records->path, "re");
	char line[64 + TAG_MAX];

	while (file && fgets(line, sizeof(line), file))
		read_line(records, root, line);
}

int records_open(const char *state_file, const struct rbce_root *root, struct records **ret,
		 struct rbce_error *err)
{
	struct records *records = calloc(1, sizeof(*records));
	int r = -ENOMEM;

	if (records)
		records->path = strdup(state_file);
	if (records && records->path) {
		read_state(records, root);
		r = write_all(records);
	}
	if (r < 0) {
		records_free(records);
		return rbce_error_errno(err, r, "cannot write '%s'", state_file);
	}
	*ret = records;
	return 0;
}

struct records *records_free(struct records *records)
{
	struct entry *entry, *next;

	if (!records)
		return NULL;
	HASH_ITER (hh, records->table, entry, next)
		drop(records, entry);
	if (records->state)
		fclose(records->state);
	free(records->path);
	free(records);
	return NULL;
}

size_t records_count(const struct records *records)
{
	return HASH_COUNT(records->table);
}

const struct record *records_find(const struct records *records, pid_t pid, uint64_t start)
{
	const struct entry *entry = find(records, pid);

	return entry && entry->record.start == start ? &entry->record : NULL;
}

const struct record *records_find_pid(const struct records *records, pid_t pid)
{
	const struct entry *entry = find(records, pid);

	return entry ? &entry->record : NULL;
}

void records_expect(struct records *records, pid_t pid, uint64_t start, const char *program,
		    uint64_t until)
{
	struct entry *entry = obtain(records, pid, start);

	if (!entry)
		return;
	free(entry->record.program);
	entry->record.program = program ? strdup(program) : NULL;
	entry->record.program_until = until;
	entry->record.doubted = false;
}

void records_doubt(struct records *records, pid_t pid, uint64_t start)
{
	struct entry *entry = obtain(records, pid, start);

	if (entry)
		entry->record.doubted = true;
}

void records_add_move(struct records *records, const struct rbce_task *task, enum cause cause,
		      const char *rule, const char *to)
{
	struct entry *entry = obtain(records, task->pid, task->start);
	struct move *move;

	if (!entry)
		return;
	entry->record.moved_at = engine_now();
	move = &entry->record.moves[entry->record.n_moves++ % RECORD_MOVES];
	free(move->rule);
	free(move->from);
	free(move->to);
	*move = (struct move){
		.when = time(NULL),
		.cause = cause,
		.rule = rule ? strdup(rule) : NULL,
		.from = task->container ? strdup(task->container) : NULL,
		.to = strdup(to),
	};
}

bool records_observe(struct records *records, const struct rbce_task *task, uint64_t key)
{
	struct entry *entry = obtain(records, task->pid, task->start);
	bool is_new = entry && entry->record.observed != key;

	if (entry)
		entry->record.observed = key;
	return is_new;
}

/* Writes a line of the state file; the file is made anew when it has grown long. */
__attribute__((format(printf, 2, 3))) static void append(struct records *records,
							 const char *format, ...)
{
	va_list ap;
	bool failed;

	va_start(ap, format);
	failed = vfprintf(records->state, format, ap) < 0;
	va_end(ap);
	failed |= fflush(records->state) != 0;
	if (failed)
		log_warning("cannot write '%s': %s", records->path, strerror(errno));
	if (++records->written > HASH_COUNT(records->table) + STATE_SLACK)
		write_all(records);
}

void records_set_manual(struct records *records, pid_t pid, uint64_t start, bool manual)
{
	struct entry *entry = obtain(records, pid, start);

	if (!entry || entry->record.manual == manual)
		return;
	entry->record.manual = manual;
	tell_of(records, entry);
	append(records, "%s%d %" PRIu64 "\n", manual ? "" : "-", pid, start);
}

int records_set_tag(struct records *records, pid_t pid, uint64_t start, const char *tag)
{
	struct entry *entry = obtain(records, pid, start);

	if (!entry)
		return -ENOMEM;
	set_tag(&entry->record, tag);
	tell_of(records, entry);
	if (tag && !entry->record.tag)
		return -ENOMEM;
	append(records, "#%d %" PRIu64 " %s\n", pid, start, tag ?: "");
	return 0;
}

bool records_act(struct records *records, const struct rbce_task *task, uint64_t actions)
{
	struct entry *entry = obtain(records, task->pid, task->start);

	if (!entry || entry->record.actions == actions)
		return false;
	entry->record.actions = actions;
	tell_of(records, entry);
	return true;
}

bool records_inherit(struct records *records, const struct rbce_root *root, pid_t parent,
		     pid_t child)
{
	const struct entry *above = find(records, parent);
	struct entry *below;
	struct rbce_task task;

	if (!above || (!above->record.manual && !above->record.tag && !above->record.actions))
		return false;
	if (rbce_task_read(root, child, RBCE_FACT_STAT, &task, NULL) < 0)
		return above->record.manual;
	below = obtain(records, child, task.start);
	if (below) {
		below->record.actions = above->record.actions;
		tell_of(records, below);
	}
	if (above->record.tag)
		records_set_tag(records, child, task.start, above->record.tag);
	if (above->record.manual)
		records_set_manual(records, child, task.start, true);
	rbce_task_done(&task);
	return above->record.manual;
}

bool records_adopt(struct records *records, const struct rbce_task *task)
{
	const struct entry *above = find(records, task->ppid);
	const struct move *last;

	if (!above || !above->record.manual || above->record.n_moves == 0 || !task->container)
		return false;
	last = &above->record.moves[(above->record.n_moves - 1) % RECORD_MOVES];
	if (!last->to || !streq(last->to, task->container))
		return false;
	records_set_manual(records, task->pid, task->start, true);
	return true;
}

void records_drop(struct records *records, pid_t pid)
{
	struct entry *entry = find(records, pid);

	if (entry)
		drop(records, entry);
}

void records_prune(struct records *records, const pid_t *pids, size_t n)
{
	struct entry *entry, *next;

	HASH_ITER (hh, records->table, entry, next) {
		size_t low = 0, high = n;

		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (pids[middle] < entry->record.pid)
				low = middle + 1;
			else
				high = middle;
		}
		if (low == n || pids[low] != entry->record.pid)
			drop(records, entry);
	}
}
