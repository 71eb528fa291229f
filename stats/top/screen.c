// SPDX-License-Identifier: GPL-2.0-or-later
/* The terminal of top; see screen.h. */
#include "screen.h"

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <rbce/units.h>
#include <time.h>

#include "keys.h"
#include "text.h"
#include "util.h"

enum { PAIR_PLAIN = 1, PAIR_GOOD, PAIR_WARN, PAIR_ALARM, PAIR_NAME, PAIR_TITLES, PAIR_CHOSEN };

enum {
	HEAD = 3,   /* lines above the titles */
	SMALL = 10, /* terminals with fewer lines than this have only one of them */
	NAME_MIN = 10,
	BAR_MAX = 30,
};

static SCREEN *terminal;
static bool coloured;

/* Whatever the terminal can do, the meaning must not hang on colour alone. */
static attr_t attribute(int pair)
{
	if (coloured)
		return (attr_t)COLOR_PAIR(pair) | (pair == PAIR_NAME ? A_BOLD : 0);
	switch (pair) {
	case PAIR_TITLES:
	case PAIR_CHOSEN:
		return A_REVERSE;
	case PAIR_WARN:
	case PAIR_ALARM:
	case PAIR_NAME:
		return A_BOLD;
	default:
		return A_NORMAL;
	}
}

static void start_colours(void)
{
	static const struct {
		short pair, text, ground;
	} pairs[] = {
		{PAIR_PLAIN, -1, -1},
		{PAIR_GOOD, COLOR_GREEN, -1},
		{PAIR_WARN, COLOR_YELLOW, -1},
		{PAIR_ALARM, COLOR_RED, -1},
		{PAIR_NAME, COLOR_CYAN, -1},
		{PAIR_TITLES, COLOR_BLACK, COLOR_GREEN},
		{PAIR_CHOSEN, COLOR_BLACK, COLOR_CYAN},
	};

	if (!has_colors() || start_color() == ERR)
		return;
	coloured = true;
	use_default_colors();
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		init_pair(pairs[i].pair, pairs[i].text, pairs[i].ground);
}

int top_screen_open(bool colour, struct rbce_error *err)
{
	const char *type = getenv("TERM") ?: "";

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		return rbce_error_set(err, -ENOTTY,
				      "cannot show: this is no terminal; see --batch");
	setlocale(LC_CTYPE, "");
	terminal = newterm(NULL, stdout, stdin);
	/* Of some types it is known that they can do nothing. */
	if (terminal && !tigetstr("cup"))
		top_screen_close();
	if (!terminal)
		return rbce_error_set(err, -ENOTTY,
				      "cannot show: a terminal of type '%s' cannot do it", type);
	if (colour)
		start_colours();
	cbreak();
	noecho();
	nonl();
	set_escdelay(25);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	return 0;
}

void top_screen_close(void)
{
	if (!terminal)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
}

int top_screen_key(void)
{
	return getch();
}

/* The head. */

/* "CPU[|||||     12.5%]" in WIDTH columns. */
static void draw_meter(int y, int width, const char *name, double part, const char *text)
{
	int room = width - (int)strlen(name) - 3, length = (int)strlen(text);
	int full = isnan(part) ? 0 : (int)(part * room + 0.5);
	int pair = part >= 0.9 ? PAIR_ALARM : part >= 0.6 ? PAIR_WARN : PAIR_GOOD;

	if (room < 1)
		return;
	mvprintw(y, 0, "%s[", name);
	for (int i = 0; i < room; i++) {
		int at = i - (room - length);

		attrset(i < full ? attribute(pair) : A_NORMAL);
		addch(at >= 0 ? (chtype)text[at] : i < full ? '|' : ' ');
	}
	attrset(A_NORMAL);
	addch(']');
}

static void draw_stalls(int y, int x, const struct top_host *host)
{
	static const char *const names[] = {"cpu", "mem", "io"};

	mvaddstr(y, x, "PSI");
	for (size_t i = 0; i < TOP_STALLS; i++) {
		double v = host->stall[i];

		printw(" %s ", names[i]);
		attrset(v >= 25 ? attribute(PAIR_ALARM) : v >= 5 ? attribute(PAIR_WARN) : A_NORMAL);
		if (isnan(v))
			addstr("-");
		else
			printw("%.1f", v);
		attrset(A_NORMAL);
	}
}

