// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgconfig.conf(5): groups and templates with their controllers' settings become containers with
 * limits. Permissions, mounts and systemd slices have no counterpart: rbced makes and owns its
 * groups.
 */
#include <ctype.h>
#include <errno.h>
#include <rbce/units.h>

#include "import.h"
#include "util.h"

/* ---- words ---- */

enum token { TOKEN_WORD, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_EQUALS, TOKEN_SEMICOLON, TOKEN_END };

struct cgconfig {
	struct import import;
	const char *at, *end;
	unsigned next_line; /* that AT is in */
	enum token token;   /* the newest */
	char *word;         /* of a TOKEN_WORD */
	bool failed;        /* the rest of the source is passed over */
};

/* A '#' begins a comment, and at the beginning of a line a '*' does. */
static void skip_blanks(struct cgconfig *c)
{
	for (; c->at < c->end; c->at++) {
		bool at_start = c->at == c->import.source->text || c->at[-1] == '\n';

		if (*c->at == '\n')
			c->next_line++;
		else if (*c->at == '#' || (*c->at == '*' && at_start))
			while (c->at + 1 < c->end && c->at[1] != '\n')
				c->at++;
		else if (!isspace((unsigned char)*c->at))
			return;
	}
}

static bool is_word(char c)
{
	return !isspace((unsigned char)c) && !strchr("{}=;#\"", c);
}

static void take_word(struct cgconfig *c)
{
	const char *start = c->at, *stop;

	if (*start == '"') {
		start++;
		stop = memchr(start, '"', (size_t)(c->end - start));
		if (!stop) {
			import_fail(&c->import, "a quotation mark has no end");
			stop = c->end;
		}
		c->at = stop < c->end ? stop + 1 : stop;
	} else {
		for (stop = start; stop < c->end && is_word(*stop);)
			stop++;
		c->at = stop;
	}
	free(c->word);
	c->word = strndup(start, (size_t)(stop - start));
	for (const char *p = start; p < stop; p++)
		c->next_line += *p == '\n';
	if (!c->word)
		c->import.out_of_memory = true;
}

static void next(struct cgconfig *c)
{
	static const char signs[] = "{}=;";
	static const enum token tokens[] = {TOKEN_OPEN, TOKEN_CLOSE, TOKEN_EQUALS, TOKEN_SEMICOLON};
	const char *sign;

	skip_blanks(c);
	c->import.line = c->next_line;
	c->token = TOKEN_END;
	if (c->at >= c->end || c->import.out_of_memory)
		return;
	sign = strchr(signs, *c->at);
	if (sign) {
		c->token = tokens[sign - signs];
		c->at++;
	} else {
		c->token = TOKEN_WORD;
		take_word(c);
	}
}

/* True when the newest token is the one expected; else a message, and reading ends. */
static bool expect(struct cgconfig *c, enum token token, const char *what)
{
	if (c->token == token && !c->import.out_of_memory && !c->failed)
		return true;
	if (!c->failed)
		import_fail(&c->import, "expected %s", what);
	c->failed = true;
	c->at = c->end;
	c->token = TOKEN_END;
	return false;
}

/* ---- settings ---- */

enum { DEVICES_MAX = 32, DEVICE_LIMITS = 4 };
static const char *const device_limits[DEVICE_LIMITS] = {"rbps", "wbps", "riops", "wiops"};

/* Settings of a group that only together make one of ours. */
struct group {
	bool has_quota, has_period;
	long long quota, period; /* microseconds */
	const char *set[16];     /* keys of ours that have been written */
	size_t n_set;
	struct device {
		char name[32];
		char amounts[DEVICE_LIMITS][24]; /* "" for none */
	} devices[DEVICES_MAX];
	size_t n_devices;
};

enum conversion { COPY, SIZE, SHARES, WEIGHT, QUOTA, PERIOD, CPU_MAX, DEVICE, IO_MAX };

