// SPDX-License-Identifier: GPL-2.0-or-later
/* What the server gives up; see jail.h. */
#include "jail.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "util.h"

static int find_user(const char *name, const char *path, const struct passwd **ret,
		     struct rbce_error *err)
{
	struct stat st;

	if (name)
		*ret = getpwnam(name);
	else if (stat(path, &st) == 0 && st.st_uid != 0)
		*ret = getpwuid(st.st_uid);
	else
		*ret = getpwnam(name = "nobody");
	if (!*ret)
		return rbce_error_set(err, -ENOENT, "cannot become '%s': there is no such user",
				      name ?: "the owner of the database");
	return 0;
}

static int become(const struct passwd *user, struct rbce_error *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return rbce_error_errno(err, -errno, "cannot become '%s'", user->pw_name);
	return 0;
}

int jail_drop(const char *user, const char *path, struct rbce_error *err)
{
	const struct passwd *found = NULL;
	bool root = geteuid() == 0;
	int r = root ? find_user(user, path, &found, err) : 0;

	if (r < 0)
		return r;
	if (!root && user)
		return rbce_error_set(err, -EPERM, "cannot become '%s': only root can", user);
	capng_clear(CAPNG_SELECT_ALL);
	if (root && capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return rbce_error_set(err, -EPERM, "cannot drop capabilities");
	if (root)
		r = become(found, err);
	if (r == 0 && capng_apply(CAPNG_SELECT_CAPS) < 0)
		return rbce_error_set(err, -EPERM, "cannot drop capabilities");
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return rbce_error_errno(err, -errno, "cannot give up new privileges");
	return r;
}

/*
 * What reading a database, serving sockets and the memory for it take; opening is below. Nothing
 * that starts a program, connects to anything or changes a file.
 */
static const char *const allowed[] = {
	"read",
	"readv",
	"pread64",
	"write",
	"writev",
	"sendto",
	"sendmsg",
	"sendfile",
	"recvfrom",
	"recvmsg",
	"accept",
	"accept4",
	"shutdown",
	"close",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"poll",
	"ppoll",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	"eventfd2",
	"fstat",
	"newfstatat",
	"stat",
	"lstat",
	"statx",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getcwd",
	"lseek",
	"fcntl",
	"brk",
	"mmap",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"futex",
	"sched_yield",
	"getrandom",
	"clock_gettime",
	"gettimeofday",
	"clock_nanosleep",
	"nanosleep",
	"getpid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"uname",
	"sysinfo",
	"ioctl",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"restart_syscall",
	"exit",
	"exit_group",
	"tgkill",
	"prlimit64",
	"rseq",
	"set_robust_list",
};

/* Opened for reading; what would write or make a file is refused as if it were not ours. */
static int allow_opening(scmp_filter_ctx filter)
{
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC,
					 O_RDONLY));

	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC,
					     O_RDONLY));
	return r;
}

int jail_close(struct rbce_error *err)
{
	scmp_filter_ctx filter;
	int r = 0;

#ifdef __SANITIZE_ADDRESS__
	/* The sanitizers look into this process from another one when it ends. */
	return 0;
#endif
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return rbce_error_errno(err, -ENOMEM, "cannot refuse system calls");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(allowed); i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);

		/* Negative: it has another number or none on this machine. */
		if (number >= 0)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	if (r == 0)
		r = allow_opening(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r == 0 ? 0 : rbce_error_errno(err, r, "cannot refuse system calls");
}