static void draw_machine(const struct top_host *host)
{
	int width = COLS / 2 < BAR_MAX + 6 ? COLS / 2 : BAR_MAX + 6;
	uint64_t used = host->memory - host->memory_available;
	char text[80], a[RBCE_UNITS_SIZE], b[RBCE_UNITS_SIZE];

	snprintf(text, sizeof(text), "-");
	if (!isnan(host->cpu))
		snprintf(text, sizeof(text), "%.1f%% of %u", host->cpu * 100, host->cpus);
	draw_meter(1, width, "CPU", host->cpu, text);
	snprintf(text, sizeof(text), "%s/%s", rbce_format_size(used, a),
		 rbce_format_size(host->memory, b));
	draw_meter(2, width, "Mem", host->memory ? (double)used / (double)host->memory : NAN, text);
	draw_stalls(1, width + 2, host);
	mvprintw(2, width + 2, "Load %s", host->load);
	if (host->swap)
		printw("  Swap %s/%s", rbce_format_size(host->swap - host->swap_free, a),
		       rbce_format_size(host->swap, b));
}

static void draw_head(const struct top_model *m, const struct top_view *view)
{
	time_t now = time(NULL);
	struct tm tm;
	char clock[16] = "";

	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	attrset(A_BOLD);
	mvaddnstr(0, 0, view->group, COLS / 2);
	attrset(A_NORMAL);
	printw(" %s  %s  every %s  %zu container%s", view->layout, clock, view->interval,
	       top_model_count(m), top_model_count(m) == 1 ? "" : "s");
	if (view->paused)
		addstr("  paused");
	if (*top_model_filtered(m) && !view->prompting)
		printw("  with '%s'", top_model_filtered(m));
}

/* The rows. */

/* What the tree does not tell already: the name below the row above. */
static const char *label(const struct top_line *line)
{
	const struct top_row *above = line->row->above;
	const char *rest = above ? after_prefix(line->row->name, above->name) : NULL;

	return rest && *rest == '/' ? rest + 1 : line->row->name;
}

static int indent_of(const struct top_line *line)
{
	return line->depth > 0 ? 2 * (int)line->depth : 0;
}

/* Wide enough for the names on the screen, within a part of the screen. */
static int name_width(const struct top_line *lines, size_t first, size_t end)
{
	int most = COLS * 28 / 100, width = NAME_MIN;

	for (size_t i = first; i < end; i++) {
		int w = indent_of(&lines[i]) + top_text_width(label(&lines[i])) + 1;

		width = w > width ? w : width;
	}
	return width < most ? width : most > NAME_MIN ? most : NAME_MIN;
}

static void draw_branches(const struct top_line *line, int width)
{
	for (unsigned level = 1; level <= line->depth && 2 * (int)level <= width; level++) {
		bool goes_on = level < 64 && line->more >> level & 1;

		if (level == line->depth)
			addch(goes_on ? ACS_LTEE : ACS_LLCORNER);
		else
			addch(goes_on ? ACS_VLINE : ' ');
		addch(level == line->depth ? ACS_HLINE : ' ');
	}
}

static void draw_name(int y, const struct top_line *line, int width, bool chosen)
{
	/* However deep, half of the room is the name's. */
	int indent = indent_of(line) < width / 2 ? indent_of(line) : width / 2 & ~1;
	char text[512];

	move(y, 0);
	draw_branches(line, indent);
	if (!chosen)
		attrset(attribute(line->row->n_below ? PAIR_NAME : PAIR_PLAIN));
	top_text_fit(label(line), width - indent - 1, text, sizeof(text));
	addstr(text);
	if (line->row->folded)
		addch('+');
	if (!chosen)
		attrset(A_NORMAL);
}