static const struct setting_row {
	const char *from, *to;
	enum conversion conversion;
	size_t limit; /* of a DEVICE */
} rows[] = {
	{"memory.limit_in_bytes", "memory.max", SIZE, 0},
	{"memory.max", "memory.max", SIZE, 0},
	{"memory.high", "memory.high", SIZE, 0},
	{"memory.soft_limit_in_bytes", "memory.soft", SIZE, 0},
	{"memory.low", "memory.soft", SIZE, 0},
	{"cpu.shares", "cpu.weight", SHARES, 0},
	{"cpu.weight", "cpu.weight", WEIGHT, 0},
	{"cpu.cfs_quota_us", "cpu.max", QUOTA, 0},
	{"cpu.cfs_period_us", "cpu.max", PERIOD, 0},
	{"cpu.max", "cpu.max", CPU_MAX, 0},
	{"pids.max", "pids.max", COPY, 0},
	{"blkio.throttle.read_bps_device", "io.max", DEVICE, 0},
	{"blkio.throttle.write_bps_device", "io.max", DEVICE, 1},
	{"blkio.throttle.read_iops_device", "io.max", DEVICE, 2},
	{"blkio.throttle.write_iops_device", "io.max", DEVICE, 3},
	{"io.max", "io.max", IO_MAX, 0},
};

static const struct setting_row *find_row(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].from, key))
			return &rows[i];
	return NULL;
}

/* Writes a key once; v1 and v2 names of the same limit may both be there. */
static void put(struct cgconfig *c, struct group *group, const char *key, const char *value)
{
	for (size_t i = 0; i < group->n_set; i++)
		if (streq(group->set[i], key)) {
			import_warn(&c->import, "left out: %s of this group is set already", key);
			return;
		}
	if (group->n_set < ARRAY_SIZE(group->set))
		group->set[group->n_set++] = key;
	import_key(&c->import, key, value);
}

static void put_size(struct cgconfig *c, struct group *group, const char *key, const char *value)
{
	static const char units[] = " KMGT";
	uint64_t bytes;
	char text[32];
	size_t unit = 0;

	if (streq(value, "max") || streq(value, "-1")) {
		put(c, group, key, "max");
		return;
	}
	if (rbce_parse_size(value, &bytes) < 0) {
		import_warn(&c->import, "left out: " QUOTED " is not a size", value);
		return;
	}
	for (; unit < sizeof(units) - 2 && bytes && bytes % 1024 == 0; unit++)
		bytes /= 1024;
	snprintf(text, sizeof(text), unit ? "%llu%c" : "%llu", (unsigned long long)bytes,
		 units[unit]);
	/* Beyond what any machine has: the kernel's way of saying that there is no limit. */
	put(c, group, key, bytes << 10 * unit >= (uint64_t)1 << 62 ? "max" : text);
}

static void put_weight(struct cgconfig *c, struct group *group, const char *value, bool shares)
{
	uint64_t number;
	char text[32];

	if (rbce_parse_number(value, 1, shares ? 262144 : 10000, &number) < 0) {
		import_warn(&c->import, "left out: " QUOTED " is not a number of %s", value,
			    shares ? "shares" : "weight");
		return;
	}
	if (shares)
		number = (number * 100 + 512) / 1024 ?: 1;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)(number > 10000 ? 10000 : number));
	put(c, group, "cpu.weight", text);
}

/* Thousandths of a percent, which is as exact as ours is. */
static void put_quota(struct cgconfig *c, struct group *group, long long quota, long long period)
{
	char text[64];
	size_t n;

	if (quota < 0) {
		put(c, group, "cpu.max", "max");
		return;
	}
	n = (size_t)snprintf(text, sizeof(text) - 1, "%.3f",
			     100.0 * (double)quota / (double)period);
	while (text[n - 1] == '0')
		n--;
	n -= text[n - 1] == '.';
	text[n++] = '%';
	text[n] = '\0';
	put(c, group, "cpu.max", text);
}

