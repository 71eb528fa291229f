// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of containers with variables: "users/%u". */
#include <errno.h>
#include <limits.h>
#include <rbce/container.h>

#include "internal.h"
#include "util.h"

/* Longest value of a variable: leaves room for text around it in a component of 255 bytes. */
enum { VALUE_MAX = 200 };

static const char variables[] = "uUgGpPr";

int template_check(const char *text, struct rbce_error *err)
{
	cleanup_free char *sample = calloc(1, strlen(text) + 1);
	char *to = sample;

	if (!sample)
		return rbce_error_errno(err, -ENOMEM, "cannot use '%s'", text);
	for (const char *from = text; *from; from++) {
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		from++;
		if (!*from)
			return rbce_error_set(err, -EINVAL,
					      "'%s' ends with a '%%' ('%%%%' means the sign)",
					      text);
		if (*from != '%' && !strchr(variables, *from))
			return rbce_error_set(err, -EINVAL,
					      "unknown variable '%%%c' in '%s' (there are %%u %%U "
					      "%%g %%G %%p %%P %%r)",
					      *from, text);
		*to++ = *from == '%' ? '%' : 'x';
	}
	*to = '\0';
	return rbce_container_check_name(sample, err);
}

bool template_uses(const char *text, char variable)
{
	for (; *text; text++) {
		if (text[0] != '%' || !text[1])
			continue;
		if (*++text == variable)
			return true;
	}
	return false;
}

/* The value of a variable, as a part of one path component: never empty, never a path of its own.
 */
static void append_value(FILE *out, const char *value)
{
	size_t n = 0;

	if (!*value || *value == '.')
		fputc('_', out);
	for (value += *value == '.'; *value && n < VALUE_MAX; value++, n++)
		fputc(*value == '/' || (unsigned char)*value < ' ' || *value == 0x7f ? '_' : *value,
		      out);
}

static void append_variable(FILE *out, char variable, const struct template_values *values)
{
	switch (variable) {
	case 'u':
		append_value(out, values->user);
		break;
	case 'g':
		append_value(out, values->group);
		break;
	case 'p':
		append_value(out, values->executable);
		break;
	case 'r':
		append_value(out, values->rule);
		break;
	case 'U':
		fprintf(out, "%u", values->uid);
		break;
	case 'G':
		fprintf(out, "%u", values->gid);
		break;
	case 'P':
		fprintf(out, "%d", values->pid);
		break;
	case '%':
		fputc('%', out);
		break;
	}
}

/*
 * Values may have made a component that is no name: one that means something else ("leaf",
 * "memory.max") is marked, one that has become too long is cut.
 */
static int repair(char **name)
{
	cleanup_free char *marked = NULL;
	size_t size = 0;
	FILE *out;

	if (rbce_container_check_name(*name, NULL) == 0)
		return 0;
	out = open_memstream(&marked, &size);
	if (!out)
		return -ENOMEM;
	for (const char *part = *name;;) {
		size_t n = strcspn(part, "/"), kept = n < NAME_MAX ? n : NAME_MAX - 1;
		cleanup_free char *component = strndup(part, kept);
		bool marks = component && rbce_container_check_name(component, NULL) < 0;

		fprintf(out, "%s%.*s", marks ? "_" : "", (int)kept, part);
		if (!part[n])
			break;
		fputc('/', out);
		part += n + 1;
	}
	fclose(out);
	free(*name);
	*name = TAKE_PTR(marked);
	return 0;
}

int template_fill(const char *text, const struct template_values *values, char **ret)
{
	cleanup_free char *name = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&name, &size);
	int r;

	if (!out)
		return -ENOMEM;
	for (; *text; text++) {
		if (*text == '%')
			append_variable(out, *++text, values);
		else
			fputc(*text, out);
	}
	if (fclose(out) != 0)
		return -ENOMEM;
	r = repair(&name);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(name);
	return 0;
}

bool template_fits(const char *text, const char *name)
{
	for (; *text; text++) {
		if (*text == '%' && text[1] != '%') {
			/* One byte or more, within the component. */
			for (; *name && *name != '/'; name++)
				if (template_fits(text + 2, name + 1))
					return true;
			return false;
		}
		text += *text == '%';
		if (*text != *name++)
			return false;
	}
	return *name == '\0';
}
