// SPDX-License-Identifier: LGPL-2.1-or-later
/* The first process of a space, from its first instruction to the program that it becomes. */
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"
#include "space.h"
#include "util.h"

unsigned space_clone_flags(const struct rbce_space *space)
{
	/* The root of a cgroup namespace is where its maker stands: that is settled later. */
	return space_flags(space) & ~(unsigned)CLONE_NEWCGROUP;
}

bool space_sets_clock(const struct rbce_space *space)
{
	return space_get(space, SPACE_MONOTONIC) || space_get(space, SPACE_BOOTTIME);
}

pid_t space_clone(const struct rbce_space *space, unsigned long long flags, int group,
		  int *ret_pidfd, bool *ret_placed)
{
	/* A sibling ends with the signal that its maker does. */
	struct clone_args args = {.flags = flags,
				  .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD};
	const char *tids = space ? space_get(space, SPACE_PID) : NULL;
	pid_t tid[SPACE_WORDS];
	size_t n_tids = 0;
	long pid;

	if (tids && space_parse_tids(tids, tid, &n_tids, NULL) == 0) {
		args.set_tid = (uintptr_t)tid;
		args.set_tid_size = n_tids;
	}
	if (ret_pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uintptr_t)ret_pidfd;
	}
	*ret_placed = group >= 0;
	if (group >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)group;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	/* Not into a group that hands controllers on, nor from where this user may not move. */
	if (pid < 0 && group >= 0 &&
	    (errno == EBUSY || errno == EACCES || errno == EOPNOTSUPP || errno == ENODEV)) {
		args.flags &= ~CLONE_INTO_CGROUP;
		args.cgroup = 0;
		*ret_placed = false;
		pid = syscall(SYS_clone3, &args, sizeof(args));
	}
	return pid < 0 ? -errno : (pid_t)pid;
}

void space_tie(int link)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Or it has ended before. */
	if (recv(link, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0)
		_exit(127);
}

/* ---- steps ---- */

static int await(int link, enum space_word word, struct space_mounts *ret, struct rbce_error *err)
{
	struct space_message message = {.pid = 0};
	int r = space_hear(link, &message, ret);

	if (r == 0 && message.word != word)
		r = -EPROTO;
	return r < 0 ? rbce_error_errno(err, r, "cannot hear of the caller") : 0;
}

int space_become_root(void)
{
	/* Where nobody is root, the user of its key will do. */
	if (setresgid(0, 0, 0) < 0)
		return 0;
	/* Denied where a single group is mapped. */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return -errno;
	return setresuid(0, 0, 0) < 0 ? -errno : 0;
}

static int set_names(const struct rbce_space *space, struct rbce_error *err)
{
	const char *host = space_get(space, SPACE_HOSTNAME),
		   *domain = space_get(space, SPACE_DOMAINNAME);

	if (host && sethostname(host, strlen(host)) < 0)
		return rbce_error_errno(err, -errno, "cannot set hostname '%s'", host);
	if (domain && setdomainname(domain, strlen(domain)) < 0)
		return rbce_error_errno(err, -errno, "cannot set domainname '%s'", domain);
	return 0;
}

static int start_loopback(const struct rbce_space *space, struct rbce_error *err)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	cleanup_close int fd = -1;

	if (!(space_flags(space) & CLONE_NEWNET))
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return rbce_error_errno(err, -errno, "cannot start the loopback device");
	return 0;
}

/* Root of its user namespace, if it has one, as soon as that has its ids. */
static int become_root(const struct rbce_space *space, int link, struct space_mounts *ret,
		       struct rbce_error *err)
{
	int r;

	if (!space_has_user(space))
		return 0;
	r = await(link, SPACE_MAPPED, ret, err);
	if (r == 0 && space_become_root() < 0)
		r = rbce_error_errno(err, -errno, "cannot become root of the container");
	/* The change of ids has untied it. */
	space_tie(link);
	return r;
}

static int prepare(const struct rbce_space *space, int link, struct rbce_error *err)
{
	struct space_mounts given = {.n = 0};
	int r = become_root(space, link, &given, err);

	umask(022);
	if (r == 0)
		r = set_names(space, err);
	if (r == 0)
		r = start_loopback(space, err);
	if (r == 0)
		r = space_mount_all(space, &given, err);
	space_mounts_done(&given);
	if (r == 0 && space_has_network(space)) {
		r = await(link, SPACE_CONNECTED, NULL, err);
		if (r == 0)
			r = space_set_network(space, err);
	}
	if (r == 0 && space_flags(space) & CLONE_NEWCGROUP && unshare(CLONE_NEWCGROUP) < 0)
		r = rbce_error_errno(err, -errno, "cannot make a cgroup namespace");
	return r;
}

