// SPDX-License-Identifier: GPL-2.0-or-later
/* Any texts as what /proc tells of the machine, twice: the head of top has sane numbers. */
#include <math.h>
#include <stats/top/host.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *second = text ? strchr(text, '|') : NULL;
	struct top_host host = {.cpu = NAN};

	if (second)
		*second++ = '\0';
	for (const char *now = text; now; now = now == text ? second : NULL) {
		top_host_read_stat(&host, now);
		top_host_read_memory(&host, now);
		top_host_read_load(&host, now);
		for (int stall = 0; stall < TOP_STALLS; stall++)
			top_host_read_stall(&host, (enum top_stall)stall, now);
		if (host.cpu < 0 || host.cpu > 1)
			abort();
		if (!memchr(host.load, '\0', sizeof(host.load)))
			abort();
	}
	free(text);
	return 0;
}
