// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgrules.conf(5): "USER[:PROCESS] CONTROLLERS DESTINATION [OPTIONS]", first match wins.
 *
 * A container of ours has one name for all controllers, so CONTROLLERS do not matter; lines that
 * begin with '%' can only say the same place again.
 */
#include <ctype.h>
#include <errno.h>
#include <rbce/units.h>

#include "import.h"
#include "util.h"

enum { FIELDS = 4 };
enum field { WHO, CONTROLLERS, DESTINATION, OPTIONS };

struct cgrules {
	struct import import;
	char *who;         /* of the line above, for '%' */
	char *destination; /* NULL where that line could not be used */
};

/* One field at *P, in quotes where QUOTES are allowed; NULL with a message when it has no end. */
static char *read_field(struct cgrules *c, const char **p, bool quotes)
{
	const char *start = *p, *end;

	if (*start != '"') {
		end = start + strcspn(start, " \t");
		*p = end;
		return strndup(start, (size_t)(end - start));
	}
	end = strchr(start + 1, '"');
	if (!quotes || !end) {
		import_fail(&c->import, quotes ? "a quotation mark has no end"
					       : "controllers and options have no quotation marks");
		return NULL;
	}
	*p = end + 1;
	return strndup(start + 1, (size_t)(end - start - 1));
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
	return true;
}

/* The destination as a template of ours; NULL with a warning when there can be none. */
static char *template_of(struct cgrules *c, const char *destination)
{
	char *text = NULL;
	struct rbce_error err;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	while (*destination == '/')
		destination++;
	for (const char *p = destination; *p; p++) {
		/* "\%" is the sign itself; so is one that begins no variable. */
		if (*p == '\\' && p[1] == '%') {
			fputs("%%", out);
			p++;
		} else if (*p == '%' && !(p[1] && strchr("uUgGpP", p[1]))) {
			fputs("%%", out);
		} else if (*p != '/' || (p[1] && p[1] != '/')) {
			fputc(*p, out);
		}
	}
	if (fclose(out) != 0 || !text) {
		c->import.out_of_memory = true;
	} else if (template_check(text, &err) < 0) {
		import_warn(&c->import, "left out: %s", err.message);
	} else if (!import_is_value(text)) {
		import_warn(&c->import, "left out: " QUOTED " cannot stand in a rule file", text);
	} else {
		return text;
	}
	free(text);
	return NULL;
}

/* Is it a name, or number, of a user or group as term lists have them? */
static bool is_account(const char *name)
{
	uint64_t number;

	if (isdigit((unsigned char)*name))
		return rbce_parse_number(name, 0, UINT32_MAX - 1, &number) == 0;
	if (!*name || *name == ' ' || name[strlen(name) - 1] == ' ')
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-$+@\\ ", *p) && !(*p & 0x80))
			return false;
	return *name != '-' && *name != '\\';
}

