// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys of containers with namespaces. Run from the top of the source tree. */
#include <core/namespace/space.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "harness.h"

static struct rbce_error err;

static int set(const char *key, const char *value)
{
	struct rbce_space *space = rbce_space_new();
	int r = rbce_space_set(space, key, value, &err);

	rbce_space_free(space);
	return r;
}

START_TEST(accepted)
{
	static const char *const values[][2] = {
		{"new", "all"},
		{"new", "none"},
		{"new", "user, mount pid"},
		{"rootfs", "/srv"},
		{"overlay", "yes"},
		{"hostname", "inner"},
		{"uids", "auto"},
		{"gids", "0 100000 65536, 65536 1000 1"},
		{"time.monotonic", "-1h"},
		{"time.boottime", "+5s"},
		{"pid", "1 4711"},
		{"proc", "hidepid=2 subset=pid"},
		{"sysctl", "fs.mqueue.msg_max=10"},
		{"tmpfs", "/tmp size=1M mode=1777"},
		{"bind", "/a"},
		{"bind", "/a /b ro nosuid idmap"},
		{"caps", "default, net_raw"},
		{"caps", "CAP_SYS_ADMIN"},
		{"caps", ""},
		{"deny", "mkdir, ptrace"},
		{"rlimit", "nofile=10:max"},
		{"user", "1:2:3,4"},
		{"env", "A="},
		{"net.address", "10.0.0.2/24"},
		{"net.address", "fd00::2/64"},
		{"net.route", "default via 10.0.0.1"},
		{"net.route", "10.1.0.0/16"},
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		ck_assert_msg(set(values[i][0], values[i][1]) == 0, "%s = %s: %s", values[i][0],
			      values[i][1], err.message);
}
END_TEST

START_TEST(refused)
{
	static const char *const values[][2] = {
		{"new", ""},
		{"new", "users"},
		{"rootfs", "srv"},
		{"overlay", "1"},
		{"hostname", ""},
		{"uids", "0 1"},
		{"uids", "0 1 0"},
		{"gids", "a 0 1"},
		{"time.monotonic", "soon"},
		{"pid", "0"},
		{"pid", "x"},
		{"proc", "gid=0"},
		{"proc", "yes no"},
		{"sysctl", "a/b=1"},
		{"sysctl", "..=1"},
		{"tmpfs", "tmp"},
		{"tmpfs", "/t uid=0"},
		{"bind", ""},
		{"bind", "a /b"},
		{"bind", "/a /b /c"},
		{"caps", "everything"},
		{"seccomp", "strict"},
		{"deny", "no_such"},
		{"rlimit", "nofile"},
		{"rlimit", "files=1"},
		{"rlimit", "nofile=2:1"},
		{"user", "root"},
		{"env", "=x"},
		{"env", "x"},
		{"cwd", "tmp"},
		{"net.address", "ten"},
		{"net.route", "default by 10.0.0.1"},
		{"net.name", "a/b"},
		{"net.bridge", "a-name-that-is-too-long"},
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		ck_assert_msg(set(values[i][0], values[i][1]) == -EINVAL, "%s = %s is accepted",
			      values[i][0], values[i][1]);
	ck_assert_int_eq(set("nonsense", "x"), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.message, "namespace.nonsense"));
}
END_TEST

START_TEST(values)
{
	struct space_rlimit limit;
	struct space_bind bind;
	struct space_user user;
	struct space_map map;
	unsigned flags;
	int64_t offset;
	uint64_t caps;

	ck_assert_int_eq(space_parse_flags("uts, net", &flags, NULL), 0);
	ck_assert_uint_eq(flags, CLONE_NEWUTS | CLONE_NEWNET);
	ck_assert_int_eq(space_parse_map("0 1000 1, 1 2000 5", &map, NULL), 0);
	ck_assert_uint_eq(map.n, 2);
	ck_assert_uint_eq(map.range[1].outside, 2000);
	ck_assert_uint_eq(map.range[1].count, 5);
	ck_assert_int_eq(space_parse_offset("-1.5s", &offset, NULL), 0);
	ck_assert_int_eq(offset, -1500000000);
	ck_assert_int_eq(space_parse_bind("/a ro nodev", &bind, NULL), 0);
	ck_assert_str_eq(bind.target, "/a");
	ck_assert_uint_eq(bind.attributes, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
	ck_assert_int_eq(space_parse_rlimit("NOFILE=10", &limit, NULL), 0);
	ck_assert_int_eq(limit.resource, RLIMIT_NOFILE);
	ck_assert_uint_eq(limit.hard, 10);
	ck_assert_int_eq(space_parse_user("5", &user, NULL), 0);
	ck_assert_uint_eq(user.gid, 5);
	ck_assert_int_eq(space_parse_caps("chown,kill", &caps, NULL), 0);
	ck_assert_uint_eq(caps, 1 << 0 | 1 << 5);
}
END_TEST

/* The last value holds, or all of a key that repeats; some ask for namespaces. */
START_TEST(settings)
{
	struct rbce_space *space = rbce_space_new();
	size_t i = 0;

	ck_assert_int_eq(rbce_space_set(space, "hostname", "a", NULL), 0);
	ck_assert_int_eq(rbce_space_set(space, "hostname", "b", NULL), 0);
	ck_assert_int_eq(rbce_space_set(space, "env", "A=1", NULL), 0);
	ck_assert_int_eq(rbce_space_set(space, "env", "B=2", NULL), 0);
	ck_assert_str_eq(rbce_space_get(space, "hostname"), "b");
	ck_assert_str_eq(space_next(space, SPACE_ENV, &i), "A=1");
	ck_assert_str_eq(space_next(space, SPACE_ENV, &i), "B=2");
	ck_assert_ptr_null(space_next(space, SPACE_ENV, &i));
	ck_assert_int_eq(rbce_space_set(space, "new", "none", NULL), 0);
	ck_assert_uint_eq(space_flags(space), CLONE_NEWUTS);
	ck_assert_int_eq(rbce_space_set(space, "time.boottime", "1s", NULL), 0);
	ck_assert_int_eq(rbce_space_set(space, "overlay", "yes", NULL), 0);
	ck_assert_uint_eq(space_flags(space), CLONE_NEWUTS | CLONE_NEWTIME | CLONE_NEWNS);
	rbce_space_free(space);
}
END_TEST

/* An entry for each key. */
START_TEST(manual)
{
	FILE *file = fopen("man/rbce-namespaces.7", "r");
	const struct rbce_space_key *key;
	static char page[65536];
	char entry[128];

	ck_assert_msg(file != NULL, "run this from the top of the source tree");
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	for (size_t i = 0; (key = rbce_space_key_at(i)); i++) {
		snprintf(entry, sizeof(entry), "Cm namespace.%s Ns = Ns", key->name);
		ck_assert_msg(strstr(page, entry) != NULL, "the manual has no '%s'", key->name);
	}
}
END_TEST

int main(void)
{
	return harness_run("spaces", (const TTest *const[]){accepted, refused, values, settings,
							    manual, NULL});
}
