// SPDX-License-Identifier: LGPL-2.1-or-later
/* The keys of a space, and what was set; see rbce/namespace.h. */
#include <assert.h>
#include <net/if.h>
#include <rbce/units.h>
#include <sched.h>

#include "space.h"
#include "util.h"

static int check_switch(const char *value, struct rbce_error *err)
{
	if (streq(value, "yes") || streq(value, "no"))
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is not yes or no", value);
}

static int check_path(const char *value, struct rbce_error *err)
{
	if (*value == '/')
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is not an absolute path", value);
}

static int check_name(const char *value, struct rbce_error *err)
{
	if (*value && strlen(value) <= 64)
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is not a name of 1 to 64 bytes", value);
}

static int check_flags(const char *value, struct rbce_error *err)
{
	unsigned flags;

	return space_parse_flags(value, &flags, err);
}

static int check_map(const char *value, struct rbce_error *err)
{
	struct space_map map;

	return space_parse_map(value, &map, err);
}

static int check_offset(const char *value, struct rbce_error *err)
{
	int64_t offset;

	return space_parse_offset(value, &offset, err);
}

static int check_tids(const char *value, struct rbce_error *err)
{
	pid_t tids[SPACE_WORDS];
	size_t n;

	return space_parse_tids(value, tids, &n, err);
}

static int check_kmsg(const char *value, struct rbce_error *err)
{
	uint64_t size;

	if (rbce_parse_size(value, &size) == 0 && size >= 4096 && size <= 64 << 20)
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is not a size from 4K to 64M", value);
}

static int check_proc(const char *value, struct rbce_error *err)
{
	struct space_words words;

	if (space_cut(value, " \t,", &words) < 0 || words.n == 0)
		return rbce_error_set(err, -EINVAL, "'%s' is not yes, no or options", value);
	for (size_t i = 0; i < words.n; i++)
		if (!(words.n == 1 && (streq(value, "yes") || streq(value, "no"))) &&
		    !after_prefix(words.word[i], "hidepid=") && !streq(words.word[i], "subset=pid"))
			return rbce_error_set(err, -EINVAL,
					      "'%s' is not yes, no, hidepid=N or subset=pid",
					      words.word[i]);
	return 0;
}

static int check_sysctl(const char *value, struct rbce_error *err)
{
	const char *equals = strchr(value, '=');

	if (equals && equals != value && !strchr(value, '/') && !strstr(value, ".."))
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is not NAME=VALUE", value);
}

static int check_tmpfs(const char *value, struct rbce_error *err)
{
	struct space_words words;

	if (space_cut(value, " \t", &words) < 0 || words.n == 0 || *words.word[0] != '/')
		return rbce_error_set(err, -EINVAL, "'%s' is not a path and options", value);
	for (size_t i = 1; i < words.n; i++)
		if (!after_prefix(words.word[i], "size=") && !after_prefix(words.word[i], "mode="))
			return rbce_error_set(err, -EINVAL, "'%s' is not size=SIZE or mode=MODE",
					      words.word[i]);
	return 0;
}

static int check_bind(const char *value, struct rbce_error *err)
{
	struct space_bind bind;

	return space_parse_bind(value, &bind, err);
}

static int check_caps(const char *value, struct rbce_error *err)
{
	uint64_t caps;

	return space_parse_caps(value, &caps, err);
}

static int check_seccomp(const char *value, struct rbce_error *err)
{
	if (streq(value, "default") || streq(value, "none"))
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is not default or none", value);
}

static int check_rlimit(const char *value, struct rbce_error *err)
{
	struct space_rlimit limit;

	return space_parse_rlimit(value, &limit, err);
}

static int check_user(const char *value, struct rbce_error *err)
{
	struct space_user user;

	return space_parse_user(value, &user, err);
}

static int check_env(const char *value, struct rbce_error *err)
{
	const char *equals = strchr(value, '=');

	if (equals && equals != value)
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is not NAME=VALUE", value);
}

static int check_device(const char *value, struct rbce_error *err)
{
	if (*value && strlen(value) < IFNAMSIZ && !strpbrk(value, "/ \t:"))
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is not a name of a network device", value);
}

#define YES_NO .values = "yes | no", .check = check_switch

