/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal of top (ncurses): draws the model, and no more. */
#ifndef STATS_TOP_SCREEN_H
#define STATS_TOP_SCREEN_H

#include <rbce/error.h>

#include "host.h"
#include "model.h"

struct top_view {
	const char *group; /* the root group */
	const char *layout;
	const char *interval; /* as text */
	bool paused;
	bool prompting;   /* the filter is being typed */
	const char *said; /* in the last line, instead of the keys; NULL */
	const char *page; /* this text instead of the rows; NULL */
	size_t page_offset;
};

/* -ENOTTY where the terminal cannot do it. */
int top_screen_open(bool colour, struct rbce_error *err);
void top_screen_close(void);

/* Draws all; tells MODEL how many lines there are room for, and keeps the page's offset in bounds.
 */
void top_screen_draw(struct top_model *m, const struct top_host *host, struct top_view *view);

/* The next key that is waiting, KEY_RESIZE when the terminal has another size; ERR for none. */
int top_screen_key(void);

#endif
