// SPDX-License-Identifier: GPL-2.0-or-later
/* A bar on the terminal; see progress.h. */
#include "progress.h"

#include <sys/ioctl.h>
#include <time.h>

#include "util.h"

enum { DELAY_MS = 500, STEP_MS = 100, CALLS_PER_LOOK = 256, WIDTH_MAX = 200 };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_begin(struct progress *p, const char *what)
{
	*p = (struct progress){.what = what, .terminal = isatty(STDERR_FILENO)};
	p->next = now_ms() + DELAY_MS;
}

char *progress_format(const char *what, double part, int width, char *buf, size_t size)
{
	int room = width - (int)strlen(what) - 10, full;
	char bar[WIDTH_MAX + 1];

	part = part < 0 ? 0 : part > 1 ? 1 : part;
	room = room < 0 ? 0 : room > WIDTH_MAX ? WIDTH_MAX : room;
	full = (int)(part * room);
	memset(bar, ' ', sizeof(bar));
	memset(bar, '#', (size_t)full);
	snprintf(buf, size, "%s [%.*s] %3.0f%%", what, room, bar, part * 100);
	return buf;
}

static int terminal_width(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void progress_set(struct progress *p, double part)
{
	if (p && p->terminal && p->calls++ % CALLS_PER_LOOK == 0)
		progress_now(p, part);
}

void progress_now(struct progress *p, double part)
{
	char line[WIDTH_MAX + 64];
	int64_t now;

	if (!p || !p->terminal)
		return;
	now = now_ms();
	if (now < p->next)
		return;
	p->next = now + STEP_MS;
	p->drawn = true;
	fprintf(stderr, "\r%s",
		progress_format(p->what, part, terminal_width(), line, sizeof(line)));
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}