static const struct rbce_space_key keys[] = {
	[SPACE_NEW] = {"new", "all | none | NAMESPACE, ...", "namespaces of its own", false,
		       check_flags},
	[SPACE_ROOTFS] = {"rootfs", "DIR", "directory that is / inside", false, check_path},
	[SPACE_OVERLAY] = {"overlay", YES_NO,
			   .help = "changes to / stay in memory and go with the container"},
	[SPACE_IDMAP] = {"idmap", YES_NO,
			 .help = "files of the rootfs belong to the container's own ids"},
	[SPACE_HOSTNAME] = {"hostname", "NAME", "name of the host inside", false, check_name},
	[SPACE_DOMAINNAME] = {"domainname", "NAME", "NIS domain inside", false, check_name},
	[SPACE_UIDS] = {"uids", "auto | self | INSIDE OUTSIDE COUNT, ...", "users inside", false,
			check_map},
	[SPACE_GIDS] = {"gids", "auto | self | INSIDE OUTSIDE COUNT, ...", "groups inside", false,
			check_map},
	[SPACE_MONOTONIC] = {"time.monotonic", "[-]TIME", "what is added to the monotonic clock",
			     false, check_offset},
	[SPACE_BOOTTIME] = {"time.boottime", "[-]TIME", "what is added to the time since boot",
			    false, check_offset},
	[SPACE_PID] = {"pid", "PID ...", "process id of the first, innermost namespace first",
		       false, check_tids},
	[SPACE_PROC] = {"proc", "yes | no | [hidepid=N] [subset=pid]", "/proc of its own", false,
			check_proc},
	[SPACE_SYS] = {"sys", YES_NO, .help = "/sys of its own, read-only"},
	[SPACE_DEV] = {"dev", YES_NO, .help = "/dev of its own, with few devices"},
	[SPACE_DEVICE] = {"device", "PATH", "one more device in /dev", true, check_path},
	[SPACE_SYSCTL] = {"sysctl", "NAME=VALUE", "a setting of its namespaces", true,
			  check_sysctl},
	[SPACE_TMPFS] = {"tmpfs", "PATH [size=SIZE] [mode=MODE]", "memory as a directory", true,
			 check_tmpfs},
	[SPACE_BIND] = {"bind",
			"SOURCE [TARGET] [ro|nosuid|nodev|noexec|noatime|nosymfollow|idmap ...]",
			"a file or directory of outside", true, check_bind},
	[SPACE_MASK] = {"mask", "PATH", "what cannot be read inside", true, check_path},
	[SPACE_READONLY] = {"readonly", "PATH", "what cannot be written inside", true, check_path},
	[SPACE_CAPS] = {"caps", "default | all | none | CAPABILITY, ...", "capabilities at most",
			false, check_caps},
	[SPACE_NO_NEW_PRIVS] = {"no-new-privs", YES_NO,
				.help = "programs give no privileges, as sudo would"},
	[SPACE_SECCOMP] = {"seccomp", "default | none", "system calls that are refused", false,
			   check_seccomp},
	[SPACE_DENY] = {"deny", "SYSCALL, ...", "more of them", true, space_check_deny},
	[SPACE_KMSG_SIZE] = {"kmsg", "SIZE", "kernel messages of its own: so much of them is kept",
			     false, check_kmsg},
	[SPACE_RLIMIT] = {"rlimit", "NAME=SOFT[:HARD]", "a limit of setrlimit(2)", true,
			  check_rlimit},
	[SPACE_INIT] = {"init", YES_NO, .help = "a first process that reaps and hands signals on"},
	[SPACE_USER] = {"user", "UID[:GID[:GID ...]]", "who runs the command", false, check_user},
	[SPACE_CWD] = {"cwd", "DIR", "where the command begins", false, check_path},
	[SPACE_ENV] = {"env", "NAME=VALUE", "a variable of the environment", true, check_env},
	[SPACE_NET_BRIDGE] = {"net.bridge", "NAME",
			      "bridge that its network is on; made if missing", false,
			      check_device},
	[SPACE_NET_NAME] = {"net.name", "NAME", "its network device inside (eth0)", false,
			    check_device},
	[SPACE_NET_HOST_NAME] = {"net.host-name", "NAME", "the other end of it, outside", false,
				 check_device},
	[SPACE_NET_ADDRESS] = {"net.address", "ADDRESS/BITS", "an address inside", true,
			       space_check_address},
	[SPACE_NET_HOST_ADDRESS] = {"net.host-address", "ADDRESS/BITS",
				    "an address of the bridge, or of the other end", true,
				    space_check_address},
	[SPACE_NET_ROUTE] = {"net.route", "default | NETWORK/BITS [via ADDRESS]", "a route inside",
			     true, space_check_route},
};
static_assert(ARRAY_SIZE(keys) == SPACE_KEY_COUNT, "a row for each key");

