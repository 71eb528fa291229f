// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgrules.conf(5): "USER[:PROCESS] CONTROLLERS DESTINATION [OPTIONS]", first match wins.
 *
 * A container of ours has one name for all controllers, so CONTROLLERS do not matter; lines that
 * begin with '%' can only say the same place again.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <rbce/units.h>

#include "import.h"
#include "util.h"

enum { FIELDS = 4 };
enum field { WHO, CONTROLLERS, DESTINATION, OPTIONS };

struct cgrules {
	struct import import;
	bool begun;      /* there was a line that a '%' could go on with */
	char *container; /* that it gives; NULL where it gives none */
};

/*
 * One field at *P, up to a blank that stands in no quotation marks; they are left out. NULL with a
 * message when a mark stands where there may be none, or alone.
 */
static char *read_field(struct cgrules *c, const char **p, bool quotes)
{
	char *field = strdup(*p), *to = field;
	bool quoted = false;

	if (!field)
		c->import.out_of_memory = true;
	for (; field && **p && (quoted || !strchr(" \t", **p)); ++*p) {
		if (**p == '"' && quotes)
			quoted = !quoted;
		else
			*to++ = **p;
	}
	if (field)
		*to = '\0';
	if (field && (quoted || (!quotes && strchr(field, '"')))) {
		import_fail(&c->import, quoted ? "a quotation mark has no end"
					       : "controllers and options have no quotation marks");
		free(field);
		return NULL;
	}
	return field;
}

/* True when the line has its three or four fields. */
static bool read_fields(struct cgrules *c, const char *p, char *fields[FIELDS])
{
	size_t n = 0;

	for (; *p; n++) {
		if (n == FIELDS) {
			import_fail(&c->import, "expected USER CONTROLLERS DESTINATION [OPTIONS]");
			return false;
		}
		fields[n] = read_field(c, &p, n == WHO || n == DESTINATION);
		if (!fields[n])
			return false;
		p += strspn(p, " \t");
	}
	if (n < OPTIONS)
		import_fail(&c->import, "expected USER CONTROLLERS DESTINATION [OPTIONS]");
	return n >= OPTIONS;
}

struct options {
	bool ignore, ignore_rt;
};

static bool read_options(struct cgrules *c, char *text, struct options *ret)
{
	char *state = NULL;

	*ret = (struct options){0};
	for (char *option = text ? strtok_r(text, ",", &state) : NULL; option;
	     option = strtok_r(NULL, ",", &state)) {
		if (streq(option, "ignore"))
			ret->ignore = true;
		else if (streq(option, "ignore_rt"))
			ret->ignore_rt = true;
		else {
			import_fail(&c->import, "unknown option " QUOTED, option);
			return false;
		}
	}
	if (text && !ret->ignore && !ret->ignore_rt)
		import_fail(&c->import, "expected an option: ignore or ignore_rt");
	return !text || ret->ignore || ret->ignore_rt;
}

/* Is it a name, or number, of a user or group as term lists have them? */
static bool is_account(const char *name)
{
	uint64_t number;

	if (isdigit((unsigned char)*name))
		return rbce_parse_number(name, 0, UINT32_MAX - 1, &number) == 0;
	if (!*name || strlen(name) > NAME_MAX || *name == ' ' || name[strlen(name) - 1] == ' ')
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-$+@\\ ", *p) && !(*p & 0x80))
			return false;
	return *name != '-' && *name != '\\';
}

static bool check_who(struct cgrules *c, const char *user, const char *process)
{
	const char *name = user + (*user == '@');

	if (!*user)
		import_fail(&c->import, "the user is missing");
	else if (!streq(user, "*") && (!is_account(name) || *name == '@'))
		import_warn(&c->import, "left out: " QUOTED " cannot be the name of a %s", name,
			    *user == '@' ? "group" : "user");
	else if (process && (!import_can_write(process) || strlen(process) > PATH_MAX))
		import_warn(&c->import, "left out: no process can have this name: " QUOTED,
			    process);
	else
		return true;
	return false;
}

/* The terms that WHO stands for. Where PROCESS is a path it is the executable's, else its name. */
static void print_who(struct cgrules *c, const char *user, const char *process)
{
	FILE *out = c->import.out;
	size_t size = process ? strlen(process) : 0;
	bool star = size && process[size - 1] == '*';
	cleanup_free char *name = strndup(process ?: "", size - star);

	if (!streq(user, "*"))
		fprintf(out, "%s = %s\n", *user == '@' ? "group    " : "user     ", user);
	if (!process || streq(process, "*"))
		return;
	fprintf(out, "%s = ", *process == '/' ? "exe      " : "comm     ");
	import_pattern(out, name ?: "", star);
	fputc('\n', out);
}

/* "alice-cc1", "@students", "everyone"; of "/usr/lib/oracle/" and a star, "oracle". */
static void begin_rule(struct cgrules *c, const char *user, const char *process, const char *mark)
{
	cleanup_free char *path = strdup(process ?: "");
	const char *program = path ?: "";
	char name[256];

	for (size_t size = strlen(program); size && strchr("*/", path[size - 1]);)
		path[--size] = '\0';
	if (strrchr(program, '/'))
		program = strrchr(program, '/') + 1;
	snprintf(name, sizeof(name), "%.100s%s%.100s%s", streq(user, "*") ? "" : user,
		 *program && !streq(user, "*") ? "-" : "", program, mark);
	if (!*name || *name == '-')
		snprintf(name, sizeof(name), "everyone%s", mark);
	import_rule(&c->import, name);
}

