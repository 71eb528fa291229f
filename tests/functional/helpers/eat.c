// SPDX-License-Identifier: GPL-2.0-or-later
/* eat MIB: takes so much memory, 1 MiB every 10 ms, and holds it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEP = 1 << 20, PAUSE_USEC = 10000 };

int main(int argc, char **argv)
{
	unsigned long steps = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;

	printf("%d\n", getpid());
	fflush(stdout);
	for (unsigned long i = 0; i < steps; i++) {
		char *memory = malloc(STEP);

		if (!memory)
			return 1;
		memset(memory, 0x5a, STEP);
		usleep(PAUSE_USEC);
	}
	for (;;)
		pause();
}
