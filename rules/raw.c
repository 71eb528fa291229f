// SPDX-License-Identifier: GPL-2.0-or-later
/* What was read, before it means anything: files, sections, keys and mistakes; see internal.h. */
#include <errno.h>
#include <stdarg.h>

#include "internal.h"
#include "util.h"

/* Room for one more element of SIZE bytes in a list of N; the list or NULL. */
static void *grow(void *list, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 3;

	if (n < *room)
		return list;
	list = reallocarray(list, more, size);
	if (list)
		*room = more;
	return list;
}

void raw_mistake(struct raw *raw, size_t file, unsigned line, const char *format, ...)
{
	struct mistakes *mistakes = &raw->mistakes;
	struct mistake *list = grow(mistakes->list, mistakes->n, &mistakes->room, sizeof(*list));
	cleanup_free char *message = NULL;
	char *text;
	va_list ap;
	int n;

	if (list)
		mistakes->list = list;
	va_start(ap, format);
	n = vasprintf(&message, format, ap);
	va_end(ap);
	if (n < 0)
		message = NULL;
	else if (line)
		n = asprintf(&text, "%s:%u: %s", raw->files[file], line, message);
	else
		n = asprintf(&text, "%s: %s", raw->files[file], message);
	if (n < 0 || !list) {
		mistakes->out_of_memory = true;
		if (n >= 0)
			free(text);
		return;
	}
	/* One line, whatever a file has in it. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	list[mistakes->n] = (struct mistake){file, line, mistakes->n, text};
	mistakes->n++;
}

int raw_add_file(struct raw *raw, const char *name)
{
	char **files = reallocarray(raw->files, raw->n_files + 1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	raw->files = files;
	files[raw->n_files] = strdup(name);
	if (!files[raw->n_files])
		return -ENOMEM;
	raw->n_files++;
	return 0;
}

int raw_add_section(struct raw *raw, enum section_kind kind, size_t file, const char *name,
		    size_t size, unsigned line)
{
	struct raw_section *list = grow(raw->sections, raw->n_sections, &raw->room, sizeof(*list));
	char *copy = strndup(name, size);

	if (list)
		raw->sections = list;
	if (!list || !copy) {
		free(copy);
		return -ENOMEM;
	}
	list[raw->n_sections++] = (struct raw_section){
		.kind = kind,
		.name = copy,
		.file = file,
		.line = line,
	};
	return 0;
}

int raw_add_key(struct raw_section *section, const char *name, const char *value, unsigned line)
{
	struct raw_key *list = grow(section->keys, section->n_keys, &section->room, sizeof(*list));

	if (!list)
		return -ENOMEM;
	section->keys = list;
	list += section->n_keys++;
	*list = (struct raw_key){
		.name = strdup(name),
		.value = strdup(value),
		.size = strlen(value),
		.line = line,
	};
	return list->name && list->value ? 0 : -ENOMEM;
}

int raw_continue_key(struct raw_section *section, const char *value)
{
	struct raw_key *key = &section->keys[section->n_keys - 1];
	size_t more = strlen(value);
	char *joined = realloc(key->value, key->size + more + 2);

	if (!joined)
		return -ENOMEM;
	key->value = joined;
	if (key->size)
		joined[key->size++] = ' ';
	memcpy(joined + key->size, value, more + 1);
	key->size += more;
	return 0;
}

char *raw_drop_keys(struct raw_section *section, const char *value)
{
	char *kept = NULL;

	for (size_t k = 0; k < section->n_keys; k++) {
		free(section->keys[k].name);
		if (section->keys[k].value == value)
			kept = section->keys[k].value;
		else
			free(section->keys[k].value);
	}
	free(section->keys);
	section->keys = NULL;
	section->n_keys = section->room = 0;
	return kept;
}

void raw_done(struct raw *raw)
{
	for (size_t i = 0; i < raw->n_sections; i++) {
		raw_drop_keys(&raw->sections[i], NULL);
		free(raw->sections[i].name);
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