/*
 * An ignored task stands in the destination already, or below it. A destination without a slash at
 * its end stands for all names that begin so.
 */
static void print_place(struct cgrules *c, const char *destination)
{
	size_t size = strlen(destination);
	bool folder = size && destination[size - 1] == '/';
	cleanup_free char *place = strndup(destination, size - folder);

	fprintf(c->import.out, "in        = ");
	import_pattern(c->import.out, place ?: "", !folder);
	if (folder) {
		fprintf(c->import.out, ", ");
		import_pattern(c->import.out, destination, true);
	}
	fputc('\n', c->import.out);
	import_warn(&c->import, "'ignore' holds for containers under the root of rbced; groups "
				"outside it are left alone unless a rule matches");
}

/* Only REALTIME tasks, or all. The others go by the next lines, there too. */
static void print_ignore(struct cgrules *c, const char *user, const char *process,
			 const char *destination, bool realtime)
{
	const char *place = destination + strspn(destination, "/");

	if (!*place) {
		import_warn(&c->import, "left out: what stands in no container cannot be matched; "
					"it stays there while no rule matches it");
		return;
	}
	if (!import_can_write(place) || strlen(place) > PATH_MAX) {
		import_warn(&c->import, "left out: no group can have this name: " QUOTED, place);
		return;
	}
	begin_rule(c, user, process, realtime ? "-realtime" : "-ignore");
	print_who(c, user, process);
	if (!streq(place, "*"))
		print_place(c, place);
	if (realtime && !streq(place, "*"))
		import_warn(&c->import,
			    "'ignore_rt' moves nothing to " QUOTED
			    ", there neither: it leaves those alone that stand in it and run in "
			    "real time",
			    place);
	fprintf(c->import.out, "%signore    = yes\n", realtime ? "realtime  = yes\n" : "");
}

static void print_rule(struct cgrules *c, char *who, const char *destination,
		       const struct options *options)
{
	char *colon = strchr(who, ':');
	const char *user = who, *process = colon && colon[1] ? colon + 1 : NULL;

	if (colon)
		*colon = '\0';
	if (!check_who(c, user, process))
		return;
	if (colon && !process)
		import_warn(&c->import, "no process behind ':': any is meant");
	if (options->ignore || options->ignore_rt) {
		print_ignore(c, user, process, destination, !options->ignore);
		return;
	}
	c->container = import_path(&c->import, destination, true);
	if (!c->container)
		return;
	begin_rule(c, user, process, "");
	print_who(c, user, process);
	/* cgrulesengd takes tasks wherever they stand. */
	fprintf(c->import.out, "container = %s\nfrom-systemd = yes\n", c->container);
}

/* A line "%": the match of the line above, for other controllers. */
static void continue_rule(struct cgrules *c, const char *destination, bool has_options)
{
	cleanup_free char *name = NULL;

	if (!c->begun) {
		import_fail(&c->import, "'%%' has no line above to go on with");
		return;
	}
	if (!c->container) {
		import_warn(&c->import, "left out: so was the line above, or it moves nothing");
		return;
	}
	if (has_options)
		import_warn(&c->import, "left out: options of a line '%%' mean nothing");
	name = import_path(&c->import, destination, true);
	if (name && !streq(name, c->container))
		import_warn(&c->import,
			    "left out: other controllers of the same task would stand in " QUOTED
			    "; a container has one name for all controllers",
			    name);
}

static void read_rule(struct cgrules *c, const char *line)
{
	char *fields[FIELDS] = {NULL};
	struct options options;
	bool good = read_fields(c, line, fields) && read_options(c, fields[OPTIONS], &options);

	if (good && streq(fields[WHO], "%")) {
		continue_rule(c, fields[DESTINATION], fields[OPTIONS]);
	} else if (good) {
		free(c->container);
		c->container = NULL;
		c->begun = true;
		print_rule(c, fields[WHO], fields[DESTINATION], &options);
	}
	for (size_t i = 0; i < FIELDS; i++)
		free(fields[i]);
}

/* A '#' begins a comment wherever it stands, also in quotation marks. */
static void read_source(struct cgrules *c, const struct import_source *source)
{
	const char *at = source->text;
	char *line;

	c->import.source = source;
	c->import.line = 0;
	c->begun = false;
	while (import_line(&c->import, &at, &line)) {
		size_t size = line ? strcspn(line, "#") : 0;

		while (size && strchr(" \t", line[size - 1]))
			size--;
		if (size) {
			line[size] = '\0';
			read_rule(c, line);
		}
		free(line);
	}
}

int import_cgrules(const struct import_source *sources, size_t n,
		   const struct import_options *options, char **ret, struct rules_errors *warnings,
		   struct rules_errors *errors)
{
	struct cgrules c = {0};
	int r = import_begin(&c.import, "cgrules.conf", sources, n, options, warnings, errors);

	if (r < 0)
		return r;
	fprintf(c.import.out, "# The first rule that matches decides, there and here. Users are "
			      "the real ones here, "
			      "the effective\n# ones there (euser); groups are those that a task "
			      "really has, not a "
			      "list of members. A container is\n# one for all controllers, also "
			      "where a line named "
			      "some.\n");
	for (size_t i = 0; i < n; i++)
		read_source(&c, &sources[i]);
	if (n > 1) {
		c.import.source = &sources[0];
		c.import.line = 0;
		import_warn(&c.import, "several files: their order decides here, while libcgroup "
				       "reads them in any");
	}
	free(c.container);
	return import_finish(&c.import, ret);
}
