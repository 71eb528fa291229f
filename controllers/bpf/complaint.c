// SPDX-License-Identifier: GPL-2.0-or-later
/* What libbpf complains of; see complaint.h. */
#include "complaint.h"

#include <stdio.h>

#include "util.h"

static _Thread_local char complaint[192];
static _Thread_local void (*hears)(const char *line);

__attribute__((format(printf, 2, 0))) static int on_libbpf(enum libbpf_print_level level,
							   const char *format, va_list ap)
{
	char text[sizeof(complaint)];

	vsnprintf(text, sizeof(text), format, ap);
	text[strcspn(text, "\n")] = '\0';
	if (level == LIBBPF_WARN && !*complaint)
		snprintf(complaint, sizeof(complaint), "%s",
			 after_prefix(text, "libbpf: ") ?: text);
	if (level <= LIBBPF_INFO && hears)
		hears(text);
	return 0;
}

libbpf_print_fn_t complaint_listen(void (*also)(const char *line))
{
	*complaint = '\0';
	if (also)
		hears = also;
	return libbpf_set_print(on_libbpf);
}

char *complaint_first(void)
{
	return complaint;
}
