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

static void skip_blanks(struct cgconfig *c)
{
	for (; c->at < c->end; c->at++) {
		if (*c->at == '\n')
			c->next_line++;
		else if (*c->at == '#')
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
	if (c->at >= c->end || *c->at == '\0' || c->import.out_of_memory)
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

enum { DEVICES_MAX = 32 };

/* Settings of a group that only together make one of ours. */
struct group {
	long long quota, period; /* microseconds; period 0 for not given */
	const char *set[32];     /* keys of ours that have been written */
	size_t n_set;
	struct device {
		char name[32];
		char limits[160];
	} devices[DEVICES_MAX];
	size_t n_devices;
};

enum conversion {
	COPY,
	SIZE,
	SHARES,
	WEIGHT,
	QUOTA,
	PERIOD,
	CPU_MAX,
	RBPS,
	WBPS,
	RIOPS,
	WIOPS,
	IO_MAX
};

static const struct setting_row {
	const char *from, *to;
	enum conversion conversion;
} rows[] = {
	{"memory.limit_in_bytes", "memory.max", SIZE},
	{"memory.max", "memory.max", SIZE},
	{"memory.high", "memory.high", SIZE},
	{"memory.soft_limit_in_bytes", "memory.soft", SIZE},
	{"memory.low", "memory.soft", SIZE},
	{"cpu.shares", "cpu.weight", SHARES},
	{"cpu.weight", "cpu.weight", WEIGHT},
	{"cpu.cfs_quota_us", "cpu.max", QUOTA},
	{"cpu.cfs_period_us", "cpu.max", PERIOD},
	{"cpu.max", "cpu.max", CPU_MAX},
	{"pids.max", "pids.max", COPY},
	{"blkio.throttle.read_bps_device", "io.max", RBPS},
	{"blkio.throttle.write_bps_device", "io.max", WBPS},
	{"blkio.throttle.read_iops_device", "io.max", RIOPS},
	{"blkio.throttle.write_iops_device", "io.max", WIOPS},
	{"io.max", "io.max", IO_MAX},
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
	fprintf(c->import.out, "%s = %s\n", key, value);
}

static void put_size(struct cgconfig *c, struct group *group, const char *key, const char *value)
{
	static const char units[] = " KMGT";
	uint64_t bytes;
	char text[32];

	if (streq(value, "max") || *value == '-') {
		put(c, group, key, "max");
	} else if (rbce_parse_size(value, &bytes) < 0) {
		import_warn(&c->import, "left out: " QUOTED " is not a size", value);
	} else if (bytes >= (uint64_t)1 << 62) {
		/* Beyond what any machine has: the kernel's way of saying that there is no limit.
		 */
		put(c, group, key, "max");
	} else {
		size_t unit = 0;

		for (; unit < sizeof(units) - 2 && bytes && bytes % 1024 == 0; unit++)
			bytes /= 1024;
		snprintf(text, sizeof(text), unit ? "%llu%c" : "%llu", (unsigned long long)bytes,
			 units[unit]);
		put(c, group, key, text);
	}
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

static void put_quota(struct cgconfig *c, struct group *group, long long quota, long long period)
{
	char text[64], percent[66];

	if (quota < 0) {
		put(c, group, "cpu.max", "max");
		return;
	}
	/* Thousandths of a percent, which is as exact as ours is. */
	snprintf(text, sizeof(text), "%.3f", 100.0 * (double)quota / (double)period);
	for (size_t n = strlen(text); n && (text[n - 1] == '0' || text[n - 1] == '.');) {
		bool dot = text[--n] == '.';

		text[n] = '\0';
		if (dot)
			break;
	}
	if (quota * 1000 < period) {
		import_warn(&c->import, "left out: less than 0.1%% of a CPU");
		return;
	}
	snprintf(percent, sizeof(percent), "%s%%", text);
	put(c, group, "cpu.max", percent);
}

static bool read_quota(struct cgconfig *c, const char *value, long long *ret)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (end != value && *end == '\0' && errno == 0 && number >= -1 && number <= 1000000000000) {
		*ret = number;
		return true;
	}
	import_warn(&c->import, "left out: " QUOTED " is not a number of microseconds", value);
	return false;
}

/* "QUOTA PERIOD" of v2, in one word where it is quoted */
static void put_cpu_max(struct cgconfig *c, struct group *group, const char *value)
{
	long long quota, period = 100000;
	char first[32] = "", second[32] = "";

	if (sscanf(value, "%31s %31s", first, second) < 1)
		return;
	if (streq(first, "max"))
		put_quota(c, group, -1, period);
	else if (read_quota(c, first, &quota) && (!*second || read_quota(c, second, &period)) &&
		 quota >= 0 && period > 0)
		put_quota(c, group, quota, period);
}

/* "MAJOR:MINOR NUMBER": the limits of a device come together in one line. */
static void add_device(struct cgconfig *c, struct group *group, const char *value,
		       const char *limit)
{
	unsigned major, minor;
	unsigned long long number;
	char name[32];
	size_t i = 0, size;

	if (sscanf(value, "%u:%u %llu", &major, &minor, &number) != 3) {
		import_warn(&c->import, "left out: expected \"MAJOR:MINOR NUMBER\"");
		return;
	}
	snprintf(name, sizeof(name), "%u:%u", major, minor);
	while (i < group->n_devices && !streq(group->devices[i].name, name))
		i++;
	if (i == DEVICES_MAX) {
		import_warn(&c->import, "left out: more than %d devices in a group", DEVICES_MAX);
		return;
	}
	if (i == group->n_devices) {
		snprintf(group->devices[i].name, sizeof(group->devices[i].name), "%s", name);
		group->n_devices++;
	}
	size = strlen(group->devices[i].limits);
	snprintf(group->devices[i].limits + size, sizeof(group->devices[i].limits) - size,
		 " %s=%llu", limit, number);
}

static void convert(struct cgconfig *c, struct group *group, const struct setting_row *row,
		    const char *value)
{
	static const char *const limits[] = {
		[RBPS] = "rbps", [WBPS] = "wbps", [RIOPS] = "riops", [WIOPS] = "wiops"};

	switch (row->conversion) {
	case COPY:
	case IO_MAX:
		if (import_is_value(value))
			put(c, group, row->to, value);
		else
			import_warn(&c->import, "left out: " QUOTED " cannot be a value of %s",
				    value, row->to);
		break;
	case SIZE:
		put_size(c, group, row->to, value);
		break;
	case SHARES:
	case WEIGHT:
		put_weight(c, group, value, row->conversion == SHARES);
		break;
	case QUOTA:
		if (read_quota(c, value, &group->quota) && !group->period)
			group->period = -100000;
		break;
	case PERIOD:
		if (!read_quota(c, value, &group->period) || group->period <= 0)
			group->period = 0;
		break;
	case CPU_MAX:
		put_cpu_max(c, group, value);
		break;
	case RBPS:
	case WBPS:
	case RIOPS:
	case WIOPS:
		add_device(c, group, value, limits[row->conversion]);
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

static void finish_group(struct cgconfig *c, struct group *group)
{
	if (group->quota && group->period)
		put_quota(c, group, group->quota,
			  group->period < 0 ? -group->period : group->period);
	for (size_t i = 0; i < group->n_devices; i++)
		fprintf(c->import.out, "io.max = %s%s\n", group->devices[i].name,
			group->devices[i].limits);
}

/* NAME { perm { ... } CONTROLLER { ... } ... } */
static void read_group(struct cgconfig *c, const char *name)
{
	struct group group = {.n_set = 0};
	struct rbce_error err;
	bool good;

	while (*name == '/')
		name++;
	good = template_check(name, &err) == 0 && import_is_value(name);
	if (good && !import_take_name(&c->import, name)) {
		import_warn(&c->import, "left out: group " QUOTED " stands above already", name);
		good = false;
	} else if (good) {
		fprintf(c->import.out, "\n[container %s]\n", name);
	} else {
		import_warn(&c->import, "left out: " QUOTED " cannot be a container's name", name);
	}
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
	{"default", "left out: default permissions; rbced owns its groups"},
	{"systemd", "left out: slices; run rbced as a unit with Delegate=yes"},
};

static void read_block(struct cgconfig *c)
{
	cleanup_free char *kind = strdup(c->word ?: ""), *name = NULL;

	next(c);
	if (kind && (streq(kind, "group") || streq(kind, "template"))) {
		if (!expect(c, TOKEN_WORD, "a group's name"))
			return;
		name = strdup(c->word ?: "");
		next(c);
		if (name && expect(c, TOKEN_OPEN, "'{'"))
			read_group(c, name);
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
	expect(c, TOKEN_WORD, "group, template, default, mount or systemd");
}

int import_cgconfig(const struct import_source *sources, size_t n, char **ret,
		    struct rules_errors *warnings, struct rules_errors *errors)
{
	struct cgconfig c = {.word = NULL};
	int r = import_begin(&c.import, "cgconfig.conf", sources, n, warnings, errors);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		c.import.source = &sources[i];
		c.at = sources[i].text;
		c.end = c.at + sources[i].size;
		c.next_line = 1;
		c.failed = false;
		for (next(&c); c.token != TOKEN_END; next(&c))
			if (expect(&c, TOKEN_WORD, "group, template, default, mount or systemd"))
				read_block(&c);
	}
	free(c.word);
	return import_finish(&c.import, ret);
}
