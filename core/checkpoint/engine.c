// SPDX-License-Identifier: LGPL-2.1-or-later
/* The engine as a process of its own, which takes orders over a socket; see engine.h. */
#include "engine.h"

#include <criu/rpc.pb-c.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "file.h"
#include "guard.h"
#include "util.h"

enum { ANSWER_MAX = 64 << 10, EXTERNAL_MAX = 256 };
#define BRING_LOG "memory.log"

/* In the child, before the engine: what it restores has its clocks. */
static int set_clock(const struct engine_job *job)
{
	char text[128];

	if (unshare(CLONE_NEWTIME) < 0)
		return -errno;
	snprintf(text, sizeof(text), "monotonic %lld %ld\nboottime %lld %ld\n",
		 (long long)job->monotonic.tv_sec, job->monotonic.tv_nsec,
		 (long long)job->boottime.tv_sec, job->boottime.tv_nsec);
	return file_write_at(AT_FDCWD, "/proc/self/timens_offsets", text);
}

/* Its descriptors by number, as the paths and words below have them. */
enum { FIRST_FD = 3, KEEP_FD, PAGES_FD, CONFIG_FD, END_FD };
#define PAGES_WORDS "ps-socket 5\n"
#define CONFIG_PATH "/proc/self/fd/6"

/* Those of FDS at their numbers, from the first on, 0 for none; all others are closed. */
static void arrange(int fds[static END_FD - FIRST_FD])
{
	/* Out of the way of each other; dup2() leaves a copy that the engine gets. */
	for (int i = 0; i < END_FD - FIRST_FD; i++)
		fds[i] = fds[i] > 0 ? fcntl(fds[i], F_DUPFD, END_FD) : -1;
	for (int i = 0; i < END_FD - FIRST_FD; i++)
		if (fds[i] < 0 || dup2(fds[i], FIRST_FD + i) < 0)
			close(FIRST_FD + i);
	close_range(END_FD, ~0U, 0);
}

/* Says nothing but over its socket. */
__attribute__((noreturn)) static void become(const char *const argv[])
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	execvp("criu", (char **)argv);
	execv("/usr/sbin/criu", (char **)argv);
	_exit(127);
}

/* What its messages have no words for: which socket memory is served at. */
static int pages_config(void)
{
	int fd = memfd_create("criu.conf", MFD_CLOEXEC);

	return fd >= 0 && write(fd, PAGES_WORDS, strlen(PAGES_WORDS)) < 0 ? -1 : fd;
}

/* To restore what is in RESTORE, or else to dump, with KEEP open and memory served at PAGES. */
__attribute__((noreturn)) static void become_engine(const struct engine_job *restore, int keep,
						    int pages, int link)
{
	int fds[] = {link, keep, pages, pages > 0 ? pages_config() : 0};

	/* Ended while a task is in the midst of a system call of the engine's, it takes that along.
	 * What is restored would have this from it. */
	if (!restore)
		guard_stand_apart();
	if (restore && restore->clock && set_clock(restore) < 0)
		_exit(126);
	arrange(fds);
	become((const char *const[]){"criu", "swrk", "3", NULL});
}