const struct rbce_space_key *rbce_space_key_at(size_t index)
{
	return index < ARRAY_SIZE(keys) ? &keys[index] : NULL;
}

const struct rbce_space_key *rbce_space_key_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (streq(keys[i].name, name))
			return &keys[i];
	return NULL;
}

struct rbce_space *rbce_space_new(void)
{
	struct rbce_space *space = calloc(1, sizeof(*space));

	if (space)
		space->by_root = geteuid() == 0;
	return space;
}

struct rbce_space *rbce_space_free(struct rbce_space *space)
{
	for (size_t i = 0; space && i < space->n; i++)
		free(space->settings[i].value);
	if (space)
		free(space->settings);
	free(space);
	return NULL;
}

static struct space_setting *place(struct rbce_space *space, enum space_key key)
{
	for (size_t i = 0; !keys[key].repeats && i < space->n; i++)
		if (space->settings[i].key == key)
			return &space->settings[i];
	if (space->n == space->room) {
		size_t room = space->room ? 2 * space->room : 16;
		struct space_setting *more =
			realloc(space->settings, room * sizeof(*space->settings));

		if (!more)
			return NULL;
		space->settings = more;
		space->room = room;
	}
	space->settings[space->n] = (struct space_setting){.key = key};
	return &space->settings[space->n++];
}

int rbce_space_set(struct rbce_space *space, const char *name, const char *value,
		   struct rbce_error *err)
{
	const struct rbce_space_key *key = rbce_space_key_find(name);
	struct space_setting *setting;
	char *copy;
	int r;

	if (!key)
		return rbce_error_set(err, -ENOENT, "there is no key 'namespace.%s'", name);
	r = key->check(value, err);
	if (r < 0)
		return r;
	copy = strdup(value);
	setting = copy ? place(space, (enum space_key)(key - keys)) : NULL;
	if (!setting) {
		free(copy);
		return rbce_error_errno(err, -ENOMEM, "cannot set 'namespace.%s'", name);
	}
	free(setting->value);
	setting->value = copy;
	return 0;
}

const char *space_next(const struct rbce_space *space, enum space_key key, size_t *i)
{
	while (*i < space->n) {
		const struct space_setting *setting = &space->settings[(*i)++];

		if (setting->key == key)
			return setting->value;
	}
	return NULL;
}

const char *space_get(const struct rbce_space *space, enum space_key key)
{
	size_t i = 0;

	return space_next(space, key, &i);
}

const char *rbce_space_get(const struct rbce_space *space, const char *name)
{
	const struct rbce_space_key *key = rbce_space_key_find(name);

	return key ? space_get(space, (enum space_key)(key - keys)) : NULL;
}

bool space_is(const struct rbce_space *space, enum space_key key, bool fallback)
{
	const char *value = space_get(space, key);

	return value ? !streq(value, "no") : fallback;
}

bool space_has_root(const struct rbce_space *space)
{
	return space_get(space, SPACE_ROOTFS) || space_is(space, SPACE_OVERLAY, false);
}

bool space_has_user(const struct rbce_space *space)
{
	return space_flags(space) & CLONE_NEWUSER;
}

unsigned space_flags(const struct rbce_space *space)
{
	const unsigned usual = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
			       CLONE_NEWNET | CLONE_NEWCGROUP;
	const char *value = space_get(space, SPACE_NEW);
	unsigned flags = usual;

	if (value)
		space_parse_flags(value, &flags, NULL);
	else if (!space->by_root || space_get(space, SPACE_UIDS))
		flags |= CLONE_NEWUSER;
	/* What asks for one has it. */
	if (space_get(space, SPACE_MONOTONIC) || space_get(space, SPACE_BOOTTIME))
		flags |= CLONE_NEWTIME;
	if (space_get(space, SPACE_HOSTNAME) || space_get(space, SPACE_DOMAINNAME))
		flags |= CLONE_NEWUTS;
	if (space_has_root(space))
		flags |= CLONE_NEWNS;
	return flags;
}
