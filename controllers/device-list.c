// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The devices that tasks of a group may use: device = LIST, "all" in a new group. Nothing else can
 * be opened or made with mknod(2); what is open stays open.
 *
 * v1 has devices.allow and devices.deny, v2 asks a BPF program (device-bpf.c). Either way a group
 * has no more than those above it.
 */
#include "device-list.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <rbce/units.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "file.h"
#include "internal.h"
#include "util.h"

#define LIST_FILE  "devices.list"
#define ALLOW_FILE "devices.allow"
#define DENY_FILE  "devices.deny"

struct list {
	struct device_rule rules[DEVICE_RULES_MAX];
	size_t n;
};

/* Devices that any program may expect, by name; "default" is all of them. */
static const struct {
	const char *name;
	struct device_rule rule;
} known[] = {
	{"null", {'c', 1, 3, DEVICE_ANY}},    {"zero", {'c', 1, 5, DEVICE_ANY}},
	{"full", {'c', 1, 7, DEVICE_ANY}},    {"random", {'c', 1, 8, DEVICE_ANY}},
	{"urandom", {'c', 1, 9, DEVICE_ANY}}, {"tty", {'c', 5, 0, DEVICE_ANY}},
	{"pts", {'c', 5, 2, DEVICE_ANY}},     {"pts", {'c', 136, DEVICE_ALL, DEVICE_ANY}},
	{"rtc", {'c', 10, 135, DEVICE_ANY}},
};

static const struct device_rule everything = {'a', DEVICE_ALL, DEVICE_ALL, DEVICE_ANY};

static bool same_device(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static bool is_all(const struct list *list)
{
	return list->n == 1 && list->rules[0].type == 'a' && list->rules[0].major == DEVICE_ALL &&
	       list->rules[0].minor == DEVICE_ALL && list->rules[0].access == DEVICE_ANY;
}

/* Kept sorted, one rule for each device. */
static int add(struct list *list, const struct device_rule *rule)
{
	size_t i = 0;

	for (; i < list->n; i++) {
		struct device_rule *r = &list->rules[i];

		if (same_device(r, rule)) {
			r->access |= rule->access;
			return 0;
		}
		if (r->type > rule->type ||
		    (r->type == rule->type && (r->major > rule->major || (r->major == rule->major &&
									  r->minor > rule->minor))))
			break;
	}
	if (list->n == DEVICE_RULES_MAX)
		return -E2BIG;
	memmove(&list->rules[i + 1], &list->rules[i], (list->n - i) * sizeof(*rule));
	list->rules[i] = *rule;
	list->n++;
	return 0;
}

/* The clocks of today have a number that the kernel chooses. */
static int add_rtc(struct list *list)
{
	cleanup_free char *text = NULL;
	struct device_rule rule = {'c', 0, DEVICE_ALL, DEVICE_ANY};
	const char *end, *p;

	if (file_read_all_at(AT_FDCWD, "/proc/devices", &text) < 0)
		return 0;
	end = strstr(text, " rtc\n");
	for (p = end; p && p > text && isdigit((unsigned char)p[-1]);)
		p--;
	if (!end || sscanf(p, "%d", &rule.major) != 1)
		return 0;
	return add(list, &rule);
}

/* All devices of that NAME, all at all for NULL; -ENOENT for none. */
static int add_known(struct list *list, const char *name, unsigned access)
{
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct device_rule rule = known[i].rule;

		if (name && !streq(name, known[i].name))
			continue;
		rule.access = access;
		r = add(list, &rule);
		if (r < 0)
			return r;
	}
	if (r == 0 && (!name || streq(name, "rtc")))
		r = add_rtc(list);
	return r;
}

/* "rw"; nothing for all. */
static bool parse_access(const char *text, unsigned *ret)
{
	unsigned access = 0;

	for (const char *p = text ?: "rwm"; *p; p++) {
		unsigned bit = *p == 'r'   ? DEVICE_READ
			       : *p == 'w' ? DEVICE_WRITE
			       : *p == 'm' ? DEVICE_MKNOD
					   : 0;

		if (!bit)
			return false;
		access |= bit;
	}
	*ret = access;
	return access != 0;
}

