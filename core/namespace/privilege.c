// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a process of the space may do: limits, ids, capabilities. */
#include <cap-ng.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "space.h"
#include "util.h"

/*
 * What programs that expect to be root need. Not CAP_MKNOD: devices come from outside; not
 * CAP_DAC_READ_SEARCH, which opens files by handle, nor CAP_SYS_PTRACE.
 */
static const unsigned usual[] = {
	CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FOWNER,  CAP_FSETID,           CAP_KILL,
	CAP_SETGID,  CAP_SETUID,       CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
	CAP_SETFCAP, CAP_AUDIT_WRITE,
};

int space_parse_caps(const char *value, uint64_t *ret, struct rbce_error *err)
{
	struct space_words words;
	uint64_t caps = 0;

	if (space_cut(value, " \t,", &words) < 0)
		return rbce_error_set(err, -EINVAL, "'%.80s' is not a list of capabilities", value);
	for (size_t i = 0; i < words.n; i++) {
		const char *name = words.word[i];
		int cap;

		if (streq(name, "all"))
			caps = UINT64_MAX;
		for (size_t k = 0; streq(name, "default") && k < ARRAY_SIZE(usual); k++)
			caps |= UINT64_C(1) << usual[k];
		if (streq(name, "all") || streq(name, "default") || streq(name, "none"))
			continue;
		if (strncasecmp(name, "cap_", 4) == 0)
			name += 4;
		cap = capng_name_to_capability(name);
		if (cap < 0)
			return rbce_error_set(err, -EINVAL,
					      "'%s' is not a capability (like net_raw), default, "
					      "all or none",
					      words.word[i]);
		caps |= UINT64_C(1) << cap;
	}
	*ret = caps;
	return 0;
}

static int set_limits(const struct rbce_space *space, struct rbce_error *err)
{
	struct space_rlimit limit;
	const char *value;
	size_t i = 0;

	while ((value = space_next(space, SPACE_RLIMIT, &i))) {
		space_parse_rlimit(value, &limit, NULL);
		if (setrlimit((__rlimit_resource_t)limit.resource,
			      &(struct rlimit){limit.soft, limit.hard}) < 0)
			return rbce_error_errno(err, -errno, "cannot set limit '%s'", value);
	}
	return 0;
}

/* The bounding set goes while this process may change it; then ids; then what they left. */
static int set_ids(const struct rbce_space *space, struct rbce_error *err)
{
	const char *value = space_get(space, SPACE_USER);
	struct space_user user;

	if (!value)
		return 0;
	space_parse_user(value, &user, NULL);
	if ((setgroups(user.n_groups, user.groups) < 0 && errno != EPERM) ||
	    setresgid(user.gid, user.gid, user.gid) < 0 ||
	    setresuid(user.uid, user.uid, user.uid) < 0)
		return rbce_error_errno(err, -errno, "cannot become user '%s'", value);
	return 0;
}

static int set_capabilities(const struct rbce_space *space, struct rbce_error *err)
{
	uint64_t caps = 0;
	bool may_drop;
	int r;

	space_parse_caps(space_get(space, SPACE_CAPS) ?: "default", &caps, NULL);
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_get_caps_process() < 0)
		return rbce_error_errno(err, -EIO, "cannot read capabilities");
	may_drop = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(caps & UINT64_C(1) << cap))
			capng_update(CAPNG_DROP,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE |
					     CAPNG_BOUNDING_SET | CAPNG_AMBIENT,
				     cap);
	/* Without CAP_SETPCAP none can be dropped: an ordinary user's process has none to lose. */
	if (may_drop) {
		r = capng_apply(CAPNG_SELECT_BOUNDS);
		if (r < 0)
			return rbce_error_errno(err, -EPERM, "cannot drop capabilities (%d)", r);
	}
	r = set_ids(space, err);
	if (r < 0)
		return r;
	/* Those of a user that is not root are gone already. */
	if (geteuid() == 0 && capng_apply(CAPNG_SELECT_CAPS) < 0)
		return rbce_error_errno(err, -EPERM, "cannot set capabilities");
	return 0;
}

int space_drop(const struct rbce_space *space, int link, struct rbce_error *err)
{
	int r = set_limits(space, err);

	if (r < 0)
		return r;
	if (space_is(space, SPACE_NO_NEW_PRIVS, true) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return rbce_error_errno(err, -errno, "cannot give up new privileges");
	r = space_load_seccomp(space, link, err);
	return r < 0 ? r : set_capabilities(space, err);
}