static bool check_who(struct cgrules *c, const char *user, const char *process)
{
	const char *name = user + (*user == '@');

	if (!*user || (process && !*process))
		import_fail(&c->import, "the %s is missing", *user ? "process" : "user");
	else if (!streq(user, "*") && (!is_account(name) || *name == '@'))
		import_warn(&c->import, "left out: " QUOTED " cannot be the name of a %s", name,
			    *user == '@' ? "group" : "user");
	else if (process && !import_can_write(process))
		import_warn(&c->import, "left out: the process's name has control characters");
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

/* "alice-cc1", "@students", "everyone" */
static void begin_rule(struct cgrules *c, const char *user, const char *process, const char *mark)
{
	const char *slash = process ? strrchr(process, '/') : NULL;
	char name[256];

	snprintf(name, sizeof(name), "%.100s%s%.100s%s", streq(user, "*") ? "" : user,
		 process && !streq(user, "*") ? "-" : "",
		 process ? (slash && slash[1] ? slash + 1 : process) : "", mark);
	if (!*name || *name == '-' || streq(name, "*"))
		snprintf(name, sizeof(name), "everyone%s", mark);
	import_rule(&c->import, name);
}

/*
 * An ignored task stands in the destination already, or below it. A destination without a slash at
 * its end stands for all names that begin so.
 */
static void print_ignore(struct cgrules *c, const char *user, const char *process,
			 const char *destination)
{
	FILE *out = c->import.out;
	size_t size;

	if (streq(destination, "/")) {
		import_warn(&c->import, "left out: what stands in no container cannot be matched; "
					"it stays there while no rule matches it");
		return;
	}
	while (*destination == '/')
		destination++;
	begin_rule(c, user, process, "-ignore");
	print_who(c, user, process);
	size = strlen(destination);
	if (!import_can_write(destination)) {
		import_warn(&c->import, "the destination has control characters: any is meant now");
	} else if (size && !streq(destination, "*")) {
		bool folder = destination[size - 1] == '/';
		cleanup_free char *place = strndup(destination, size - folder);

		fprintf(out, "in        = ");
		import_pattern(out, place ?: "", !folder);
		if (folder) {
			fprintf(out, ", ");
			import_pattern(out, destination, true);
		}
		fputc('\n', out);
		import_warn(&c->import, "'ignore' holds for containers under the root of rbced; "
					"groups outside it are left alone unless a rule matches");
	}
	fprintf(out, "ignore    = yes\n");
}

static void print_rules(struct cgrules *c, char *who, const char *destination,
			const struct options *options)
{
	char *colon = strchr(who, ':');
	const char *user = who, *process = colon ? colon + 1 : NULL;
	cleanup_free char *template = NULL;

	if (colon)
		*colon = '\0';
	if (!check_who(c, user, process))
		return;
	if (options->ignore) {
		print_ignore(c, user, process, destination);
		return;
	}
	template = template_of(c, destination);
	if (!template)
		return;
	if (options->ignore_rt) {
		begin_rule(c, user, process, "-realtime");
		print_who(c, user, process);
		fprintf(c->import.out, "realtime  = yes\nignore    = yes\n");
	}
	begin_rule(c, user, process, "");
	print_who(c, user, process);
	/* cgrulesengd takes tasks wherever they stand. */
	fprintf(c->import.out, "container = %s\nfrom-systemd = yes\n", template);
}

/* A line "%": the match of the line above, for other controllers. */
static void continue_rule(struct cgrules *c, const char *destination)
{
	if (!c->who)
		import_fail(&c->import, "'%%' has no line above to go on with");
	else if (!streq(c->destination, destination))
		import_warn(&c->import,
			    "left out: other controllers of the same task would stand in " QUOTED
			    "; a container has one name for all controllers",
			    destination);
}

static void read_rule(struct cgrules *c, const char *line)
{
	char *fields[FIELDS] = {NULL};
	struct options options;

	if (read_fields(c, line, fields) && read_options(c, fields[OPTIONS], &options)) {
		if (streq(fields[WHO], "%")) {
			continue_rule(c, fields[DESTINATION]);
		} else {
			free(c->who);
			free(c->destination);
			c->who = strdup(fields[WHO]);
			c->destination = strdup(fields[DESTINATION]);
			if (c->who && c->destination)
				print_rules(c, fields[WHO], fields[DESTINATION], &options);
			else
				c->import.out_of_memory = true;
		}
	}
	for (size_t i = 0; i < FIELDS; i++)
		free(fields[i]);
}

static void read_source(struct cgrules *c, const struct import_source *source)
{
	const char *at = source->text, *end = at + source->size;

	c->import.source = source;
	for (c->import.line = 1; at < end; c->import.line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)) ?: end;
		cleanup_free char *line = strndup(at, (size_t)(newline - at));
		size_t begin = line ? strspn(line, " \t\r") : 0, size = line ? strlen(line) : 0;

		at = newline + 1;
		if (!line) {
			c->import.out_of_memory = true;
			return;
		}
		while (size && strchr(" \t\r", line[size - 1]))
			line[--size] = '\0';
		if (begin < size && line[begin] != '#')
			read_rule(c, line + begin);
	}
}

int import_cgrules(const struct import_source *sources, size_t n, char **ret,
		   struct rules_errors *warnings, struct rules_errors *errors)
{
	struct cgrules c = {0};
	int r = import_begin(&c.import, "cgrules.conf", sources, n, warnings, errors);

	if (r < 0)
		return r;
	fprintf(c.import.out,
		"# The first rule that matches decides, there and here. A group means "
		"the real groups of a task,\n# not the list of members.\n");
	for (size_t i = 0; i < n; i++)
		read_source(&c, &sources[i]);
	if (n > 1) {
		c.import.source = &sources[0];
		c.import.line = 0;
		import_warn(&c.import, "several files: their order decides here, while libcgroup "
				       "reads them in any");
	}
	free(c.who);
	free(c.destination);
	return import_finish(&c.import, ret);
}