static bool parse_part(const char *text, uint64_t max, int *ret)
{
	uint64_t number;

	if (streq(text, "*")) {
		*ret = DEVICE_ALL;
		return true;
	}
	if (rbce_parse_number(text, 0, max, &number) < 0)
		return false;
	*ret = (int)number;
	return true;
}

/* "10:200", "8:*", "*:*"; TEXT is changed. */
static bool parse_numbers(char *text, struct device_rule *rule)
{
	char *colon = strchr(text, ':');

	if (!colon)
		return false;
	*colon = '\0';
	return parse_part(text, (1U << 12) - 1, &rule->major) &&
	       parse_part(colon + 1, (1U << 20) - 1, &rule->minor);
}

static int add_path(struct list *list, const char *path, unsigned access, struct rbce_error *err)
{
	struct device_rule rule = {.access = access};
	char quoted[QUOTED_SIZE];
	struct stat st;

	amount_quote(path, quoted);
	if (stat(path, &st) < 0)
		return rbce_error_errno(err, errno == ENOENT ? -ENODEV : -errno,
					"device '%s' cannot be looked up", quoted);
	if (!S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode))
		return rbce_error_set(err, -EINVAL, "'%s' is not a device", quoted);
	rule.type = S_ISBLK(st.st_mode) ? 'b' : 'c';
	rule.major = (int)major(st.st_rdev);
	rule.minor = (int)minor(st.st_rdev);
	return add(list, &rule);
}

/* "c 10:200 rw", "/dev/fuse", "tty r"; ITEM is changed. */
static int add_item(struct list *list, char *item, struct rbce_error *err)
{
	static const char help[] = "like null, default, /dev/fuse rw or c 10:* r";
	char *save = NULL, *first = strtok_r(item, " \t", &save), *numbers = NULL, *access;
	bool by_number = first && strlen(first) == 1 && strchr("abc", *first);
	struct device_rule rule = {.type = first ? *first : 'a'};
	char quoted[QUOTED_SIZE];
	int r = -EINVAL;

	if (by_number)
		numbers = strtok_r(NULL, " \t", &save);
	access = strtok_r(NULL, " \t", &save);
	amount_quote(by_number && numbers ? numbers : first ?: "", quoted);
	if (!first || strtok_r(NULL, " \t", &save) || !parse_access(access, &rule.access))
		return rbce_error_set(err, -EINVAL,
				      "'%s' is not a device with letters of rwm behind it (%s)",
				      quoted, help);
	if (by_number && numbers && parse_numbers(numbers, &rule))
		r = add(list, &rule);
	else if (!by_number && *first == '/')
		return add_path(list, first, rule.access, err);
	else if (!by_number)
		r = add_known(list, streq(first, "default") ? NULL : first, rule.access);
	if (r == -E2BIG)
		return rbce_error_set(err, r, "there are over %d devices", DEVICE_RULES_MAX);
	return r < 0 ? rbce_error_set(err, -EINVAL, "'%s' is not a device (%s)", quoted, help) : 0;
}