static char **environment(const struct rbce_space *space)
{
	char **env = calloc(space->n + 2, sizeof(*env));
	const char *value;
	size_t i = 0, n = 0;

	while (env && (value = space_next(space, SPACE_ENV, &i)))
		env[n++] = (char *)value;
	if (env && n == 0)
		env[n++] =
			(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	return env;
}

/* As a program expects to find them. */
static void reset_signals(void)
{
	sigset_t none;

	for (int signal = 1; signal < NSIG; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int tell(int link, const struct rbce_error *err)
{
	struct space_message message = {.word = SPACE_FAILED, .code = err->code};

	memcpy(message.text, err->message, sizeof(message.text));
	return space_say(link, &message, NULL);
}

struct program {
	char *const *argv;
	char **env;
	int link;
	unsigned flags;
	struct rbce_error *err;
};

/* Returns only on failure. */
static int become_program(void *of)
{
	struct program *program = of;
	int r = program->flags & RBCE_SPACE_TERMINAL ? space_take_terminal(program->err) : 0;

	if (r < 0)
		return r;
	reset_signals();
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	environ = program->env;
	execvp(program->argv[0], program->argv);
	return rbce_error_errno(program->err, -errno, "cannot run '%s'", program->argv[0]);
}

/* Where nobody is left who would tell what it returns. */
static int become_or_tell(void *of)
{
	struct program *program = of;

	become_program(program);
	return tell(program->link, program->err);
}

int space_run(const struct rbce_space *space, int link, char *const argv[], unsigned flags,
	      struct rbce_error *err)
{
	struct program program = {argv, environment(space), link, flags, err};
	const char *cwd = space_get(space, SPACE_CWD);
	int r;

	if (!program.env)
		return rbce_error_errno(err, -ENOMEM, "cannot run '%s'", argv[0]);
	if (flags & RBCE_SPACE_SESSION)
		setsid();
	r = flags & RBCE_SPACE_TERMINAL ? space_open_terminal(space, link, err) : 0;
	if (r == 0)
		r = space_drop(space, link, err);
	if (r == 0 && cwd && chdir(cwd) < 0)
		r = rbce_error_errno(err, -errno, "cannot change to '%s'", cwd);
	/* With ids, capabilities: what they allow has changed. */
	space_tie(link);
	if (r == 0 && flags & RBCE_SPACE_WAIT) {
		space_say(link, &(struct space_message){.word = SPACE_READY}, NULL);
		r = await(link, SPACE_GO, NULL, err);
	}
	if (r < 0)
		return r;
	return space_is(space, SPACE_INIT, space_flags(space) & CLONE_NEWPID)
		       ? space_init(become_or_tell, &program, err)
		       : become_program(&program);
}

void space_tell(int link, const struct rbce_error *err)
{
	tell(link, err);
	_exit(127);
}

void space_child(const struct rbce_space *space, int link, char *const argv[], unsigned flags)
{
	struct rbce_error err = {0};

	space_tie(link);
	if (prepare(space, link, &err) == 0)
		space_run(space, link, argv, flags, &err);
	space_tell(link, &err);
}

/* ---- clocks ---- */

static int set_clock(const struct rbce_space *space, enum space_key key, const char *clock,
		     int offsets, struct rbce_error *err)
{
	const char *value = space_get(space, key);
	char text[64];
	int64_t offset;
	int r;

	if (!value)
		return 0;
	space_parse_offset(value, &offset, NULL);
	/* Whole seconds, and nanoseconds that are never below zero. */
	int64_t seconds = offset / 1000000000, rest = offset % 1000000000;
	if (rest < 0) {
		seconds--;
		rest += 1000000000;
	}
	snprintf(text, sizeof(text), "%s %lld %lld", clock, (long long)seconds, (long long)rest);
	/* Each is written at the start of the file. */
	lseek(offsets, 0, SEEK_SET);
	r = file_write_fd(offsets, text, strlen(text));
	return r < 0 ? rbce_error_errno(err, r, "cannot set the clock '%s' to '%s'", clock, value)
		     : 0;
}

void space_clock_child(const struct rbce_space *space, int link, char *const argv[],
		       unsigned options)
{
	unsigned flags = space_clone_flags(space) & ~(unsigned)(CLONE_NEWUSER | CLONE_NEWTIME);
	struct space_message message = {.word = SPACE_STARTED};
	struct rbce_error err = {0};
	/* Who has become another user may not open it: the kernel gives it to the host's root. */
	int offsets = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	bool placed;
	int r = offsets < 0 ? rbce_error_errno(&err, -errno, "cannot set clocks") : 0;

	if (r == 0)
		r = become_root(space, link, NULL, &err);
	/* A clock can be set as long as nobody lives by it. */
	if (r == 0 && unshare(CLONE_NEWTIME) < 0)
		r = rbce_error_errno(&err, -errno, "cannot make a time namespace");
	if (r == 0)
		r = set_clock(space, SPACE_MONOTONIC, "monotonic", offsets, &err);
	if (r == 0)
		r = set_clock(space, SPACE_BOOTTIME, "boottime", offsets, &err);
	closep(&offsets);
	if (r == 0) {
		message.pid = space_clone(space, flags | CLONE_PARENT, -1, NULL, &placed);
		if (message.pid == 0)
			space_child(space, link, argv, options);
		if (message.pid < 0)
			r = rbce_error_errno(&err, message.pid, "cannot make namespaces");
	}
	if (r < 0)
		space_tell(link, &err);
	space_say(link, &message, NULL);
	_exit(0);
}