static void draw_line(int y, const struct top_model *m, const struct top_line *line, int width,
		      bool chosen)
{
	static const int pairs[] = {
		[TOP_QUIET] = PAIR_PLAIN,
		[TOP_PLAIN] = PAIR_PLAIN,
		[TOP_WARN] = PAIR_WARN,
		[TOP_ALARM] = PAIR_ALARM,
	};
	char text[TOP_CELL_SIZE];
	int x = width;

	attrset(chosen ? attribute(PAIR_CHOSEN) : A_NORMAL);
	if (chosen)
		mvhline(y, 0, ' ' | attribute(PAIR_CHOSEN), COLS);
	draw_name(y, line, width, chosen);
	for (int c = top_model_first_column(m); c < TOP_COLUMNS; c++) {
		int w = top_columns[c].width;

		if (x + 1 + w > COLS)
			break;
		if (!chosen)
			attrset(attribute(pairs[top_column_tone(c, line->row->value)]));
		mvprintw(y, x + 1, "%*s", w, top_column_format(c, line->row->value[c], text));
		x += 1 + w;
	}
	attrset(A_NORMAL);
}

static void draw_titles(int y, const struct top_model *m, int width)
{
	bool reversed;
	int sort = top_model_sorted_by(m, &reversed), x = width;

	mvhline(y, 0, ' ' | attribute(PAIR_TITLES), COLS);
	attrset(attribute(sort == TOP_BY_NAME ? PAIR_CHOSEN : PAIR_TITLES));
	mvaddnstr(y, 0, "CONTAINER", width);
	for (int c = top_model_first_column(m); c < TOP_COLUMNS; c++) {
		int w = top_columns[c].width;

		if (x + 1 + w > COLS)
			break;
		attrset(attribute(sort == c ? PAIR_CHOSEN : PAIR_TITLES) |
			(sort == c ? A_UNDERLINE : 0));
		mvprintw(y, x + 1, "%*s", w, top_columns[c].title);
		x += 1 + w;
	}
	attrset(A_NORMAL);
}

static void draw_rows(int top, int height, struct top_model *m)
{
	const struct top_line *lines;
	size_t n, first, end;
	int width;

	top_model_resize(m, height > 0 ? (size_t)height : 1);
	lines = top_model_lines(m, &n);
	first = top_model_offset(m);
	end = first + (size_t)(height > 0 ? height : 0) < n ? first + (size_t)height : n;
	width = name_width(lines, first, end);
	draw_titles(top - 1, m, width);
	for (size_t i = first; i < end && height > 0; i++)
		draw_line(top + (int)(i - first), m, &lines[i], width, i == top_model_selected(m));
	if (n == 0)
		mvaddstr(top, 0,
			 *top_model_filtered(m) ? "no container with that name"
						: "no container yet");
}

/* A text, line by line. */
static void draw_page(int top, int height, struct top_view *view)
{
	size_t lines = 0, last, at = 0;
	const char *text = view->page;
	char line[1024];

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	last = lines > (size_t)height ? lines - (size_t)height : 0;
	if (view->page_offset > last)
		view->page_offset = last;
	for (; *text && at < view->page_offset + (size_t)height; at++) {
		size_t n = strcspn(text, "\n");

		if (at >= view->page_offset) {
			snprintf(line, sizeof(line), "%.*s", (int)n, text);
			mvaddnstr(top + (int)(at - view->page_offset), 0, one_line(line), COLS);
		}
		text += n + (text[n] == '\n');
	}
}

static void draw_hints(int y, const struct top_model *m, const struct top_view *view)
{
	const char *key, *text;

	move(y, 0);
	if (view->prompting) {
		printw("Filter: %s", top_model_filtered(m));
		return;
	}
	if (view->said) {
		addnstr(view->said, COLS - 1);
		return;
	}
	for (size_t i = 0; (i = top_key_hint(i, &key, &text));) {
		if (getcurx(stdscr) + (int)(strlen(key) + strlen(text)) + 1 >= COLS)
			break;
		addstr(key);
		attrset(attribute(PAIR_CHOSEN));
		addstr(text);
		attrset(A_NORMAL);
		addch(' ');
	}
}

void top_screen_draw(struct top_model *m, const struct top_host *host, struct top_view *view)
{
	int head = LINES >= SMALL ? HEAD : 1;

	erase();
	draw_head(m, view);
	if (head > 1)
		draw_machine(host);
	if (view->page)
		draw_page(head, LINES - head - 1, view);
	else
		draw_rows(head + 1, LINES - head - 2, m);
	draw_hints(LINES - 1, m, view);
	refresh();
}
