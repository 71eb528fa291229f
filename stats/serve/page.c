// SPDX-License-Identifier: GPL-2.0-or-later
/* The files of the page; see page.h. */
#include "page.h"

#include "util.h"

const struct page_file *page_find(const char *path)
{
	for (size_t i = 0; i < page_count; i++)
		if (streq(page_files[i].path, path))
			return &page_files[i];
	return NULL;
}
