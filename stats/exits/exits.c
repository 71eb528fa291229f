// SPDX-License-Identifier: GPL-2.0-or-later
/* The account of every task that ends; see exits.h. */
#include "exits.h"

#include <errno.h>
#include <time.h>

#include "account.h"
#include "listening.h"
#include "places.h"
#include "programs.h"
#include "running.h"
#include "util.h"

enum {
	BUFFER_SIZE = 8 << 20,
	/* Records that wait for the tick; one more settles those before it. */
	WAITING_MAX = 16384,
	/* Containers whose processes are looked at in one tick. */
	LOOKS = 64,
	/* Ticks between two looks for threads whose process went unheard, and for old rows. */
	SELDOM = 64,
};

/* How long rbced may take to tell that it has moved a task. */
#define PATIENCE_USEC UINT64_C(200000)

/* What was noted of a task is kept at least so long, or while all containers are looked at thrice.
 */
#define KEEP_USEC UINT64_C(60000000)

struct waiting {
	uint64_t since, began; /* its record came; no later than so its process began */
	struct task_record record;
	struct place parent; /* where its parent stood when the record came */
};

struct exits {
	struct listening *listening;
	struct places *places;
	struct programs *programs;
	struct account *account;
	struct running *running; /* NULL unless it is asked for */
	uint64_t tick_began;
	struct waiting *waiting;
	size_t n_waiting;
	uint64_t counts[EXIT_COUNTS], written[EXIT_COUNTS], writing[EXIT_COUNTS];
	int64_t since, written_time; /* ms; of the last tick that was stored, and is being stored */
	const struct rbce_root *root;
	/* Which containers are looked at: the number of one in this tick, and of the first of them.
	 */
	size_t number, first, containers;
	uint64_t round_began, round_took;
	unsigned ticks;
};

/* ---- settling ---- */

/* Its own name, as one line of text: a task may call itself anything. */
static void clean_comm(char *comm)
{
	one_line(comm);
	for (char *p = comm; *p; p++)
		if ((unsigned char)*p > 0x7f)
			*p = '?';
}

static void enter(struct exits *e, struct task_record *record, struct place *place,
		  enum exit_count how)
{
	uint64_t now = monotonic_usec();
	struct exit_key key = {
		.place = place->place,
		.container = place->container ?: "",
		.comm = record->comm,
		.uid = record->uid,
	};

	if (e->running)
		running_ended(e->running, record->pid, &record->usage);
	clean_comm(record->comm);
	key.path = programs_find(e->programs, record->exe_device, record->exe_inode, record->comm,
				 record->pid, now);
	account_add(e->account, &key, &record->usage);
	e->counts[COUNT_EXITS] += record->usage.value[USAGE_EXITS];
	if (place->place == PLACE_OUTSIDE)
		how = COUNT_OUTSIDE;
	if (record->usage.value[USAGE_EXITS])
		e->counts[how]++;
	places_ended(e->places, record->pid, place, now);
	place_done(place);
}

/* Nothing more will be known of it. */
static void settle(struct exits *e, struct waiting *w)
{
	struct place place = places_by_table(e->places, w->record.pid, w->began);

	if (place.place != PLACE_UNKNOWN) {
		enter(e, &w->record, &place, COUNT_BY_TABLE);
	} else if (w->parent.place != PLACE_UNKNOWN) {
		enter(e, &w->record, &w->parent, COUNT_BY_PARENT);
	} else {
		if (w->record.parent > 1)
			place = places_by_table(e->places, w->record.parent, 0);
		enter(e, &w->record, &place,
		      place.place == PLACE_UNKNOWN ? COUNT_UNATTRIBUTED : COUNT_BY_PARENT);
	}
	place_done(&w->parent);
}

/* Those that came before UNTIL. */
static void settle_until(struct exits *e, uint64_t until)
{
	size_t n = 0;

	while (n < e->n_waiting && e->waiting[n].since <= until)
		n++;
	/* A parent's record comes after its children's, so the latest go first. */
	for (size_t i = n; i > 0; i--)
		settle(e, &e->waiting[i - 1]);
	e->n_waiting -= n;
	memmove(e->waiting, e->waiting + n, e->n_waiting * sizeof(*e->waiting));
}

/* ---- records ---- */

/* By how long it lived, or by the clock: a busy recorder may read the record long after that was
 * written. */
static uint64_t began(const struct task_record *record, uint64_t now)
{
	struct timespec clock;
	uint64_t ago = record->lifetime, seconds;

	clock_gettime(CLOCK_REALTIME, &clock);
	seconds = (uint64_t)clock.tv_sec - record->begin;
	if ((uint64_t)clock.tv_sec > record->begin && seconds < now / 1000000 &&
	    seconds * 1000000 > ago)
		ago = seconds * 1000000;
	return now > ago ? now - ago : 1;
}

static void on_process(struct exits *e, struct task_record *record)
{
	struct place place = places_by_group(e->places, record->pid, true);
	struct waiting *w;

	if (place.place != PLACE_UNKNOWN) {
		enter(e, record, &place, COUNT_BY_GROUP);
		return;
	}
	if (e->n_waiting == WAITING_MAX)
		settle_until(e, UINT64_MAX);
	w = &e->waiting[e->n_waiting++];
	w->since = monotonic_usec();
	w->began = began(record, w->since);
	w->record = *record;
	w->parent = (struct place){.place = PLACE_UNKNOWN};
	if (record->parent > 1)
		w->parent = places_by_group(e->places, record->parent, false);
}

static void on_message(void *data, const struct task_message *message)
{
	struct exits *e = data;
	struct task_record record;

	if (message->has_task)
		e->counts[COUNT_THREADS]++;
	if (account_join(e->account, message, &record))
		on_process(e, &record);
}

