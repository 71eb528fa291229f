/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the OOM handler share; see oom.h. */
#ifndef RBCED_OOM_INTERNAL_H
#define RBCED_OOM_INTERNAL_H

#include <controllers/oom.h>
#include <pthread.h>
#include <rbce/container.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

#define OOM_UNLIMITED UINT64_MAX

enum {
	OOM_REPORTS = 256, /* that wait for the loop */
	OOM_RUNS = 16,     /* programs at a time */
	OOM_ENV = 16,      /* variables of a program's environment */
	OOM_ENV_SIZE = 3072,
	OOM_STACK = 512 << 10, /* of the thread: depth of the walk, and texts */
	OOM_TEXT = 16384,      /* the longest control file that is read: memory.stat */
};

/* ---- memory.c: what is there before it is needed ---- */

/* Zeroed pages that stay in memory; NULL. */
void *memory_reserve(size_t size);
void memory_release(void *memory, size_t size);

/* Locks the code that the handler runs: of the program, of libc and of the loader. 0 or -errno. */
int memory_lock_code(void);

/* ---- watch.c: the files of a container ---- */

enum { EVENT_HIGH, EVENT_MAX, EVENT_OOM, EVENT_OOM_KILL, EVENT_OOM_DELAYED };
enum { EVENT_COUNT = EVENT_OOM_DELAYED + 1 };

struct oom_events {
	uint64_t n[EVENT_COUNT];
};

/* Of memory.events or memory.events.local; what is not there is 0. */
void events_parse(const char *text, struct oom_events *ret);

/* Descriptors that stay open; -1 where there is no such file. */
struct oom_files {
	int version; /* of the memory controller */
	int dir;     /* the group, to be listed */
	int events;  /* v2: memory.events.local; v1: memory.oom_control */
	int bell;    /* v1: eventfd */
	int usage, stat, max, high;
	int memsw_usage, memsw_max; /* v1, with swap accounting */
	int delay;                  /* memory.oom.delay of our kernel */
	int pressure;               /* memory.pressure, with a trigger in it */
	int kill, freeze;           /* of the v2 tree, or v1's freezer */
	bool freezer_v1;
};

/* What is missing is said in ERR and, where nothing can be watched without it, returned. */
int files_open(struct oom_files *files, struct rbce_container *c,
	       const struct oom_pressure *pressure, struct rbce_error *err);
void files_close(struct oom_files *files);

/* A number of a control file, OOM_UNLIMITED for "max" and v1's largest; -errno. */
int files_read(int fd, uint64_t *ret);
int files_write(int fd, uint64_t amount);

/* How far below LIMIT memory.high is put; from where on memory counts as short. */
uint64_t guard_band(uint64_t limit);
uint64_t guard_level(uint64_t limit);

/* ---- victims.c: who is to be killed ---- */

struct oom_victim {
	pid_t pid;
	uint64_t start; /* clock ticks after boot */
	uint64_t size;  /* bytes that its end gives back: anonymous, shared, swapped, page tables */
	int64_t badness; /* the same, with its oom_score_adj */
	int rank;        /* 1 preferred, -1 to be avoided */
	char comm[16];
};

struct oom_choice {
	int proc; /* /proc */
	bool newest;
	const char *prefer, *avoid; /* patterns, "" for none */
	uint64_t limit;             /* that oom_score_adj is a share of */
	const pid_t *spared;        /* never these */
	size_t n_spared;
};

/* Calls FUNCTION for each process in the group DIRFD and below it; stops at a negative result. */
typedef int victims_fn(void *data, pid_t pid);
int victims_each(int dirfd, victims_fn *function, void *data);

/* The one to kill of those in DIRFD and below; -ESRCH where none may be. */
int victims_choose(const struct oom_choice *choice, int dirfd, struct oom_victim *ret);

/* Facts of one process; -ESRCH for one that ends, -EPERM for one that may not be killed. */
int victims_read(const struct oom_choice *choice, pid_t pid, struct oom_victim *ret);

/* When the process began, by its directory in /proc; -ESRCH. */
int victims_start(int proc, pid_t pid, uint64_t *ret);

/* ---- containers ---- */

/* The values of a section's keys, the same for each container that it describes. */
struct oom_config {
	struct oom_config *next;
	unsigned users;
	struct oom_policy policy;
	bool has_prekill, has_pressure, has_high; /* memory.high is the rules' own */
	struct oom_prekill prekill;
	struct oom_pressure pressure;
	char prefer[1024], avoid[1024];
};

