/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of the page, packed, as they were built in (stats/web/embed). */
#ifndef STATS_SERVE_PAGE_H
#define STATS_SERVE_PAGE_H

#include <stddef.h>

struct page_file {
	const char *path, *type, *etag;
	const char *begin, *end;
};

extern const struct page_file page_files[];
extern const size_t page_count; /* 0: it was not built in */

/* NULL where there is none. */
const struct page_file *page_find(const char *path);

#endif