/* LEAST is -1 for what may be unlimited. */
static bool read_usec(struct cgconfig *c, const char *value, long long least, long long *ret)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (end != value && *end == '\0' && errno == 0 && number >= least &&
	    number <= 1000000000000) {
		*ret = number;
		return true;
	}
	import_warn(&c->import, "left out: " QUOTED " is not a number of microseconds", value);
	return false;
}

/* "QUOTA PERIOD" of v2, in one word where it is quoted */
static void put_cpu_max(struct cgconfig *c, struct group *group, const char *value)
{
	long long quota = -1, period = 100000;
	char first[32] = "", second[32] = "", third;
	int n;

	n = sscanf(value, "%31s %31s %c", first, second, &third);
	if (n != 1 && n != 2)
		import_warn(&c->import, "left out: " QUOTED " is not a quota and a period", value);
	else if ((streq(first, "max") || read_usec(c, first, 0, &quota)) &&
		 (!*second || read_usec(c, second, 1, &period)))
		put_quota(c, group, quota, period);
}

static struct device *obtain_device(struct cgconfig *c, struct group *group, const char *name)
{
	unsigned major, minor;
	struct device *device = group->devices;
	char text[sizeof(device->name)];
	int end = 0;

	if (sscanf(name, "%u:%u%n", &major, &minor, &end) != 2 || name[end]) {
		import_warn(&c->import, "left out: " QUOTED " is no device, MAJOR:MINOR", name);
		return NULL;
	}
	snprintf(text, sizeof(text), "%u:%u", major, minor);
	for (; device < group->devices + group->n_devices; device++)
		if (streq(device->name, text))
			return device;
	if (group->n_devices == DEVICES_MAX) {
		import_warn(&c->import, "left out: more than %d devices in a group", DEVICES_MAX);
		return NULL;
	}
	group->n_devices++;
	memcpy(device->name, text, sizeof(text));
	return device;
}

/* The limits of a device come together in one line. On v1, 0 stands for none. */
static void add_limit(struct cgconfig *c, struct device *device, size_t limit, const char *amount,
		      bool zero_is_max)
{
	char *place = device->amounts[limit];
	uint64_t number;

	if (!streq(amount, "max") && rbce_parse_number(amount, 0, UINT64_MAX - 1, &number) < 0)
		import_warn(&c->import, "left out: " QUOTED " is not a number of %s", amount,
			    device_limits[limit]);
	else if (*place)
		import_warn(&c->import, "left out: %s of device %s is set already",
			    device_limits[limit], device->name);
	else if (streq(amount, "max") || (zero_is_max && !number))
		snprintf(place, sizeof(device->amounts[limit]), "max");
	else
		snprintf(place, sizeof(device->amounts[limit]), "%llu", (unsigned long long)number);
}

/* "MAJOR:MINOR NUMBER" */
static void read_device(struct cgconfig *c, struct group *group, char *value, size_t limit)
{
	char *state = NULL, *name = strtok_r(value, " \t", &state);
	char *amount = strtok_r(NULL, " \t", &state);
	struct device *device;

	if (!amount || strtok_r(NULL, " \t", &state)) {
		import_warn(&c->import, "left out: expected \"MAJOR:MINOR NUMBER\"");
		return;
	}
	device = obtain_device(c, group, name);
	if (device)
		add_limit(c, device, limit, amount, true);
}

/* "MAJOR:MINOR rbps=NUMBER ..." of v2 */
static void read_io_max(struct cgconfig *c, struct group *group, char *value)
{
	char *state = NULL, *name = strtok_r(value, " \t", &state), *word;
	struct device *device = name ? obtain_device(c, group, name) : NULL;

	if (!name)
		import_warn(&c->import, "left out: io.max without a device");
	while (device && (word = strtok_r(NULL, " \t", &state))) {
		char *equals = strchr(word, '=');
		size_t i = 0;

		if (equals)
			*equals = '\0';
		while (i < DEVICE_LIMITS && !(equals && streq(device_limits[i], word)))
			i++;
		if (i < DEVICE_LIMITS)
			add_limit(c, device, i, equals + 1, false);
		else
			import_warn(&c->import, "left out: " QUOTED " is not a limit of a device",
				    word);
	}
}

