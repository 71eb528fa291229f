// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl keys: the keys that rules and containers may have, from the tables that they are read by.
 */
#include <controllers/controllers.h>
#include <core/cli/table.h>
#include <rules/rules.h>

#include "rbcectl.h"
#include "util.h"

enum column { KEY, VALUES, KIND, EXAMPLE, HELP };

static const struct table_column columns[] = {
	[KEY] = {.title = "KEY", .key = "key"},
	[VALUES] = {.title = "VALUES", .key = "values"},
	[KIND] = {.title = "KIND", .key = "kind"},
	[EXAMPLE] = {.title = "EXAMPLE", .key = "example"},
	[HELP] = {.title = "MEANING", .key = "help", .cut = true},
};

/* Words in capitals stand for something, others for themselves. */
static bool is_placeholder(const char *values)
{
	return *values >= 'A' && *values <= 'Z';
}

/* For mdoc(7): each sentence on a line of its own. */
static void print_escaped(const char *text)
{
	for (; *text; text++) {
		printf(*text == '\\' ? "\\e" : "%c", *text);
		if (text[0] == '.' && text[1] == ' ') {
			printf("\n");
			text++;
		}
	}
}

/* An item of a list of rbce.rules(5). */
static void print_mdoc(const struct rules_key *key)
{
	printf(".It Ic %s = %s %s\n", key->name, is_placeholder(key->values) ? "Ar" : "Cm",
	       key->values);
	print_escaped(key->help);
	printf("\n.Dl %s = ", key->name);
	print_escaped(key->example);
	printf("\n");
}

static void print_manual(bool terms)
{
	struct rules_key key;

	for (size_t i = 0; rules_key_at(i, &key); i++)
		if (key.is_term == terms)
			print_mdoc(&key);
}

/* The same for --help; a new string, NULL when out of memory. */
static char *keys_text(void)
{
	char *text = NULL;
	struct rules_key key;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("Keys of a rule, and an example of each:", out);
	for (size_t i = 0; rules_key_at(i, &key); i++)
		fprintf(out, "\n  %-14s = %-41s %s", key.name, key.values, key.example);
	return fclose(out) == 0 ? text : NULL;
}

static void add_keys(struct table *t)
{
	struct rules_key key;

	for (size_t i = 0; rules_key_at(i, &key); i++) {
		table_row(t, -1);
		table_set(t, KEY, "%s", key.name);
		table_set(t, VALUES, "%s", key.values);
		table_set(t, KIND, "%s", key.is_term ? "condition" : "action");
		table_set(t, EXAMPLE, "%s", key.example);
		table_set(t, HELP, "%s", key.help);
	}
}

/* Of a family (raw.FILE, hugetlb.SIZE.max) as well the keys that this machine has. */
static void add_limits(struct table *t, const struct controller_key *at(size_t index))
{
	const struct controller_key *key;

	for (size_t i = 0; (key = at(i)); i++) {
		table_row(t, -1);
		table_set(t, KEY, "%s", controller_key_name(key));
		table_set(t, VALUES, "%s", controller_key_values(key));
		table_set(t, KIND, "limit");
		table_set(t, HELP, "%s", controller_key_help(key));
	}
}

int command_keys(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	cleanup_free char *keys = keys_text();
	const char *manual = NULL;
	bool limits = false;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_FLAG("limits", "those of a container instead", &limits),
		OPTION_TEXT("manual", "actions|terms", "print that part of rbce.rules(5)", &manual),
		{0},
	};
	const struct command_line line = {
		.usage = "keys [--limits] [--json]",
		.about = "Shows the keys that a rule may have, or a container; rbce.rules(5) has "
			 "the whole language,\nrbce-controllers(7) the limits.",
		.more = keys,
		.options = options,
	};
	struct table *t;

	command_parse(&line, argc, argv, 0, 0);
	if (manual) {
		print_manual(streq(manual, "terms"));
		return EXIT_SUCCESS;
	}
	t = table_new("keys", columns, ARRAY_SIZE(columns), common.json);
	if (limits) {
		add_limits(t, controller_key_at);
		add_limits(t, controller_key_here);
	} else {
		add_keys(t);
	}
	return table_finish(t) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
