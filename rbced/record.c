// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon remembers of single tasks; see record.h. */
#include "record.h"

#include <core/cli/log.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/task.h>

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
	FILE *state;    /* appended to; see write_hold() and write_tag() */
	size_t written; /* lines since the file was made anew */
	records_watch_fn *watch;
	void *watch_data;
	size_t living; /* entries that were left when those of the dead were last dropped */
};

enum {
	/* The file is made anew when it has so many lines more than there are tasks to name. */
	STATE_SLACK = 10000,
	/* So many records more than living tasks, and a quarter, may be of the dead. */
	DEAD_SLACK = 1000,
};

const char *hold_name(enum hold hold)
{
	static const char *const names[HOLD_COUNT] = {
		[HOLD_NONE] = "none",
		[HOLD_MANUAL] = "manual",
		[HOLD_STICKY] = "sticky",
		[HOLD_FOREIGN] = "foreign",
	};
	return names[hold];
}

static void free_entry(struct entry *entry)
{
	for (size_t i = 0; i < entry->record.n_moves && i < RECORD_MOVES; i++) {
		free(entry->record.moves[i].rule);
		free(entry->record.moves[i].from);
		free(entry->record.moves[i].to);
	}
	free(entry->record.moves);
	free(entry->record.place);
	free(entry->record.found);
	free(entry->record.tag);
	free(entry->record.env);
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
	     record->hold != HOLD_NONE || record->tag || record->actions ? RECORD_CLOSELY
									 : RECORD_END);
}

static void drop(struct records *records, struct entry *entry)
{
	tell(records, entry, RECORD_NONE);
	HASH_DEL(records->table, entry);
	free_entry(entry);
}

/* Clocks that differ, and ticks: a pid is not had by another one so soon. */
enum { START_DOUBT_USEC = 50000 };

/* Is the entry of the process that began at START? If so, that is known from then on. */
static bool is_of(struct record *record, uint64_t start)
{
	uint64_t usec = start * (1000000 / (uint64_t)sysconf(_SC_CLK_TCK));

	if (!record->unread)
		return record->start == start;
	if (usec > record->forked + START_DOUBT_USEC || record->forked > usec + START_DOUBT_USEC)
		return false;
	record->start = start;
	record->unread = false;
	return true;
}

static struct entry *add(struct records *records, pid_t pid)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->record.pid = pid;
	entry->record.made = monotonic_usec();
	HASH_ADD_INT(records->table, record.pid, entry);
	if (!find(records, pid)) {
		free_entry(entry);
		return NULL;
	}
	tell_of(records, entry);
	return entry;
}

/* The entry of (pid, start), made where it is missing; an older process of that pid goes. */
static struct entry *obtain(struct records *records, pid_t pid, uint64_t start)
{
	struct entry *entry = find(records, pid);

	if (entry && is_of(&entry->record, start))
		return entry;
	if (entry)
		drop(records, entry);
	entry = add(records, pid);
	if (entry)
		entry->record.start = start;
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

/* What the lines of holds begin with; "-" gives back. */
static const char hold_signs[HOLD_COUNT] = {
	[HOLD_NONE] = '-',
	[HOLD_MANUAL] = '=',
	[HOLD_STICKY] = '+',
	[HOLD_FOREIGN] = '!',
};

/* "+PID START PLACE", or "!PID START PLACE<tab>FOUND". */
static int write_hold(FILE *file, const struct record *record)
{
	return fprintf(file, "%c%d %" PRIu64 " %s%s%s\n", hold_signs[record->hold], record->pid,
		       record->start, record->place ?: "", record->found ? "\t" : "",
		       record->found ?: "");
}

/* "#PID START TAG" */
static int write_tag(FILE *file, const struct record *record)
{
	return fprintf(file, "#%d %" PRIu64 " %s\n", record->pid, record->start, record->tag ?: "");
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
		bool held = e->record.hold != HOLD_NONE || e->record.released;

		if (held)
			write_hold(file, &e->record);
		if (e->record.tag)
			write_tag(file, &e->record);
		records->written += held + (e->record.tag != NULL);
	}
	if (fflush(file) != 0 || rename(temporary, records->path) < 0) {
		int r = -errno;

		fclose(file);
		unlink(temporary);
		return r;
	}
	if (records->state)
		fclose(records->state);
	records->state = file;
	return 0;
}

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = value && *value ? strdup(value) : NULL;
}

