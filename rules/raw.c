// SPDX-License-Identifier: GPL-2.0-or-later
/* What was read, before it means anything: sections, keys and mistakes; see internal.h. */
#include <errno.h>
#include <stdarg.h>

#include "internal.h"
#include "util.h"

void raw_mistake(struct raw *raw, size_t file, unsigned line, const char *format, ...)
{
	struct mistakes *mistakes = &raw->mistakes;
	cleanup_free char *message = NULL;
	char *text = NULL;
	va_list ap;
	int n;

	if (mistakes->n == mistakes->room) {
		size_t room = mistakes->room ? mistakes->room * 2 : 16;
		struct mistake *more = reallocarray(mistakes->list, room, sizeof(*more));

		if (!more) {
			mistakes->out_of_memory = true;
			return;
		}
		mistakes->list = more;
		mistakes->room = room;
	}
	va_start(ap, format);
	n = vasprintf(&message, format, ap);
	va_end(ap);
	if (n < 0)
		message = NULL;
	else if (line)
		n = asprintf(&text, "%s:%u: %s", raw->files[file], line, message);
	else
		n = asprintf(&text, "%s: %s", raw->files[file], message);
	if (n < 0) {
		mistakes->out_of_memory = true;
		return;
	}
	/* One line, whatever a file has in it. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	mistakes->list[mistakes->n++] = (struct mistake){file, line, text};
}

int raw_add_section(struct raw *raw, size_t file, unsigned line, const char *kind, size_t kind_size,
		    const char *name, size_t name_size)
{
	struct raw_section *section;

	if (raw->n_sections == raw->room) {
		size_t room = raw->room ? raw->room * 2 : 16;
		struct raw_section *more = reallocarray(raw->sections, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		raw->sections = more;
		raw->room = room;
	}
	section = &raw->sections[raw->n_sections++];
	*section = (struct raw_section){.file = file, .line = line};
	section->kind = strndup(kind, kind_size);
	section->name = strndup(name, name_size);
	return section->kind && section->name ? 0 : -ENOMEM;
}

int raw_add_key(struct raw_section *section, const char *name, const char *value, unsigned line)
{
	struct raw_key *key;

	if (section->n_keys == section->room) {
		size_t room = section->room ? section->room * 2 : 8;
		struct raw_key *more = reallocarray(section->keys, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		section->keys = more;
		section->room = room;
	}
	key = &section->keys[section->n_keys++];
	*key = (struct raw_key){.name = strdup(name), .value = strdup(value), .line = line};
	return key->name && key->value ? 0 : -ENOMEM;
}

int raw_continue_key(struct raw_section *section, const char *value)
{
	struct raw_key *key = &section->keys[section->n_keys - 1];
	char *joined;

	if (asprintf(&joined, "%s%s%s", key->value, *key->value ? " " : "", value) < 0)
		return -ENOMEM;
	free(key->value);
	key->value = joined;
	return 0;
}

void raw_done(struct raw *raw)
{
	for (size_t i = 0; i < raw->n_sections; i++) {
		struct raw_section *section = &raw->sections[i];

		for (size_t k = 0; k < section->n_keys; k++) {
			free(section->keys[k].name);
			free(section->keys[k].value);
		}
		free(section->keys);
		free(section->kind);
		free(section->name);
	}
	for (size_t i = 0; i < raw->n_files; i++)
		free(raw->files[i]);
	for (size_t i = 0; i < raw->mistakes.n; i++)
		free(raw->mistakes.list[i].text);
	free(raw->mistakes.list);
	free(raw->sections);
	free(raw->files);
	*raw = (struct raw){0};
}