static int start(const struct engine_job *restore, int keep, int pages, struct engine *ret,
		 struct rbce_error *err)
{
	int link[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
		return rbce_error_errno(err, -errno, "cannot make a socket");
	*ret = (struct engine){.pid = fork(), .link = link[0]};
	if (ret->pid == 0)
		become_engine(restore, keep, pages, link[1]);
	close(link[1]);
	if (ret->pid < 0) {
		close(link[0]);
		*ret = (struct engine){0};
		return rbce_error_errno(err, -errno, "cannot fork");
	}
	return 0;
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int stop(struct engine *e)
{
	pid_t pid = e->pid;

	if (pid == 0)
		return 0;
	close(e->link);
	e->pid = 0;
	return wait_for(pid);
}

void engine_stop(struct engine *e)
{
	stop(e);
}

static int say(const struct engine *e, const CriuReq *request)
{
	size_t size = criu_req__get_packed_size(request);
	cleanup_free uint8_t *text = malloc(size);

	if (!text)
		return -ENOMEM;
	criu_req__pack(request, text);
	return send(e->link, text, size, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* NULL with -EPIPE where it has ended. */
static int hear(const struct engine *e, CriuResp **ret)
{
	cleanup_free uint8_t *text = malloc(ANSWER_MAX);
	ssize_t n;

	if (!text)
		return -ENOMEM;
	do
		n = recv(e->link, text, ANSWER_MAX, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -EPIPE;
	*ret = criu_resp__unpack(NULL, (size_t)n, text);
	return *ret ? 0 : -EPROTO;
}

/* Why it has not even answered. */
static int ended(int status, struct rbce_error *err)
{
	static const char cannot[] = "cannot go on with the engine";

	if (WIFSIGNALED(status))
		return rbce_error_set(err, -EPIPE, "%s: criu was ended by signal %d", cannot,
				      WTERMSIG(status));
	switch (WEXITSTATUS(status)) {
	case 126:
		return rbce_error_set(err, -EPIPE, "%s: no time namespace for it", cannot);
	case 127:
		return rbce_error_set(err, -ENOENT, "%s: there is no program criu", cannot);
	}
	return rbce_error_set(err, -EPIPE, "%s: criu ended with status %d", cannot,
			      WEXITSTATUS(status));
}

/* The first error in the engine's messages that says something, to BUF; that is false for none. */
static bool find_error(const struct engine_job *job, char *buf, size_t size)
{
	/* The last is said of any socket that is none of TCP. */
	static const char *const empty[] = {"exited, status=", "Dumping FAILED", "Restoring FAILED",
					    "Pre-dumping FAILED", "Unable to restore TCP_"};
	cleanup_free char *text = NULL;
	bool found = false;
	char *save;

	if (file_read_all_at(job->work, job->log, &text) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line && !found;
	     line = strtok_r(NULL, "\n", &save)) {
		/* "(00.022) Error (criu/seize.c:9): text" */
		const char *error = strstr(line, "Error ("), *why;
		bool says = error && (why = strstr(error, "): "));

		for (size_t i = 0; says && i < ARRAY_SIZE(empty); i++)
			says = !after_prefix(why + 3, empty[i]);
		if (says)
			snprintf(buf, size, "%s", why + 3);
		found = says;
	}
	return found;
}

static int refused(const struct engine_job *job, const CriuResp *answer, struct rbce_error *err)
{
	int code = answer->has_cr_errno && answer->cr_errno > 0 ? -answer->cr_errno : -EIO;
	char why[RBCE_ERROR_SIZE / 2];

	if (!find_error(job, why, sizeof(why)))
		return rbce_error_errno(err, code, "criu failed");
	return rbce_error_set(err, code, "criu: %s", why);
}

/* It has got somewhere, and waits to be told whether it goes on. */
static int tell(struct engine *e, const struct engine_job *job, const CriuResp *answer)
{
	CriuReq request = CRIU_REQ__INIT;
	int r = e->why.code;

	if (r == 0 && job->reached && answer->notify && answer->notify->script)
		r = job->reached(answer->notify->script, job->data, &e->why);
	e->why.code = r;
	request.type = CRIU_REQ_TYPE__NOTIFY;
	request.has_notify_success = true;
	request.notify_success = r == 0;
	return say(e, &request);
}

/* What it says when it is done: what a call of REACHED could not do comes before what it makes of
 * that. */
static int done(const struct engine *e, const struct engine_job *job, const CriuResp *answer,
		pid_t *ret_pid, struct rbce_error *err)
{
	if (e->why.code < 0)
		return rbce_error_set(err, e->why.code, "%s", e->why.message);
	if (!answer->success)
		return refused(job, answer, err);
	if (answer->restore && ret_pid)
		*ret_pid = answer->restore->pid;
	return 0;
}

int engine_hear(struct engine *e, const struct engine_job *job, pid_t *ret_pid,
		struct rbce_error *err)
{
	CriuResp *answer;
	int r = hear(e, &answer);

	if (r == 0 && answer->type == CRIU_REQ_TYPE__NOTIFY) {
		r = tell(e, job, answer);
		criu_resp__free_unpacked(answer, NULL);
		if (r == 0)
			return 1;
	} else if (r == 0) {
		r = done(e, job, answer, ret_pid, err);
		criu_resp__free_unpacked(answer, NULL);
		return r;
	}
	r = stop(e);
	if (e->why.code < 0)
		return rbce_error_set(err, e->why.code, "%s", e->why.message);
	return ended(r, err);
}

/* ---- what it is asked ---- */

#define SET(options, field, given)                                                                 \
	do {                                                                                       \
		(options)->has_##field = true;                                                     \
		(options)->field = given;                                                          \
	} while (0)

static void set_flags(CriuOpts *o, unsigned flags)
{
	unsigned leave = RBCE_CHECKPOINT_LEAVE_RUNNING | RBCE_CHECKPOINT_LEAVE_FROZEN;

	SET(o, leave_running, (flags & leave) != 0);
	SET(o, tcp_established, (flags & RBCE_CHECKPOINT_TCP) != 0);
	SET(o, file_locks, (flags & RBCE_CHECKPOINT_LOCKS) != 0);
	SET(o, shell_job, (flags & RBCE_CHECKPOINT_SHELL) != 0);
	SET(o, ext_unix_sk, (flags & RBCE_CHECKPOINT_UNIX) != 0);
	SET(o, track_mem, (flags & RBCE_CHECKPOINT_TRACK) != 0);
	SET(o, lazy_pages, (flags & RBCE_CHECKPOINT_POST_COPY) != 0);
	/* Files that have lost their names, and more of them than fit into the image. */
	SET(o, link_remap, true);
	SET(o, ghost_limit, 64U << 20);
}

static int ask(struct engine *e, const struct engine_job *job)
{
	static const CriuReqType types[] = {
		[ENGINE_DUMP] = CRIU_REQ_TYPE__DUMP,
		[ENGINE_PRE_DUMP] = CRIU_REQ_TYPE__PRE_DUMP,
		[ENGINE_RESTORE] = CRIU_REQ_TYPE__RESTORE,
	};
	CgroupRoot roots[ENGINE_GROUPS], *root_list[ENGINE_GROUPS];
	char *external[EXTERNAL_MAX];
	CriuReq request = CRIU_REQ__INIT;
	CriuOpts o = CRIU_OPTS__INIT;

	request.type = types[job->action];
	request.opts = &o;
	o.images_dir_fd = job->images;
	SET(&o, work_dir_fd, job->work);
	SET(&o, log_level, 4);
	SET(&o, notify_scripts, job->reached != NULL);
	SET(&o, manage_cgroups_mode, CRIU_CG_MODE__SOFT);
	o.log_file = (char *)job->log;
	set_flags(&o, job->flags);
	if (job->timeout)
		SET(&o, timeout, job->timeout);
	for (; job->external && job->external[o.n_external]; o.n_external++) {
		if (o.n_external == EXTERNAL_MAX)
			return -E2BIG;
		external[o.n_external] = (char *)job->external[o.n_external];
	}
	o.external = external;
	if (job->action == ENGINE_RESTORE) {
		SET(&o, rst_sibling, true);
	} else {
		SET(&o, pid, job->pid);
		o.freeze_cgroup = (char *)job->freezer;
		o.parent_img = (char *)job->parent;
		/* The engine has nftables built in; the other way takes programs. Asked for that,
		 * it makes a table also where there is nothing to hold, which takes its time. */
		if (job->holds_packets)
			SET(&o, network_lock, CRIU_NETWORK_LOCK_METHOD__NFTABLES);
		if (job->flags & RBCE_CHECKPOINT_POST_COPY)
			o.config_file = (char *)CONFIG_PATH;
	}
	for (; o.n_cg_root < job->n_groups && o.n_cg_root < ENGINE_GROUPS; o.n_cg_root++) {
		CgroupRoot *root = root_list[o.n_cg_root] = &roots[o.n_cg_root];

		cgroup_root__init(root);
		root->ctrl = (char *)job->groups[o.n_cg_root].controller;
		root->path = (char *)job->groups[o.n_cg_root].path;
	}
	o.cg_root = root_list;
	return say(e, &request);
}

int engine_ask(struct engine *e, const struct engine_job *job, struct rbce_error *err)
{
	int r;

	e->why = (struct rbce_error){0};
	r = ask(e, job);
	if (r == -EPIPE)
		return ended(stop(e), err);
	return r < 0 ? rbce_error_errno(err, r, "cannot talk to criu") : 0;
}

int engine_start(int keep, int pages, struct engine *ret, struct rbce_error *err)
{
	return start(NULL, keep, pages, ret, err);
}

int engine_restore(const struct engine_job *job, pid_t *ret_pid, struct rbce_error *err)
{
	struct engine e;
	int r = start(job, 0, 0, &e, err);

	if (r == 0)
		r = engine_ask(&e, job, err);
	if (r == 0)
		do
			r = engine_hear(&e, job, ret_pid, err);
		while (r > 0);
	engine_stop(&e);
	return r;
}

/* Its status is told over READY when it listens. */
__attribute__((noreturn)) static void become_bringer(const char *dir, const char *work, int socket,
						     int ready)
{
	int fds[END_FD - FIRST_FD] = {socket, ready};

	guard_stand_apart();
	arrange(fds);
	become((const char *const[]){"criu", "lazy-pages", "--images-dir", dir, "--work-dir", work,
				     "--page-server", "--ps-socket", "3", "--status-fd", "4",
				     "--log-file", BRING_LOG, NULL});
}

int engine_bring(const char *dir, const char *work, int socket, pid_t *ret_pid,
		 struct rbce_error *err)
{
	cleanup_close int dirfd = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct engine_job job = {.work = dirfd, .log = BRING_LOG};
	char byte, why[RBCE_ERROR_SIZE / 2];
	int ready[2], status;
	ssize_t n;
	pid_t pid;

	if (dirfd < 0 || pipe2(ready, O_CLOEXEC) < 0)
		return rbce_error_errno(err, -errno, "cannot bring memory");
	pid = fork();
	if (pid == 0)
		become_bringer(dir, work, socket, ready[1]);
	close(ready[1]);
	do
		n = pid < 0 ? -1 : read(ready[0], &byte, 1);
	while (n < 0 && pid > 0 && errno == EINTR);
	close(ready[0]);
	if (n == 1) {
		*ret_pid = pid;
		return 0;
	}
	if (pid < 0)
		return rbce_error_errno(err, -errno, "cannot fork");
	status = wait_for(pid);
	return find_error(&job, why, sizeof(why)) ? rbce_error_set(err, -EIO, "criu: %s", why)
						  : ended(status, err);
}

int engine_check(struct rbce_error *err)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return rbce_error_errno(err, -errno, "cannot fork");
	if (pid == 0)
		become((const char *const[]){"criu", "check", NULL});
	status = wait_for(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return ended(status, err);
	return status == 0 ? 0
			   : rbce_error_set(err, -EOPNOTSUPP,
					    "this kernel lacks what the engine needs: 'criu check' "
					    "says what");
}

int engine_version(struct engine *e, char *buf, size_t size, struct rbce_error *err)
{
	CriuReq request = CRIU_REQ__INIT;
	CriuResp *answer = NULL;
	int r;

	request.type = CRIU_REQ_TYPE__VERSION;
	SET(&request, keep_open, true);
	r = say(e, &request);
	if (r == 0)
		r = hear(e, &answer);
	if (r < 0)
		return ended(stop(e), err);
	if (answer->version)
		snprintf(buf, size, "criu %d.%d.%d", answer->version->major_number,
			 answer->version->minor_number, answer->version->sublevel);
	criu_resp__free_unpacked(answer, NULL);
	return 0;
}

int engine_find(char *buf, size_t size, struct rbce_error *err)
{
	struct engine e;
	int r = engine_start(0, 0, &e, err);

	if (r == 0)
		r = engine_version(&e, buf, size, err);
	engine_stop(&e);
	return r;
}
