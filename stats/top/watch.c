// SPDX-License-Identifier: GPL-2.0-or-later
/* top on a terminal: waits for keys, signals and the next tick. */
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "cli/log.h"
#include "cli/options.h"
#include "keys.h"
#include "screen.h"
#include "top.h"
#include "util.h"

enum { FILTER_MAX = 128, ESCAPE = 27, ERASE = 127, CONTROL_H = 8, CONTROL_U = 21 };

struct watch {
	struct top *top;
	struct top_view view;
	char *page;     /* what view.page shows */
	char *filtered; /* what is gone back to when the prompt is left with Escape */
	uint64_t next;  /* CLOCK_MONOTONIC, microseconds */
	bool done;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

/* Pages. */

static void show_page(struct watch *w, char *text)
{
	free(w->page);
	w->page = text;
	w->view.page = text;
	w->view.page_offset = 0;
}

static void turn_page(struct watch *w, enum top_action action)
{
	size_t page = LINES > 6 ? (size_t)LINES - 5 : 1, *at = &w->view.page_offset;

	switch (action) {
	case TOP_ACT_UP:
		*at -= *at > 0;
		break;
	case TOP_ACT_DOWN:
		*at += 1;
		break;
	case TOP_ACT_PAGE_UP:
		*at -= *at < page ? *at : page;
		break;
	case TOP_ACT_PAGE_DOWN:
	case TOP_ACT_FOLD: /* the space bar, as pagers have it */
		*at += page;
		break;
	case TOP_ACT_FIRST:
		*at = 0;
		break;
	case TOP_ACT_LAST:
		*at = SIZE_MAX / 2;
		break;
	case TOP_ACT_HELP:
	case TOP_ACT_DETAIL:
	case TOP_ACT_QUIT:
		show_page(w, NULL);
		break;
	case TOP_ACT_NONE:
	case TOP_ACT_LEFT:
	case TOP_ACT_RIGHT:
	case TOP_ACT_TREE:
	case TOP_ACT_SORT_LEFT:
	case TOP_ACT_SORT_RIGHT:
	case TOP_ACT_SORT_CPU:
	case TOP_ACT_SORT_MEMORY:
	case TOP_ACT_SORT_STALL:
	case TOP_ACT_SORT_NAME:
	case TOP_ACT_REVERSE:
	case TOP_ACT_FILTER:
	case TOP_ACT_PAUSE:
		break;
	}
}

static void show_detail(struct watch *w)
{
	const struct top_line *lines;
	size_t n;

	lines = top_model_lines(w->top->model, &n);
	if (n > 0)
		show_page(w, top_source_detail(w->top->source,
					       lines[top_model_selected(w->top->model)].row));
}

/* The filter, narrowed with each key. */

static void begin_prompt(struct watch *w)
{
	w->filtered = strdup(top_model_filtered(w->top->model));
	w->view.prompting = w->filtered != NULL;
}

static void end_prompt(struct watch *w, bool keep)
{
	if (!keep)
		top_model_filter(w->top->model, w->filtered);
	free(TAKE_PTR(w->filtered));
	w->view.prompting = false;
}

/* Takes a whole character off, which may be of several bytes. */
static void rub_out(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	text[n > 0 ? n - 1 : 0] = '\0';
}

static void type_filter(struct watch *w, int key)
{
	char text[FILTER_MAX + 2];
	size_t n;

	snprintf(text, FILTER_MAX, "%s", top_model_filtered(w->top->model));
	n = strlen(text);
	if (key == '\n' || key == '\r' || key == KEY_ENTER)
		return end_prompt(w, true);
	if (key == ESCAPE)
		return end_prompt(w, false);
	if (key == KEY_BACKSPACE || key == ERASE || key == CONTROL_H) {
		rub_out(text);
	} else if (key == CONTROL_U) {
		text[0] = '\0';
	} else if (key >= ' ' && key <= 0xff && n + 1 < FILTER_MAX) {
		text[n] = (char)key;
		text[n + 1] = '\0';
	}
	top_model_filter(w->top->model, text);
}

/* Keys. */

static void on_key(struct watch *w, int key)
{
	enum top_action action;

	if (key == KEY_RESIZE)
		return;
	if (w->view.prompting)
		return type_filter(w, key);
	action = top_key_action(key);
	if (w->view.page)
		return turn_page(w, action);
	if (action == TOP_ACT_QUIT)
		w->done = true;
	else if (action == TOP_ACT_HELP)
		show_page(w, top_key_help());
	else if (action == TOP_ACT_DETAIL)
		show_detail(w);
	else if (action == TOP_ACT_FILTER)
		begin_prompt(w);
	else if (action == TOP_ACT_PAUSE)
		w->view.paused = !w->view.paused;
	else
		top_model_act(w->top->model, action);
}

static void on_tick(struct watch *w)
{
	uint64_t now = monotonic_usec();

	if (now < w->next)
		return;
	w->next += w->top->interval;
	/* Too late for the grid: it begins anew. */
	if (w->next < now)
		w->next = now + w->top->interval;
	if (w->view.paused)
		return;
	w->view.said = top_source_tick(w->top->source, w->top->model, &w->top->host) < 0
			       ? "out of memory: some containers are missing"
			       : NULL;
}

/* Until a key, a signal or the next tick. */
static void wait(struct watch *w, const sigset_t *unblocked)
{
	struct pollfd ready[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = top_source_descriptor(w->top->source), .events = POLLIN},
	};
	uint64_t now = monotonic_usec(), rest = w->next > now ? w->next - now : 0;
	struct timespec until = {(time_t)(rest / 1000000), (long)(rest % 1000000) * 1000};

	ppoll(ready, ARRAY_SIZE(ready), &until, unblocked);
	if (ready[1].revents)
		top_source_listen(w->top->source);
	/* Somebody closed the terminal. */
	if (ready[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		w->done = true;
}

static void loop(struct watch *w, const sigset_t *unblocked)
{
	int key;

	while (!w->done && !stopped) {
		on_tick(w);
		top_screen_draw(w->top->model, &w->top->host, &w->view);
		wait(w, unblocked);
		while (!w->done && (key = top_screen_key()) != ERR)
			on_key(w, key);
	}
}

int top_watch(struct top *top)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
	struct watch w = {
		.top = top,
		.view = {.group = top->group,
			 .layout = top_source_layout(top->source),
			 .interval = top->interval_text},
	};
	struct rbce_error err = {0};
	sigset_t blocked, unblocked;

	/* Before curses, which takes only those that nobody has taken; SIGWINCH is left to it. */
	sigemptyset(&blocked);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaddset(&blocked, signals[i]);
		if (signals[i] != SIGWINCH)
			sigaction(signals[i], &(struct sigaction){.sa_handler = on_signal}, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	if (top_screen_open(top->colour, &err) < 0) {
		log_error("%s", err.message);
		return EXIT_FAILURE;
	}
	w.next = monotonic_usec();
	loop(&w, &unblocked);
	top_screen_close();
	free(w.page);
	free(w.filtered);
	return EXIT_SUCCESS;
}