enum oom_reason { REASON_LIMIT, REASON_PRESSURE, REASON_ANSWER, REASON_TIME };
const char *oom_reason_name(enum oom_reason reason);

enum oom_action {
	ACTION_KILLED,
	ACTION_KILLED_ALL,
	ACTION_FROZEN,
	ACTION_THAWED,
	ACTION_GROWN,
	ACTION_SHRUNK,
	ACTION_HOOK,     /* the policy's program ended */
	ACTION_PREKILL,  /* the one before a kill did */
	ACTION_KERNEL,   /* it killed before us */
	ACTION_HELPLESS, /* nothing was left to be done */
};
enum { ACTION_COUNT = ACTION_HELPLESS + 1 };
const char *oom_action_name(enum oom_action action);

enum oom_stage {
	STAGE_IDLE,
	STAGE_NEAR,    /* v2: over memory.high; looked at again and again */
	STAGE_PREKILL, /* the program before the kill runs */
	STAGE_DYING,   /* a victim was killed */
	STAGE_SETTLE,  /* something was done; does it help? */
	STAGE_HOOK,    /* the policy's program runs */
	STAGE_ASKED,   /* frozen, until somebody answers */
};
const char *oom_stage_name(enum oom_stage stage);

struct journal_entry;

struct oom_slot {
	bool used;
	unsigned generation; /* counts its uses, so that an old event is known as such */
	uint32_t index;
	struct oom_config *config;
	struct oom_files files;

	uint64_t base;  /* memory.max before it has grown */
	uint64_t limit; /* as last seen or set */
	uint64_t guard; /* v2: the memory.high that is set here; v1: 1; 0 for none */
	uint64_t level; /* v2: use from which on memory is short */
	bool armed;     /* v1: the kernel's killer is off */
	bool delayed;   /* memory.oom.delay is set here */
	bool patient;   /* the kernel waits for us: memory.oom.delay is set, here or by others */
	bool waits;     /* it does so, since it has said that, until there is room */
	struct oom_events seen;

	enum oom_stage stage;
	enum oom_reason reason;
	size_t step;    /* of the policy */
	uint64_t until; /* when it is to be looked at; OOM_UNLIMITED: not */
	uint64_t since; /* of the stage */
	uint64_t tick;  /* STAGE_NEAR: between two looks */
	uint64_t asked_until;
	struct oom_victim victim;
	int victim_fd; /* pidfd, -1 */
	bool reaped;   /* its memory was asked back */
	int run;       /* of oom->runs, -1 */
	bool frozen;   /* by us */
	struct journal_entry *entry;
	uint64_t grown_at;
	uint64_t quiet_until; /* of pressure */
	int answer;           /* enum oom_kind, ANSWER_THAW, -1 */
	uint64_t answer_by;
	uint64_t done[ACTION_COUNT];
	char name[RBCE_NAME_MAX + 1];
};
enum { ANSWER_NONE = -1, ANSWER_THAW = -2 };

struct oom_report {
	char name[RBCE_NAME_MAX + 1];
	enum oom_action action;
	enum oom_reason reason;
	struct oom_victim victim; /* pid 0 for none */
	uint64_t usage, limit;
	int status; /* of a program; -errno where it failed */
};

/* A program that is run. */
struct oom_run {
	enum { RUN_FREE, RUN_WAITS, RUN_RUNS } state;
	uint64_t owner; /* token of the slot, 0 for none */
	pid_t pid;
	int fd; /* pidfd */
	uint64_t until;
	size_t used; /* of TEXT */
	size_t n_env;
	char *env[OOM_ENV + 1];
	char path[OOM_PATH_SIZE], text[OOM_ENV_SIZE];
};

struct oom {
	pthread_mutex_t lock; /* of all below */
	pthread_t thread;
	bool runs_thread, closing;
	const struct rbce_hierarchy *h;
	char group[RBCE_NAME_MAX + 1];
	int proc, null;
	int epoll;
	int command; /* eventfd: the loop has something for the thread */
	int news;    /* eventfd: the thread has something for the loop */
	pid_t spared[2];

	struct oom_slot **slots;
	size_t n_slots, room;
	struct oom_config *configs;

