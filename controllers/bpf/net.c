// SPDX-License-Identifier: GPL-2.0-or-later
/* The programs of net.bpf.c: what runs for a container; see net.h. */
#include "net.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <rbce/limits.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "pins.h"
#include "util.h"

enum { PROGRAMS_OF_A_KIND = 16 }; /* most that one group is asked for */

/* When a program has something to do. Each bit is a reason. */
enum reason {
	FOR_CONNECT = 1,
	FOR_BIND = 2,
	FOR_ACCEPT = 4,
	FOR_EGRESS = 8,
	FOR_MARKS = 16,
};

static const struct {
	enum bpf_attach_type type;
	unsigned reasons;
	bool stays; /* gives connections their speed back when the limit is gone */
} programs[] = {
	[PIN_CONNECT4] = {BPF_CGROUP_INET4_CONNECT, FOR_CONNECT, false},
	[PIN_CONNECT6] = {BPF_CGROUP_INET6_CONNECT, FOR_CONNECT, false},
	[PIN_SENDMSG4] = {BPF_CGROUP_UDP4_SENDMSG, FOR_CONNECT, false},
	[PIN_SENDMSG6] = {BPF_CGROUP_UDP6_SENDMSG, FOR_CONNECT, false},
	[PIN_BIND4] = {BPF_CGROUP_INET4_BIND, FOR_BIND, false},
	[PIN_BIND6] = {BPF_CGROUP_INET6_BIND, FOR_BIND, false},
	[PIN_INGRESS] = {BPF_CGROUP_INET_INGRESS, FOR_ACCEPT, false},
	[PIN_EGRESS] = {BPF_CGROUP_INET_EGRESS, FOR_EGRESS | FOR_MARKS, false},
	[PIN_PACE] = {BPF_CGROUP_SOCK_OPS, FOR_EGRESS, true},
};

static unsigned reasons_of(const struct net_rules *rules)
{
	return (rules->n[NET_CONNECT] ? FOR_CONNECT : 0) | (rules->n[NET_BIND] ? FOR_BIND : 0) |
	       (rules->n[NET_ACCEPT] ? FOR_ACCEPT : 0) | (rules->rate ? FOR_EGRESS : 0) |
	       (rules->priority || rules->flowid ? FOR_MARKS : 0);
}

/* ---- the group ---- */

static const char *root_of(const struct rbce_container *c)
{
	return rbce_hierarchy_group(rbce_container_hierarchy(c));
}

struct group {
	int fd;
	uint64_t id; /* as the kernel knows it in maps */
};

static void group_close(struct group *group)
{
	if (group->fd >= 0)
		close(group->fd);
}

static int group_open(struct rbce_container *c, struct group *ret, struct rbce_error *err)
{
	struct {
		struct file_handle handle;
		uint64_t id;
	} at = {.handle.handle_bytes = sizeof(at.id)};
	struct statfs fs;
	int mount_id, fd = rbce_container_open_unified(c, ".", O_RDONLY | O_DIRECTORY);

	if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)) {
		close(fd);
		fd = -EOPNOTSUPP;
	}
	if (fd == -EOPNOTSUPP)
		return rbce_error_set(err, fd, "it needs a group in a cgroup v2 tree");
	if (fd < 0)
		return rbce_error_errno(err, fd, "the group cannot be opened");
	if (name_to_handle_at(fd, "", &at.handle, &mount_id, AT_EMPTY_PATH) < 0) {
		int r = -errno;

		close(fd);
		return rbce_error_errno(err, r, "the group has no number");
	}
	memcpy(&ret->id, at.handle.f_handle, sizeof(ret->id));
	ret->fd = fd;
	return 0;
}

int bpf_net_supported(struct rbce_container *c, struct rbce_error *err)
{
	CLEANUP(group_close) struct group group = {.fd = -1};
	int r = group_open(c, &group, err);

	return r < 0 ? r : pins_supported(err);
}

/* ---- reading ---- */

/* The value of GROUP in the pinned MAP; -ENOENT where there is none. */
static int lookup(struct rbce_container *c, enum pin map, const struct group *group, void *ret)
{
	cleanup_close int fd = pins_open(root_of(c), map);

	if (fd < 0)
		return fd;
	return bpf_map_lookup_elem(fd, &group->id, ret) < 0 ? -errno : 0;
}

int bpf_net_read(struct rbce_container *c, struct net_rules *ret, struct rbce_error *err)
{
	CLEANUP(group_close) struct group group = {.fd = -1};
	int r = group_open(c, &group, err);

	if (r < 0)
		return r;
	memset(ret, 0, sizeof(*ret));
	r = lookup(c, PIN_RULES, &group, ret);
	return r < 0 && r != -ENOENT ? rbce_error_errno(err, r, "the rules cannot be read") : 0;
}

int bpf_net_count(struct rbce_container *c, struct net_counts *ret, struct rbce_error *err)
{
	CLEANUP(group_close) struct group group = {.fd = -1};
	cleanup_free struct net_counts *each = NULL;
	int cpus = libbpf_num_possible_cpus(), r;

	r = cpus < 0 ? cpus : group_open(c, &group, err);
	if (r < 0)
		return r;
	each = calloc((size_t)cpus, sizeof(*each));
	r = each ? lookup(c, PIN_COUNTS, &group, each) : -ENOMEM;
	if (r < 0 && r != -ENOENT)
		return rbce_error_errno(err, r, "the counters cannot be read");
	memset(ret, 0, sizeof(*ret));
	for (int cpu = 0; r == 0 && cpu < cpus; cpu++)
		for (size_t i = 0; i < sizeof(*ret) / sizeof(__u64); i++)
			((__u64 *)ret)[i] += ((const __u64 *)&each[cpu])[i];
	return 0;
}