static void set_hold(struct record *record, enum hold hold, const char *place, const char *found)
{
	record->hold = hold;
	record->released = hold == HOLD_NONE;
	record->mover = 0;
	set_text(&record->place, place);
	set_text(&record->found, found);
}

/* The rest of a line of a hold. */
static void read_hold(struct record *record, char sign, char *rest)
{
	char *tab = strchr(rest, '\t');

	if (tab)
		*tab++ = '\0';
	for (size_t i = 0; i < HOLD_COUNT; i++)
		if (hold_signs[i] == sign)
			set_hold(record, (enum hold)i, rest, tab);
}

static void read_line(struct records *records, const struct rbce_root *root, char *line)
{
	struct rbce_task task;
	struct entry *entry;
	uint64_t start;
	pid_t pid;
	int rest = 0;

	line[strcspn(line, "\n")] = '\0';
	if (!*line || !strchr("-=+!#", *line) ||
	    sscanf(line + 1, "%d %" SCNu64 " %n", &pid, &start, &rest) != 2)
		return;
	/* Lines of processes that have gone since are passed over. */
	if (rbce_task_read(root, pid, RBCE_FACT_STAT, &task, NULL) < 0)
		return;
	entry = task.start == start ? obtain(records, pid, start) : NULL;
	if (entry && *line == '#')
		set_text(&entry->record.tag, line + 1 + rest);
	else if (entry)
		read_hold(&entry->record, *line, line + 1 + rest);
	rbce_task_done(&task);
}

static void read_state(struct records *records, const struct rbce_root *root)
{
	cleanup_file FILE *file = fopen(records->path, "re");
	cleanup_free char *line = NULL;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0)
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

const struct record *records_find(struct records *records, pid_t pid, uint64_t start)
{
	struct entry *entry = find(records, pid);

	return entry && is_of(&entry->record, start) ? &entry->record : NULL;
}

const struct record *records_find_pid(const struct records *records, pid_t pid)
{
	const struct entry *entry = find(records, pid);

	return entry ? &entry->record : NULL;
}

