// SPDX-License-Identifier: GPL-2.0-or-later
/* The head of top; see host.h. */
#include "host.h"

#include <inttypes.h>
#include <math.h>

#include "util.h"

/* A line "cpu  user nice system idle iowait irq softirq steal ...", then one for each CPU. */
void top_host_read_stat(struct top_host *host, const char *text)
{
	uint64_t n[8] = {0}, busy, idle, past_busy = host->busy, past_idle = host->idle;
	bool first = host->cpus == 0;
	double busy_for, idle_for;
	unsigned cpus = 0;

	if (sscanf(text,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]) < 4)
		return;
	for (const char *line = text; (line = strstr(line, "\ncpu")); line += 4)
		cpus++;
	idle = n[3] + n[4];
	busy = n[0] + n[1] + n[2] + n[5] + n[6] + n[7];
	host->cpu = NAN;
	/* The kernel takes back some of the time that it counted as waiting for IO, now and then.
	 */
	idle_for = idle > past_idle ? (double)(idle - past_idle) : 0;
	busy_for = busy > past_busy ? (double)(busy - past_busy) : 0;
	if (!first && busy >= past_busy && busy_for + idle_for > 0)
		host->cpu = busy_for / (busy_for + idle_for);
	host->busy = busy;
	host->idle = idle;
	host->cpus = cpus ?: 1;
}

/* "KEY:   123 kB", in bytes; 0 where there is none. */
static uint64_t kilobytes(const char *text, const char *key)
{
	const char *line = strstr(text, key);
	uint64_t value;

	return line && sscanf(line + strlen(key), ": %" SCNu64 " kB", &value) == 1 ? value * 1024
										   : 0;
}

void top_host_read_memory(struct top_host *host, const char *text)
{
	host->memory = kilobytes(text, "MemTotal");
	host->memory_available = kilobytes(text, "MemAvailable");
	host->swap = kilobytes(text, "SwapTotal");
	host->swap_free = kilobytes(text, "SwapFree");
}

void top_host_read_load(struct top_host *host, const char *text)
{
	double load[3];

	host->load[0] = '\0';
	if (sscanf(text, "%lf %lf %lf", &load[0], &load[1], &load[2]) == 3)
		snprintf(host->load, sizeof(host->load), "%.2f %.2f %.2f", load[0], load[1],
			 load[2]);
}

void top_host_read_stall(struct top_host *host, enum top_stall stall, const char *text)
{
	if (sscanf(text, "some avg10=%lf", &host->stall[stall]) != 1)
		host->stall[stall] = NAN;
}
