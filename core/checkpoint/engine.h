/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CRIU, spoken to by the messages of its service ("criu swrk"): libcriu's own calls leave out or
 * get wrong what is needed here. Internal.
 */
#ifndef CORE_CHECKPOINT_ENGINE_H
#define CORE_CHECKPOINT_ENGINE_H

#include <rbce/checkpoint.h>
#include <time.h>

enum engine_action { ENGINE_DUMP, ENGINE_PRE_DUMP, ENGINE_RESTORE };

/* The path of a group for one controller, NULL for all. */
struct engine_group {
	const char *controller, *path;
};
enum { ENGINE_GROUPS = 16 };

struct engine_job {
	enum engine_action action;
	unsigned flags;                    /* enum rbce_checkpoint_flags */
	int images, work;                  /* directories */
	const char *log;                   /* its name in WORK */
	pid_t pid;                         /* dump: the first process of the tree */
	unsigned timeout;                  /* seconds, 0 for the engine's own */
	const char *freezer;               /* dump: directory of the group that holds it */
	const char *parent;                /* dump: relative to IMAGES */
	bool holds_packets;                /* dump: nothing is to come in meanwhile */
	const char *const *external;       /* NULL at the end, or NULL */
	const struct engine_group *groups; /* restore: where it goes, if not where it was */
	size_t n_groups;
	/* Restore: how much the clocks run ahead of the machine's, which CLOCK says. */
	bool clock;
	struct timespec monotonic, boottime;
	/*
	 * Called when the engine has got somewhere, a failure is the job's: "pre-dump" before it
	 * looks at any process, "post-dump" when all is written and none has ended.
	 */
	int (*reached)(const char *where, void *data, struct rbce_error *err);
	void *data;
};

/* A process that takes orders: rounds that copy memory ahead and a dump, or a restore. */
struct engine {
	pid_t pid; /* 0: there is none */
	int link;
	struct rbce_error why; /* why a call of REACHED failed */
};

/* Starts one for dumps, which keeps the descriptor KEEP open, and serves memory at the socket PAGES
 * when it is asked to; 0 for none. It need not be up yet. */
int engine_start(int keep, int pages, struct engine *ret, struct rbce_error *err);

/* "criu 3.17.1", when it is up, or why there is none. */
int engine_version(struct engine *e, char *buf, size_t size, struct rbce_error *err);

/* Gives it a job; what is heard of it is 1 when that is not all. */
int engine_ask(struct engine *e, const struct engine_job *job, struct rbce_error *err);
int engine_hear(struct engine *e, const struct engine_job *job, pid_t *ret_pid,
		struct rbce_error *err);

/* Waits for its end, which comes after its last job. */
void engine_stop(struct engine *e);

/* One that is for this restore only. *RET_PID receives the first process, a child of the caller's.
 */
int engine_restore(const struct engine_job *job, pid_t *ret_pid, struct rbce_error *err);

/* Starts what brings the memory of the tree DIR, asking for it at SOCKET; WORK is the directory
 * that the restore works in, too. */
int engine_bring(const char *dir, const char *work, int socket, pid_t *ret_pid,
		 struct rbce_error *err);

/* Can it work on this kernel? */
int engine_check(struct rbce_error *err);

/* Is there one, of which version? */
int engine_find(char *buf, size_t size, struct rbce_error *err);

#endif