void records_each(const struct records *records, records_fn *function, void *data)
{
	struct entry *entry, *next;

	HASH_ITER (hh, records->table, entry, next)
		function(data, &entry->record);
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

/* Most tasks are moved once: room is made for one, two, four and so on. */
static bool make_room(struct record *record)
{
	size_t n = record->n_moves;
	struct move *more;

	if (n >= RECORD_MOVES || (n & (n - 1)) != 0)
		return true;
	more = reallocarray(record->moves, n ? 2 * n : 1, sizeof(*more));
	if (!more)
		return false;
	memset(more + n, 0, (n ? n : 1) * sizeof(*more));
	record->moves = more;
	return true;
}

void records_add_move(struct records *records, const struct rbce_task *task, enum cause cause,
		      const char *rule, const char *to)
{
	struct entry *entry = obtain(records, task->pid, task->start);
	struct move *move;

	if (!entry)
		return;
	entry->record.moved_at = monotonic_usec();
	set_text(&entry->record.place, to);
	if (!make_room(&entry->record))
		return;
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
static void append(struct records *records, const struct record *record,
		   int (*write_line)(FILE *file, const struct record *record))
{
	bool failed = write_line(records->state, record) < 0;

	failed |= fflush(records->state) != 0;
	if (failed)
		log_warning("cannot write '%s': %s", records->path, strerror(errno));
	if (++records->written > HASH_COUNT(records->table) + STATE_SLACK)
		write_all(records);
}

void records_set_place(struct records *records, pid_t pid, uint64_t start, const char *place)
{
	struct entry *entry = obtain(records, pid, start);

	if (entry && !(place && entry->record.place && streq(place, entry->record.place)))
		set_text(&entry->record.place, place);
}

void records_hold(struct records *records, pid_t pid, uint64_t start, enum hold hold,
		  const char *place, const char *found)
{
	struct entry *entry = obtain(records, pid, start);
	cleanup_free char *copy = NULL;

	if (!entry || (hold == HOLD_NONE && entry->record.released))
		return;
	/* It may be the record's own. */
	copy = place ? strdup(place) : NULL;
	set_hold(&entry->record, hold, copy, found);
	tell_of(records, entry);
	append(records, &entry->record, write_hold);
}

void records_set_mover(struct records *records, pid_t pid, uint64_t start, pid_t mover,
		       const char *comm)
{
	struct entry *entry = obtain(records, pid, start);

	if (!entry)
		return;
	entry->record.mover = mover;
	snprintf(entry->record.mover_comm, sizeof(entry->record.mover_comm), "%s", comm);
}

bool records_refuse(struct records *records, const struct rbce_task *task, bool refused)
{
	struct entry *entry = obtain(records, task->pid, task->start);
	bool is_new = entry && entry->record.refused != refused;

	if (entry)
		entry->record.refused = refused;
	return is_new;
}

int records_set_tag(struct records *records, pid_t pid, uint64_t start, const char *tag)
{
	struct entry *entry = obtain(records, pid, start);

	if (!entry)
		return -ENOMEM;
	set_text(&entry->record.tag, tag);
	tell_of(records, entry);
	if (tag && !entry->record.tag)
		return -ENOMEM;
	append(records, &entry->record, write_tag);
	return 0;
}

void records_set_env(struct records *records, pid_t pid, uint64_t start, const char *env)
{
	struct entry *entry = obtain(records, pid, start);

	if (entry)
		set_text(&entry->record.env, env);
}

void records_forget_env(struct records *records, pid_t pid)
{
	struct entry *entry = find(records, pid), *next;

	if (entry)
		set_text(&entry->record.env, NULL);
	if (pid)
		return;
	HASH_ITER (hh, records->table, entry, next)
		set_text(&entry->record.env, NULL);
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
	bool held =
		above && (above->record.hold == HOLD_STICKY || above->record.hold == HOLD_FOREIGN);

	if (!above || (!held && !above->record.tag && !above->record.env && !above->record.actions))
		return false;
	if (rbce_task_read(root, child, RBCE_FACT_STAT, &task, NULL) < 0)
		return held;
	below = obtain(records, child, task.start);
	if (below) {
		below->record.actions = above->record.actions;
		set_text(&below->record.env, above->record.env);
		tell_of(records, below);
	}
	if (above->record.tag)
		records_set_tag(records, child, task.start, above->record.tag);
	if (held)
		records_hold(records, child, task.start, above->record.hold, above->record.place,
			     above->record.found);
	rbce_task_done(&task);
	return held;
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
	records->living = HASH_COUNT(records->table);
}

void records_expect_in(struct records *records, pid_t pid, uint64_t when, const char *place)
{
	struct entry *entry = find(records, pid) ? NULL : add(records, pid);
	struct timespec boot;

	if (!entry)
		return;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	entry->record.unread = true;
	entry->record.forked = (uint64_t)boot.tv_sec * 1000000 + (uint64_t)boot.tv_nsec / 1000 -
			       (monotonic_usec() - when);
	set_text(&entry->record.place, place);
	if (!entry->record.place)
		drop(records, entry);
}

void records_begin(struct records *records, const struct rbce_root *root, pid_t pid, uint64_t when)
{
	struct entry *entry = find(records, pid);
	cleanup_free pid_t *pids = NULL;
	size_t n;

	if (entry && entry->record.made < when)
		drop(records, entry);
	if (HASH_COUNT(records->table) > records->living + records->living / 4 + DEAD_SLACK &&
	    rbce_task_list(root, &pids, &n, NULL) == 0)
		records_prune(records, pids, n);
}