	struct oom_report reports[OOM_REPORTS]; /* from FIRST on, around the end */
	size_t first, n_reports;
	uint64_t lost;
	uint64_t done[ACTION_COUNT];
	struct oom_run runs[OOM_RUNS];
	void *stack;       /* of the thread */
	char *child_stack; /* of a program until it is executed */
	struct journal *journal;
	sd_event_source *on_news;
};

/* ---- handler.c ---- */

int handler_start(struct oom *oom);
void handler_stop(struct oom *oom);
void handler_ring(struct oom *oom);

/* Events of the slot's files come to the thread from now on; no more. */
int handler_add(struct oom *oom, struct oom_slot *slot);
void handler_drop(struct oom *oom, struct oom_slot *slot);

/* For the others of the thread: the end of a victim is to be told; a descriptor is not any more;
 * the loop has news; what names the slot as long as it is the same. */
int handler_watch_victim(struct oom *oom, struct oom_slot *slot, int fd);
void handler_unwatch(struct oom *oom, int fd);
void handler_tell(struct oom *oom);
uint64_t handler_token(const struct oom_slot *slot);

/* ---- policy.c: from one step to the next; all with the lock ---- */

/* Something came from the files; the time has come; a program or a victim has ended. */
void policy_on_memory(struct oom *oom, struct oom_slot *slot);
void policy_on_pressure(struct oom *oom, struct oom_slot *slot);
void policy_on_time(struct oom *oom, struct oom_slot *slot);
void policy_on_victim(struct oom *oom, struct oom_slot *slot);
void policy_on_run(struct oom *oom, struct oom_slot *slot, int status);
void policy_on_answer(struct oom *oom, struct oom_slot *slot);

/* It is watched from now on. */
void policy_begin(struct oom *oom, struct oom_slot *slot);

/* The container was frozen by a daemon before: it waits for an answer again. */
void policy_ask(struct oom_slot *slot);

/* Stops what it was at. */
void policy_end(struct oom *oom, struct oom_slot *slot);

/* ---- act.c ---- */

/* v1: turns the kernel's killer off; v2: sets the guard. By the limit as it is now. */
void act_arm(struct oom *oom, struct oom_slot *slot);
void act_disarm(struct oom *oom, struct oom_slot *slot);

/* Is memory still short? */
bool act_is_short(struct oom_slot *slot);

/* Would what cannot be reclaimed stay well below LIMIT? */
bool act_fits(const struct oom_slot *slot, uint64_t limit);

/* A pidfd of the victim, which got SIGKILL; -ESRCH when it is not there any more. */
int act_kill(struct oom *oom, struct oom_slot *slot, const struct oom_victim *victim);
int act_kill_all(struct oom *oom, struct oom_slot *slot);
int act_freeze(struct oom *oom, struct oom_slot *slot, bool on);
bool act_is_frozen(const struct oom_slot *slot);
int act_set_limit(struct oom *oom, struct oom_slot *slot, uint64_t limit);

/* ---- run.c ---- */

/* A free one with PATH and no environment, NULL. */
struct oom_run *run_new(struct oom *oom, const char *path);
__attribute__((format(printf, 2, 3))) void run_env(struct oom_run *run, const char *format, ...);

/* Starts it; without the lock, which others may need before the program is executed. */
int run_start(struct oom *oom, struct oom_run *run);

/* Its exit status, 128 + signal; -EAGAIN while it runs. */
int run_status(struct oom_run *run);
void run_free(struct oom_run *run);

/* ---- journal.c: what a daemon that starts again takes over ---- */

/* What is known of a container. */
struct journal_entry {
	uint64_t guard; /* memory.high that is ours, 0; v1: 1 while the kernel does not kill */
	uint64_t base, limit; /* grown from and to; 0 */
	bool frozen;
	bool delayed; /* memory.oom.delay is ours */
	UT_hash_handle hh;
	char name[RBCE_NAME_MAX + 1];
};

int journal_open(const char *path, struct journal **ret);
struct journal *journal_close(struct journal *journal);

/* The entry of NAME, made where it is missing; NULL without memory. Not for the thread. */
struct journal_entry *journal_obtain(struct journal *journal, const char *name);
struct journal_entry *journal_find(struct journal *journal, const char *name);
void journal_drop(struct journal *journal, const char *name);

/* Writes the entry as a line, before what it says is done; allocates nothing. */
void journal_write(struct journal *journal, const struct journal_entry *entry);

/* Makes the file anew where it has grown long. */
void journal_tidy(struct journal *journal);

#endif
