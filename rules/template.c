// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of containers with variables: "users/%u". */
#include <errno.h>
#include <limits.h>
#include <rbce/container.h>

#include "internal.h"
#include "util.h"

/*
 * The least room that a component must leave for the value of each of its variables: the longest
 * user name of Linux. Longer values are cut to what there is.
 */
enum { ROOM_MIN = 32 };

/* The variables, and the facts of a task that each is filled from. */
static const struct {
	char variable;
	unsigned facts;
} variables[] = {
	{'u', RBCE_FACT_IDS},
	{'U', RBCE_FACT_IDS},
	{'g', RBCE_FACT_IDS},
	{'G', RBCE_FACT_IDS},
	{'p', RBCE_FACT_EXE | RBCE_FACT_STAT},
	{'P', 0},
	{'r', 0},
	{'t', 0},
	{'j', RBCE_FACT_ENV},
};

static bool is_variable(const char *text)
{
	return text[0] == '%' && text[1] != '%';
}

/* How many bytes of the text one letter, "%%" or variable takes. */
static size_t piece_size(const char *text)
{
	return *text == '%' ? 2 : 1;
}

/* How many variables the component at TEXT has. */
static size_t count_variables(const char *text)
{
	size_t n = 0;

	for (; *text && *text != '/'; text += piece_size(text))
		n += is_variable(text);
	return n;
}

/* How many bytes the value of each variable may have in the component at TEXT. */
static size_t room_for_values(const char *text)
{
	size_t letters = 0, values = count_variables(text);

	for (; *text && *text != '/'; text += piece_size(text))
		letters += !is_variable(text);
	if (!values)
		return NAME_MAX;
	/* One byte is kept for the mark of a name that would mean something else. */
	return letters < NAME_MAX ? (NAME_MAX - 1 - letters) / values : 0;
}

static int check_variable(const char *text, char variable, struct rbce_error *err)
{
	char known[4 * ARRAY_SIZE(variables) + 1] = "";

	if (!variable)
		return rbce_error_set(err, -EINVAL,
				      QUOTED " ends with a '%%' ('%%%%' means the sign)", text);
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		if (variables[i].variable == variable)
			return 0;
		snprintf(known + 3 * i, sizeof(known) - 3 * i, "%%%c ", variables[i].variable);
	}
	return rbce_error_set(err, -EINVAL, "unknown variable '%%%c' in " QUOTED " (known: %s%%%%)",
			      variable, text, known);
}

int template_check(const char *text, struct rbce_error *err)
{
	cleanup_free char *sample = calloc(1, strlen(text) + 1);
	char *to = sample;
	int r;

	if (!sample)
		return rbce_error_errno(err, -ENOMEM, "cannot use " QUOTED, text);
	for (const char *p = text; *p; p += piece_size(p)) {
		if (!is_variable(p)) {
			*to++ = *p;
			continue;
		}
		r = check_variable(text, p[1], err);
		if (r < 0)
			return r;
		*to++ = 'x';
	}
	r = rbce_container_check_name(sample, err);
	if (r < 0)
		return r;
	for (const char *component = text;; component++) {
		if (room_for_values(component) < ROOM_MIN)
			return rbce_error_set(err, -EINVAL,
					      QUOTED
					      " is too long: it leaves no room for its variables",
					      text);
		component += strcspn(component, "/");
		if (!*component)
			return 0;
	}
}

bool template_uses(const char *text, char variable)
{
	for (; *text; text += piece_size(text))
		if (is_variable(text) && (!variable || text[1] == variable))
			return true;
	return false;
}

unsigned template_facts(const char *text)
{
	unsigned facts = 0;

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		if (template_uses(text, variables[i].variable))
			facts |= variables[i].facts;
	return facts;
}

/* A name in the making. */
struct name {
	char text[RBCE_NAME_MAX];
	size_t size;
	bool full;
};

static void append(struct name *name, char c)
{
	if (name->size + 1 >= sizeof(name->text)) {
		name->full = true;
		return;
	}
	name->text[name->size++] = c;
	name->text[name->size] = '\0';
}

/*
 * A value, as a part of one component: never empty, never a path of its own, ROOM bytes at the most
 * (but no half of a UTF-8 character).
 */
static void append_value(struct name *name, const char *value, size_t room)
{
	size_t size = strlen(value);

	if (size > room) {
		for (size = room; size && ((unsigned char)value[size] & 0xc0) == 0x80;)
			size--;
		/* That was no UTF-8. */
		if (!size)
			size = room;
	}
	if (!size)
		append(name, '_');
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)value[i];

		append(name,
		       c == '/' || c < ' ' || c == 0x7f || (c == '.' && i == 0) ? '_' : (char)c);
	}
}

static void append_variable(struct name *name, char variable, const struct template_values *values,
			    size_t room)
{
	const char *value = "";
	char number[16];

	switch (variable) {
	case 'u':
		value = values->user;
		break;
	case 'g':
		value = values->group;
		break;
	case 'p':
		value = values->executable;
		break;
	case 'r':
		value = values->rule;
		break;
	case 't':
		value = values->tag;
		break;
	case 'j':
		value = values->job;
		break;
	case 'U':
	case 'G':
		value = number;
		snprintf(number, sizeof(number), "%u", variable == 'U' ? values->uid : values->gid);
		break;
	case 'P':
		value = number;
		snprintf(number, sizeof(number), "%d", values->pid);
		break;
	}
	append_value(name, value, room);
}

/*
 * Values may make a component that means something else, as "leaf" or "memory.max". Then a mark
 * stands behind the last value ("leaf_") or, where that does not help, before the first one
 * ("_memory.max"): a part of a value, so that the name still fits its template.
 */
enum mark { MARK_NONE, MARK_BEHIND, MARK_BEFORE };

static void append_component(struct name *name, const char *text,
			     const struct template_values *values, enum mark mark)
{
	size_t room = room_for_values(text), n = count_variables(text), i = 0;

	for (; *text && *text != '/'; text += piece_size(text)) {
		if (!is_variable(text)) {
			append(name, *text);
			continue;
		}
		if (mark == MARK_BEFORE && i == 0)
			append(name, '_');
		append_variable(name, text[1], values, room);
		i++;
		if (mark == MARK_BEHIND && i == n)
			append(name, '_');
	}
}

int template_fill(const char *text, const struct template_values *values, char **ret)
{
	struct name name = {.size = 0};
	char *copy;

	for (;;) {
		size_t start = name.size;

		for (enum mark mark = MARK_NONE; mark <= MARK_BEFORE; mark++) {
			name.size = start;
			append_component(&name, text, values, mark);
			if (rbce_container_check_name(name.text + start, NULL) == 0)
				break;
		}
		text += strcspn(text, "/");
		if (!*text)
			break;
		append(&name, *text++);
	}
	if (name.full)
		return -ENAMETOOLONG;
	copy = strdup(name.text);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

bool template_fits(const char *text, const char *name)
{
	/* Behind the newest variable; and where its value ends, as short as that may be. */
	const char *behind = NULL, *end = NULL;

	while (*name) {
		if (*text && is_variable(text) && *name != '/') {
			text += piece_size(text);
			behind = text;
			end = ++name;
		} else if (*text && !is_variable(text) && *text == *name) {
			text += piece_size(text);
			name++;
		} else if (end && *end && *end != '/') {
			/* Then the value is longer: one byte, and the rest again. */
			name = ++end;
			text = behind;
		} else {
			return false;
		}
	}
	return !*text;
}