/* VALUE is changed. */
static void convert(struct cgconfig *c, struct group *group, const struct setting_row *row,
		    char *value)
{
	switch (row->conversion) {
	case COPY:
		put(c, group, row->to, value);
		break;
	case SIZE:
		put_size(c, group, row->to, value);
		break;
	case SHARES:
	case WEIGHT:
		put_weight(c, group, value, row->conversion == SHARES);
		break;
	case QUOTA:
		group->has_quota |= read_usec(c, value, -1, &group->quota);
		break;
	case PERIOD:
		group->has_period |= read_usec(c, value, 1, &group->period);
		break;
	case CPU_MAX:
		put_cpu_max(c, group, value);
		break;
	case DEVICE:
		read_device(c, group, value, row->limit);
		break;
	case IO_MAX:
		read_io_max(c, group, value);
		break;
	}
}

/* ---- blocks ---- */

/* "KEY = VALUE;" behind the key. FUNCTION gets both. */
static bool read_value(struct cgconfig *c, char **ret)
{
	next(c);
	if (!expect(c, TOKEN_EQUALS, "'=' behind a setting's name"))
		return false;
	next(c);
	if (!expect(c, TOKEN_WORD, "a value behind '='"))
		return false;
	*ret = strdup(c->word ?: "");
	next(c);
	return expect(c, TOKEN_SEMICOLON, "';' behind a value") && *ret;
}

/* Passes over what stands in braces, whatever it is, up to the closing one. */
static void skip_block(struct cgconfig *c)
{
	unsigned depth = 1;

	while (depth && c->token != TOKEN_END) {
		next(c);
		depth += c->token == TOKEN_OPEN;
		depth -= c->token == TOKEN_CLOSE;
	}
	if (depth)
		expect(c, TOKEN_CLOSE, "'}' at the end of a block");
}

/* CONTROLLER { KEY = VALUE; ... } */
static void read_controller(struct cgconfig *c, struct group *group)
{
	for (next(c); c->token == TOKEN_WORD; next(c)) {
		cleanup_free char *key = strdup(c->word ?: ""), *value = NULL;
		const struct setting_row *row;

		if (!read_value(c, &value))
			return;
		row = key ? find_row(key) : NULL;
		if (row)
			convert(c, group, row, value);
		else
			import_warn(&c->import, "left out: %s = %s has no counterpart", key, value);
	}
	expect(c, TOKEN_CLOSE, "'}' or a setting");
}

/* "8:0 rbps=1048576 wbps=max" */
static void put_device(struct cgconfig *c, const struct device *device)
{
	char value[sizeof(*device) + 8 * DEVICE_LIMITS];
	size_t size = (size_t)snprintf(value, sizeof(value), "%s", device->name);

	for (size_t i = 0; i < DEVICE_LIMITS; i++)
		if (*device->amounts[i])
			size += (size_t)snprintf(value + size, sizeof(value) - size, " %s=%s",
						 device_limits[i], device->amounts[i]);
	/* Of one that has none left, each was warned of. */
	if (size > strlen(device->name))
		import_key(&c->import, "io.max", value);
}

static void finish_group(struct cgconfig *c, struct group *group)
{
	if (group->has_quota)
		put_quota(c, group, group->quota, group->has_period ? group->period : 100000);
	else if (group->has_period)
		import_warn(&c->import, "left out: cpu.cfs_period_us without a quota");
	for (size_t i = 0; i < group->n_devices; i++)
		put_device(c, &group->devices[i]);
}

