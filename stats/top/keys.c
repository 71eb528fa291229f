// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of top; see keys.h. */
#include "keys.h"

#include <curses.h>
#include <stdio.h>

#include "util.h"

enum { KEYS_PER_ROW = 3, ENTER = '\n', ESCAPE = 27, CARRIAGE = '\r' };

static const struct {
	enum top_action action;
	int keys[KEYS_PER_ROW];
	const char *names; /* of those keys */
	const char *help;
	const char *hint_key, *hint; /* in the last line */
} rows[] = {
	{TOP_ACT_HELP, {KEY_F(1), 'h', '?'}, "F1 h ?", "this help", "F1", "Help"},
	{TOP_ACT_DETAIL,
	 {ENTER, CARRIAGE, KEY_ENTER},
	 "Enter",
	 "everything of the selected container: numbers, limits",
	 "Enter",
	 "Detail"},
	{TOP_ACT_FILTER,
	 {KEY_F(4), '/'},
	 "F4 /",
	 "only containers with a text in their names",
	 "F4",
	 "Filter"},
	{TOP_ACT_TREE, {KEY_F(5), 't'}, "F5 t", "as a tree, or all in one order", "F5", "Tree"},
	{TOP_ACT_FOLD,
	 {' ', '+', '-'},
	 "Space + -",
	 "hide what is below, or show it again",
	 "Space",
	 "Fold"},
	{TOP_ACT_SORT_LEFT, {'<', ','}, "< ,", "sort by the column to the left", "<>", "Sort"},
	{TOP_ACT_SORT_RIGHT, {'>', '.'}, "> .", "sort by the column to the right", NULL, NULL},
	{TOP_ACT_SORT_CPU, {'P'}, "P", "sort by CPU time", NULL, NULL},
	{TOP_ACT_SORT_MEMORY, {'M'}, "M", "sort by memory", NULL, NULL},
	{TOP_ACT_SORT_STALL, {'W'}, "W", "sort by waiting for a CPU", NULL, NULL},
	{TOP_ACT_SORT_NAME, {'N'}, "N", "sort by name", NULL, NULL},
	{TOP_ACT_REVERSE, {'I', 'r'}, "I r", "the other way round", "I", "Invert"},
	{TOP_ACT_PAUSE, {'p', 'Z'}, "p Z", "stand still, or go on", "p", "Pause"},
	{TOP_ACT_UP, {KEY_UP, 'k'}, "Up k", "one line up", NULL, NULL},
	{TOP_ACT_DOWN, {KEY_DOWN, 'j'}, "Down j", "one line down", NULL, NULL},
	{TOP_ACT_PAGE_UP, {KEY_PPAGE}, "PgUp", "one page up", NULL, NULL},
	{TOP_ACT_PAGE_DOWN, {KEY_NPAGE}, "PgDn", "one page down", NULL, NULL},
	{TOP_ACT_FIRST, {KEY_HOME, 'g'}, "Home g", "to the first line, and stay there", NULL, NULL},
	{TOP_ACT_LAST, {KEY_END, 'G'}, "End G", "to the last line", NULL, NULL},
	{TOP_ACT_LEFT, {KEY_LEFT}, "Left", "columns to the left", NULL, NULL},
	{TOP_ACT_RIGHT, {KEY_RIGHT}, "Right", "columns to the right", NULL, NULL},
	{TOP_ACT_QUIT,
	 {KEY_F(10), 'q', ESCAPE},
	 "F10 q Esc",
	 "quit, or leave this page",
	 "q",
	 "Quit"},
};

enum top_action top_key_action(int key)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t k = 0; k < KEYS_PER_ROW && rows[i].keys[k]; k++)
			if (rows[i].keys[k] == key)
				return rows[i].action;
	return TOP_ACT_NONE;
}

size_t top_key_hint(size_t i, const char **key, const char **text)
{
	for (; i < ARRAY_SIZE(rows); i++)
		if (rows[i].hint) {
			*key = rows[i].hint_key;
			*text = rows[i].hint;
			return i + 1;
		}
	return 0;
}

char *top_key_help(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "Keys\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		fprintf(out, "  %-10s  %s\n", rows[i].names, rows[i].help);
	fprintf(out, "\nColumns\n");
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		fprintf(out, "  %-10s  %s\n", top_columns[i].title, top_columns[i].help);
	fprintf(out, "\nAll numbers are of a container and those below it; limits are its own.\n");
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