/* ---- attaching ---- */

static int program_info(int fd, struct bpf_prog_info *ret)
{
	uint32_t size = sizeof(*ret);

	*ret = (struct bpf_prog_info){0};
	return bpf_obj_get_info_by_fd(fd, ret, &size) < 0 ? -errno : 0;
}

/* The program of this kind on GROUP itself, of whatever version; -ENOENT for none. */
static int find_attached(const struct group *group, enum pin kind)
{
	uint32_t ids[PROGRAMS_OF_A_KIND], n = ARRAY_SIZE(ids), flags;

	if (bpf_prog_query(group->fd, programs[kind].type, 0, &flags, ids, &n) < 0)
		return -errno;
	for (uint32_t i = 0; i < n; i++) {
		cleanup_close int fd = bpf_prog_get_fd_by_id(ids[i]);
		struct bpf_prog_info info;

		if (fd >= 0 && program_info(fd, &info) == 0 && streq(info.name, pins_name(kind)))
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

static bool is_same(int a, int b)
{
	struct bpf_prog_info x, y;

	return program_info(a, &x) == 0 && program_info(b, &y) == 0 && x.id == y.id;
}

/* Beside those of others, and in place of an older one of ours. */
static int attach(const struct group *group, enum pin kind, int program, bool *ret_new)
{
	cleanup_close int old = find_attached(group, kind);
	struct bpf_prog_attach_opts options = {
		.sz = sizeof(options),
		.flags = BPF_F_ALLOW_MULTI | (old >= 0 ? BPF_F_REPLACE : 0),
		.replace_prog_fd = old >= 0 ? old : 0,
	};

	*ret_new = false;
	if (old < 0 && old != -ENOENT)
		return old;
	if (old >= 0 && is_same(old, program))
		return 0;
	if (bpf_prog_attach_opts(program, group->fd, programs[kind].type, &options) < 0)
		return -errno;
	*ret_new = old < 0;
	return 0;
}

static int detach(const struct group *group, enum pin kind)
{
	cleanup_close int old = find_attached(group, kind);

	if (old == -ENOENT)
		return 0;
	if (old < 0)
		return old;
	return bpf_prog_detach2(old, group->fd, programs[kind].type) < 0 ? -errno : 0;
}

/* Attaches what REASONS ask for; *ATTACHED has a bit for each that was not there before. */
static int attach_all(const char *root, const struct group *group, unsigned reasons,
		      unsigned *attached, struct rbce_error *err)
{
	for (enum pin kind = 0; kind < PIN_PROGRAMS; kind++) {
		cleanup_close int program = -1;
		bool is_new;
		int r;

		if (!(programs[kind].reasons & reasons))
			continue;
		r = program = pins_open(root, kind);
		if (r >= 0)
			r = attach(group, kind, program, &is_new);
		if (r < 0)
			return rbce_error_errno(err, r, "the kernel refuses program %s",
						pins_name(kind));
		*attached |= is_new ? 1U << kind : 0;
	}
	return 0;
}

static void detach_unneeded(const struct group *group, unsigned reasons)
{
	for (enum pin kind = 0; kind < PIN_PROGRAMS; kind++)
		if (!(programs[kind].reasons & reasons) && !programs[kind].stays)
			detach(group, kind);
}

static void detach_again(const struct group *group, unsigned attached)
{
	for (enum pin kind = 0; kind < PIN_PROGRAMS; kind++)
		if (attached & 1U << kind)
			detach(group, kind);
}

/*
 * Storage is there from the first program that is attached to the group. So the first rules come a
 * moment after the program, which allows everything until then; all later ones at once.
 */
static int replace(const char *root, const struct group *group, const struct net_rules *rules,
		   struct rbce_error *err)
{
	cleanup_close int map = pins_open(root, PIN_RULES);
	struct net_rules before = {0};
	unsigned attached = 0;
	bool is_first;
	int r;

	if (map < 0)
		return rbce_error_errno(err, map, "the rules cannot be set");
	is_first = bpf_map_lookup_elem(map, &group->id, &before) < 0;
	r = attach_all(root, group, reasons_of(rules), &attached, err);
	if (r == 0 && bpf_map_update_elem(map, &group->id, rules, BPF_EXIST) < 0 &&
	    !(is_first && reasons_of(rules) == 0))
		r = rbce_error_errno(err, -errno, "the kernel refuses the rules");
	if (r < 0) {
		detach_again(group, attached);
		return r;
	}
	detach_unneeded(group, reasons_of(rules));
	return 0;
}

/* For those who may not ask the kernel: core/limits-net.c. Nothing depends on it here. */
static void note_rate(const struct group *group, uint64_t rate)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, rate);
	if (rate)
		fsetxattr(group->fd, RBCE_EGRESS_ATTRIBUTE, text, strlen(text), 0);
	else
		fremovexattr(group->fd, RBCE_EGRESS_ATTRIBUTE);
}

int bpf_net_change(struct rbce_container *c, bpf_net_change_fn *change, const void *data,
		   struct rbce_error *err)
{
	CLEANUP(group_close) struct group group = {.fd = -1};
	cleanup_close int lock = -1;
	struct net_rules rules = {0};
	const char *root = root_of(c);
	int r;

	r = group_open(c, &group, err);
	if (r < 0)
		return r;
	lock = pins_prepare(root, err);
	if (lock < 0)
		return lock;
	r = lookup(c, PIN_RULES, &group, &rules);
	if (r < 0 && r != -ENOENT)
		return rbce_error_errno(err, r, "the rules cannot be read");
	rules.group = group.id;
	change(&rules, data);
	r = replace(root, &group, &rules, err);
	if (r == 0)
		note_rate(&group, rules.rate);
	return r;
}

void bpf_net_forget(const char *group)
{
	pins_remove(group);
}