/* NAME as one of ours, in *RET, which stays NULL where it cannot be; true when it is new. */
static bool begin_group(struct cgconfig *c, const char *name, bool template, char **ret)
{
	bool root = streq(name, ".") || !name[strspn(name, "/")];

	if (root)
		import_warn(&c->import,
			    "left out: the group at the top; its limits are the host's");
	else
		*ret = import_path(&c->import, name, template);
	if (!*ret)
		return false;
	if (import_take_name(&c->import, *ret)) {
		fprintf(c->import.out, "\n[container %s]\n", *ret);
		return true;
	}
	import_warn(&c->import, "left out: group " QUOTED " stands above already", *ret);
	return false;
}

/* NAME { perm { ... } CONTROLLER { ... } ... } */
static void read_group(struct cgconfig *c, const char *name, bool template)
{
	cleanup_free char *container = NULL;
	struct group group = {.n_set = 0};
	bool good = begin_group(c, name, template, &container);

	for (next(c); c->token == TOKEN_WORD; next(c)) {
		bool perm = streq(c->word ?: "", "perm");

		if (perm)
			import_warn(&c->import, "left out: permissions; rbced owns its groups, and "
						"'rbcectl' is for those who may change them");
		next(c);
		if (!expect(c, TOKEN_OPEN, "'{'"))
			break;
		if (perm || !good)
			skip_block(c);
		else
			read_controller(c, &group);
	}
	expect(c, TOKEN_CLOSE, "'}' or a controller");
	if (good)
		finish_group(c, &group);
}

static const struct {
	const char *name, *instead;
} others[] = {
	{"mount", "left out: mounts; the hierarchies that are mounted are found"},
	{"namespace", "left out: namespaces; write their paths before the names of the containers"},
	{"default", "left out: default permissions; rbced owns its groups"},
	{"systemd", "left out: slices; run rbced as a unit with Delegate=yes"},
};

#define BLOCKS "group, template, default, mount, namespace or systemd"

static void read_block(struct cgconfig *c)
{
	cleanup_free char *kind = strdup(c->word ?: ""), *name = NULL;
	bool template = kind && streq(kind, "template");

	next(c);
	if (template || (kind && streq(kind, "group"))) {
		if (!expect(c, TOKEN_WORD, "a group's name"))
			return;
		name = strdup(c->word ?: "");
		next(c);
		if (name && expect(c, TOKEN_OPEN, "'{'"))
			read_group(c, name, template);
		return;
	}
	for (size_t i = 0; kind && i < ARRAY_SIZE(others); i++)
		if (streq(others[i].name, kind)) {
			import_warn(&c->import, "%s", others[i].instead);
			if (expect(c, TOKEN_OPEN, "'{'"))
				skip_block(c);
			return;
		}
	c->token = TOKEN_END;
	expect(c, TOKEN_WORD, BLOCKS);
}

/* Where a NUL byte ends the text, the rest could not be read. */
static bool begin_source(struct cgconfig *c, const struct import_source *source)
{
	const char *nul = memchr(source->text, '\0', source->size);

	c->import.source = source;
	c->at = source->text;
	c->end = source->text + source->size;
	c->next_line = c->import.line = 1;
	c->failed = false;
	if (!nul)
		return true;
	for (const char *p = source->text; p < nul; p++)
		c->import.line += *p == '\n';
	import_fail(&c->import, "this line has a NUL byte");
	return false;
}

int import_cgconfig(const struct import_source *sources, size_t n,
		    const struct import_options *options, char **ret, struct rules_errors *warnings,
		    struct rules_errors *errors)
{
	struct cgconfig c = {.word = NULL};
	int r = import_begin(&c.import, "cgconfig.conf", sources, n, options, warnings, errors);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!begin_source(&c, &sources[i]))
			continue;
		for (next(&c); c.token != TOKEN_END; next(&c))
			if (expect(&c, TOKEN_WORD, BLOCKS))
				read_block(&c);
	}
	free(c.word);
	return import_finish(&c.import, ret);
}