static int parse_value(const char *value, struct list *ret, struct rbce_error *err)
{
	cleanup_free char *copy = strdup(value);
	char *rest = copy;

	ret->n = 0;
	if (!copy)
		return rbce_error_errno(err, -ENOMEM, "the value cannot be read");
	if (streq(value, "all"))
		return add(ret, &everything);
	if (streq(value, "none"))
		return 0;
	while (rest) {
		char *item = strsep(&rest, ",");
		int r = add_item(ret, item, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static void print_part(int part, char *buf, size_t size)
{
	if (part == DEVICE_ALL)
		snprintf(buf, size, "*");
	else
		snprintf(buf, size, "%d", part);
}

/* As v1's files have it: "c 1:3 rwm". */
static char *print_rule(const struct device_rule *rule, char *buf, size_t size)
{
	char first[16], second[16];

	print_part(rule->major, first, sizeof(first));
	print_part(rule->minor, second, sizeof(second));
	snprintf(buf, size, "%c %s:%s %s%s%s", rule->type, first, second,
		 rule->access & DEVICE_READ ? "r" : "", rule->access & DEVICE_WRITE ? "w" : "",
		 rule->access & DEVICE_MKNOD ? "m" : "");
	return buf;
}

static void print_list(const struct list *list, char *buf, size_t size)
{
	char text[64];
	size_t n = 0;

	snprintf(buf, size, "%s", is_all(list) ? "all" : "none");
	for (size_t i = 0; i < list->n && !is_all(list) && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "",
				      print_rule(&list->rules[i], text, sizeof(text)));
}

static bool has_rule(const struct list *list, const struct device_rule *rule)
{
	for (size_t i = 0; i < list->n; i++)
		if (same_device(&list->rules[i], rule) && list->rules[i].access == rule->access)
			return true;
	return false;
}

static bool equal(const struct list *a, const struct list *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!has_rule(b, &a->rules[i]))
			return false;
	return a->n == b->n;
}

/* ---- cgroup v1 ---- */

static int read_v1(int dirfd, struct list *ret)
{
	cleanup_free char *text = NULL;
	ssize_t n = file_read_all_at(dirfd, LIST_FILE, &text);
	char *save = NULL;
	int r = n < 0 ? (int)n : 0;

	ret->n = 0;
	for (char *line = r == 0 ? strtok_r(text, "\n", &save) : NULL; r == 0 && line;
	     line = strtok_r(NULL, "\n", &save))
		r = add_item(ret, line, NULL);
	return r;
}

static int write_rule(int dirfd, const char *file, const struct device_rule *rule)
{
	char text[64];

	return file_write_at(dirfd, file, print_rule(rule, text, sizeof(text)));
}

/* From one list to the other, both without "all"; *RET_RULE is what was refused. */
static int change_rules(int dirfd, const struct list *from, const struct list *to,
			const struct device_rule **ret_rule)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n; i++)
		if (!has_rule(to, &from->rules[i])) {
			*ret_rule = &from->rules[i];
			r = write_rule(dirfd, DENY_FILE, *ret_rule);
		}
	for (size_t i = 0; r == 0 && i < to->n; i++)
		if (!has_rule(from, &to->rules[i])) {
			*ret_rule = &to->rules[i];
			r = write_rule(dirfd, ALLOW_FILE, *ret_rule);
		}
	return r;
}

static int change_v1(int dirfd, const struct list *from, const struct list *to,
		     const struct device_rule **ret_rule)
{
	static const struct list nothing;
	int r;

	if (equal(from, to))
		return 0;
	*ret_rule = &everything;
	if (is_all(to))
		return file_write_at(dirfd, ALLOW_FILE, "a");
	if (!is_all(from))
		return change_rules(dirfd, from, to, ret_rule);
	r = file_write_at(dirfd, DENY_FILE, "a");
	return r < 0 ? r : change_rules(dirfd, &nothing, to, ret_rule);
}

static int set_v1(int dirfd, const struct list *asked, struct rbce_error *err)
{
	const struct device_rule *refused = &everything, *ignored;
	struct list old = {.n = 0}, held = {.n = 0};
	char text[64];
	int r = read_v1(dirfd, &old);

	if (r < 0)
		return rbce_error_errno(err, r, LIST_FILE " cannot be read");
	r = change_v1(dirfd, &old, asked, &refused);
	if (r < 0) {
		if (read_v1(dirfd, &held) == 0)
			change_v1(dirfd, &held, &old, &ignored);
		print_rule(refused, text, sizeof(text));
		if (r == -EINVAL && refused->type == 'a')
			return rbce_error_set(
				err, r,
				"containers below have a group of devices already: "
				"cgroup v1 takes all away, or gives all, only before");
		if (r == -EPERM)
			return rbce_error_set(err, r,
					      "'%s' is refused: a group above does not have it, or "
					      "it takes CAP_SYS_ADMIN",
					      text);
		return rbce_error_errno(err, r, "'%s' is refused", text);
	}
	r = read_v1(dirfd, &held);
	if (r < 0)
		return rbce_error_errno(err, r, LIST_FILE " cannot be read back");
	return equal(asked, &held) ? 0 : rbce_error_set(err, -EIO, "the kernel holds another list");
}