static bool lives(void *data, pid_t pid)
{
	const struct exits *e = data;
	char path[64];

	snprintf(path, sizeof(path), "proc/%d", (int)pid);
	return faccessat(rbce_root_fd(e->root), path, F_OK, 0) == 0;
}

void exits_told(struct exits *e, const char *line)
{
	cleanup_free char *program = NULL;

	if (places_told(e->places, line, monotonic_usec(), &program) && program)
		programs_learn(e->programs, program);
}

/* ---- ticks ---- */

static void on_found(void *data, pid_t pid)
{
	struct exits *e = data;

	programs_learn_task(e->programs, pid);
}

void exits_note_container(struct exits *e, const char *name)
{
	size_t number = e->number++;

	if (!number)
		e->tick_began = monotonic_usec();
	if (e->running || (number >= e->first && number < e->first + LOOKS))
		places_look(e->places, name, monotonic_usec(), on_found, e);
}

static void on_running(void *data, pid_t pid, const char *container)
{
	struct exits *e = data;
	struct task_record record;
	struct exit_key key = {.place = PLACE_CONTAINER, .container = container};

	if (!running_look(e->running, pid, &record))
		return;
	clean_comm(record.comm);
	key.comm = record.comm;
	key.uid = record.uid;
	key.path = programs_find(e->programs, record.exe_device, record.exe_inode, record.comm, pid,
				 monotonic_usec());
	account_add(e->account, &key, &record.usage);
}

/* The next ones are looked at in the next tick. */
static void turn(struct exits *e, uint64_t now)
{
	e->first += LOOKS;
	if (e->first >= e->number) {
		e->first = 0;
		e->round_took = now - e->round_began;
		e->round_began = now;
	}
	e->number = 0;
}

void exits_settle(struct exits *e, bool final)
{
	uint64_t now = monotonic_usec(), keep = 3 * e->round_took;
	struct task_record record;

	listening_drain(e->listening);
	if (++e->ticks % SELDOM == 0)
		while (account_orphan(e->account, lives, e, &record))
			on_process(e, &record);
	if (e->running && e->number) {
		running_begin(e->running, now);
		places_each(e->places, e->tick_began, on_running, e);
	}
	settle_until(e, final ? UINT64_MAX : now - PATIENCE_USEC);
	turn(e, now);
	places_age(e->places, now, keep > KEEP_USEC ? keep : KEEP_USEC);
}

/* ---- storing ---- */

struct destination {
	sqlite3 *db;
	int64_t time, period;
};

static int write_sum(void *data, const struct exit_key *key, const struct usage *usage)
{
	const struct destination *to = data;

	return exit_tables_add(to->db, to->time, to->period, key, usage);
}

static void count_losses(struct exits *e)
{
	struct listening_counts lost = listening_count(e->listening);

	e->counts[COUNT_LOST] = lost.lost;
	e->counts[COUNT_OVERFLOWS] = lost.overflows;
	e->counts[COUNT_UNREADABLE] = lost.unreadable;
}

int exits_write(struct exits *e, sqlite3 *db, int64_t time)
{
	struct destination to = {db, time, 0};
	uint64_t grown[EXIT_COUNTS], any = 0;
	int rc;

	if (!e->since || time < e->since)
		e->since = time;
	to.period = time - e->since;
	e->written_time = time;
	count_losses(e);
	for (size_t i = 0; i < EXIT_COUNTS; i++) {
		e->writing[i] = e->counts[i];
		grown[i] = e->counts[i] - e->written[i];
		any |= grown[i];
	}
	rc = account_each(e->account, write_sum, &to);
	if (rc == SQLITE_OK && any)
		rc = exit_tables_count(db, time, to.period, grown);
	return rc;
}

int exits_each(const struct exits *e,
	       int (*each)(void *data, const struct exit_key *key, const struct usage *usage),
	       void *data)
{
	return account_each(e->account, each, data);
}

void exits_stored(struct exits *e)
{
	e->since = e->written_time;
	memcpy(e->written, e->writing, sizeof(e->written));
	account_reset(e->account);
}

void exits_skip(struct exits *e, int64_t ms)
{
	if (e->since)
		e->since += ms;
}

int exits_ask_running(struct exits *e, struct rbce_error *err)
{
	return running_open(monotonic_usec(), &e->running, err);
}

const uint64_t *exits_counts(const struct exits *e)
{
	return e->counts;
}

/* ---- begin and end ---- */

int exits_open(sd_event *loop, const struct rbce_hierarchy *h, struct exits **ret,
	       struct rbce_error *err)
{
	const struct rbce_root *root = rbce_hierarchy_root(h);
	struct exits *e = calloc(1, sizeof(*e));
	int r = -ENOMEM;

	if (e) {
		e->root = root;
		e->account = account_new();
		e->programs = programs_new(rbce_root_fd(root));
		e->waiting = calloc(WAITING_MAX, sizeof(*e->waiting));
		e->round_began = monotonic_usec();
		if (e->account && e->programs && e->waiting)
			r = places_new(h, &e->places);
	}
	if (r == 0)
		r = listening_new(loop, root, BUFFER_SIZE, on_message, e, &e->listening, err);
	else
		rbce_error_errno(err, r, "cannot account for tasks that end");
	if (r < 0) {
		exits_close(e);
		return r;
	}
	*ret = e;
	return 0;
}

struct exits *exits_close(struct exits *e)
{
	if (!e)
		return NULL;
	listening_free(e->listening);
	while (e->n_waiting > 0)
		place_done(&e->waiting[--e->n_waiting].parent);
	free(e->waiting);
	running_close(e->running);
	places_free(e->places);
	programs_free(e->programs);
	account_free(e->account);
	free(e);
	return NULL;
}
