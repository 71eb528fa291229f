// SPDX-License-Identifier: LGPL-2.1-or-later
/* System calls that are refused inside, through libseccomp. */
#include <asm/termbits.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>

#include "space.h"
#include "util.h"

/*
 * Those that are about the whole machine, or have a long history of holes; a space's own
 * capabilities refuse most of them as well.
 */
static const char *const refused[] = {
	"acct",
	"add_key",
	"bpf",
	"clock_adjtime",
	"clock_settime",
	"delete_module",
	"finit_module",
	"init_module",
	"ioperm",
	"iopl",
	"kcmp",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"lookup_dcookie",
	"nfsservctl",
	"open_by_handle_at",
	"perf_event_open",
	"quotactl",
	"quotactl_fd",
	"reboot",
	"request_key",
	"settimeofday",
	"stime",
	"swapoff",
	"swapon",
	"syslog",
	"userfaultfd",
	"vm86",
	"vm86old",
	"fsopen",
	"fspick",
	"move_mount",
	"open_tree",
	"mount_setattr",
	"pivot_root",
	"process_vm_readv",
	"process_vm_writev",
	"setns",
};

/* A terminal that comes from outside could be typed at, with these. */
static const unsigned long requests[] = {TIOCSTI, TIOCLINUX};

int space_check_deny(const char *value, struct rbce_error *err)
{
	struct space_words words;

	if (space_cut(value, " \t,", &words) < 0 || words.n == 0)
		return rbce_error_set(err, -EINVAL, "'%.80s' is not a list of system calls", value);
	for (size_t i = 0; i < words.n; i++)
		if (seccomp_syscall_resolve_name(words.word[i]) == __NR_SCMP_ERROR)
			return rbce_error_set(err, -EINVAL, "'%s' is not a system call",
					      words.word[i]);
	return 0;
}

/* One that this machine does not have needs no rule. syslog(2) is answered where it can be. */
static int refuse(const struct rbce_space *space, scmp_filter_ctx filter, const char *name)
{
	uint32_t action =
		space->kmsg && streq(name, "syslog") ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(EPERM);
	int number = seccomp_syscall_resolve_name(name);

	return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, action, number, 0);
}

static int refuse_usual(const struct rbce_space *space, scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(refused); i++)
		r = refuse(space, filter, refused[i]);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(requests); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
	/* A user namespace would give its maker all capabilities in it. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
	/* Its flags are in memory, where no filter sees them; programs then take clone(2). */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r;
}

static int refuse_asked(const struct rbce_space *space, scmp_filter_ctx filter)
{
	struct space_words words;
	const char *value;
	size_t i = 0;
	int r = 0;

	while (r == 0 && (value = space_next(space, SPACE_DENY, &i))) {
		space_cut(value, " \t,", &words);
		for (size_t k = 0; r == 0 && k < words.n; k++)
			r = refuse(space, filter, words.word[k]);
	}
	return r;
}

/* Who hears of calls goes out: nobody inside could answer them. */
static int give_listener(scmp_filter_ctx filter, int link)
{
	struct space_mounts listener = {.n = 1};
	int r;

	listener.fd[0] = seccomp_notify_fd(filter);
	if (listener.fd[0] < 0)
		return listener.fd[0];
	r = space_say(link, &(struct space_message){.word = SPACE_SYSLOG}, &listener);
	space_mounts_done(&listener);
	return r;
}

int space_load_seccomp(const struct rbce_space *space, int link, struct rbce_error *err)
{
	const char *value = space_get(space, SPACE_SECCOMP) ?: "default";
	bool usual = streq(value, "default");
	scmp_filter_ctx filter;
	int r;

	if (!usual && !space_get(space, SPACE_DENY) && !space->kmsg)
		return 0;
	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return rbce_error_errno(err, -ENOMEM, "cannot make a filter of system calls");
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	r = usual ? refuse_usual(space, filter) : space->kmsg ? refuse(space, filter, "syslog") : 0;
	if (r == 0)
		r = refuse_asked(space, filter);
	if (r == 0)
		r = seccomp_load(filter);
	if (r == 0 && space->kmsg)
		r = give_listener(filter, link);
	seccomp_release(filter);
	return r < 0 ? rbce_error_errno(err, r, "cannot load a filter of system calls") : 0;
}
