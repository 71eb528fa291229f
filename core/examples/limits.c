// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How a program asks what it is allowed: how many workers, how much cache. It asks once, and again
 * when somebody changes a limit.
 *
 *	cc limits.c -lrbce && ./a.out [--wait]
 */
#include <inttypes.h>
#include <poll.h>
#include <rbce/limits.h>
#include <stdio.h>
#include <string.h>

static void plan(const struct rbce_limit *cpu, const struct rbce_limit *memory)
{
	/* Thousandths of a percent of one CPU. */
	uint64_t workers = cpu->has & RBCE_HAS_LIMIT ? cpu->limit / 100000 : 1;

	printf("workers %" PRIu64 "\n", workers ? workers : 1);
	if (memory->has & RBCE_HAS_HEADROOM)
		printf("cache %" PRIu64 "\n", memory->headroom / 4);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct rbce_limit items[] = {{.resource = RBCE_LIMIT_CPU}, {.resource = RBCE_LIMIT_MEMORY}};
	struct rbce_limits *limits;
	struct rbce_error err;
	struct pollfd changed = {.events = POLLIN};

	if (rbce_limits_open(NULL, 0, 0, &limits, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	changed.fd = rbce_limits_watch(limits);
	do {
		if (rbce_limits_read(limits, items, 2) < 0)
			break;
		plan(&items[0], &items[1]);
		if (argc < 2 || strcmp(argv[1], "--wait") != 0)
			break;
		rbce_limits_changed(limits);
	} while (poll(&changed, 1, -1) == 1);
	rbce_limits_close(limits);
	return 0;
}