/* ---- the key ---- */

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	struct list list;

	(void)key;
	return parse_value(value, &list, err);
}

/* The group in the v2 tree, readable: the kernel attaches nothing by a descriptor of O_PATH. */
static int open_unified(const struct controller_key *key, struct rbce_container *c,
			struct rbce_error *err)
{
	int dir = rbce_container_open_unified(c, ".", O_RDONLY | O_DIRECTORY);

	if (dir == -EOPNOTSUPP)
		return rbce_error_set(err, dir,
				      "%s needs the devices controller of cgroup v1 or a v2 tree",
				      key->name);
	return dir < 0 ? rbce_error_errno(err, dir, "the group cannot be opened") : dir;
}

static bool on_v1(struct rbce_container *c)
{
	return rbce_container_version(c, RBCE_DEVICES) == 1;
}

static int set(const struct controller_key *key, struct rbce_container *c, const char *value,
	       struct rbce_error *err)
{
	char text[CONTROLLER_TEXT_SIZE];
	cleanup_close int dir = -1;
	struct list list = {.n = 0};
	int version, r = parse_value(value, &list, err);

	if (r < 0)
		return r;
	dir = on_v1(c) ? key_make_group(key, c, &version, err) : open_unified(key, c, err);
	if (dir < 0)
		return dir;
	if (on_v1(c))
		return set_v1(dir, &list, err);
	if (is_all(&list))
		return device_bpf_clear(dir, err);
	print_list(&list, text, sizeof(text));
	return device_bpf_set(dir, list.rules, list.n, text, err);
}

static int read_list(const struct controller_key *key, struct rbce_container *c, struct list *ret,
		     struct rbce_error *err)
{
	cleanup_close int dir = -1;
	cleanup_free char *text = NULL;
	int version, r;

	dir = on_v1(c) ? key_open_group(key, c, &version, err) : open_unified(key, c, err);
	if (dir < 0)
		return dir;
	if (on_v1(c)) {
		r = read_v1(dir, ret);
		return r < 0 ? rbce_error_errno(err, r, LIST_FILE " cannot be read") : 0;
	}
	r = device_bpf_get(dir, &text);
	if (r < 0 && r != -ENOENT)
		return rbce_error_errno(err, r, "the program of the group cannot be read");
	return parse_value(text ?: "all", ret, err);
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	char text[CONTROLLER_TEXT_SIZE];
	struct list list = {.n = 0};
	int r = read_list(key, c, &list, err);

	if (r < 0)
		return r;
	print_list(&list, text, sizeof(text));
	return key_give(key, text, buf, size, err);
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	struct list asked = {.n = 0}, held = {.n = 0};
	int r = parse_value(value, &asked, err);

	if (r == 0)
		r = read_list(key, c, &held, err);
	return r < 0 ? r : equal(&asked, &held);
}

static int supported(const struct controller_key *key, struct rbce_container *c,
		     struct rbce_error *err)
{
	cleanup_close int dir = -1;

	if (on_v1(c))
		return 0;
	dir = open_unified(key, c, err);
	return dir < 0 ? dir : 0;
}

static const struct key_ops ops = {
	.check = check, .set = set, .get = get, .holds = holds, .supported = supported};

const struct controller_key controller_device = {
	.name = "device",
	.help = "devices that may be used, and no others (default, /dev/fuse rw, c 10:* r)",
	.values = "LIST | default | none | all",
	.initial = "all",
	.controller = RBCE_DEVICES,
	.unit = CONTROLLER_TEXT,
	.scope = SCOPE_NEAREST,
	.version = {[1] = {.file = LIST_FILE}},
	.ops = &ops,
};
