// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as what the scheduler tells: of each CPU, of the CPUs' times, in its debug file. */
#include <stats/shares/read.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct share_cpu cpus[8] = {{0}};
	struct cpu_times times[8] = {{0}};
	bool waits;

	if (text && (share_read_percpu(text, cpus, 8) > 8 || share_read_stat(text, times, 8) > 8 ||
		     share_read_debug(text, "/rbce/a", cpus, 8, &waits) > 8))
		abort();
	free(text);
	return 0;
}
