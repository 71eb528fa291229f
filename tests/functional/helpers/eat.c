// SPDX-License-Identifier: GPL-2.0-or-later
/* eat MIB [MS]: takes so much memory, 1 MiB every 10 ms or MS, and holds it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEP = 1 << 20, PAUSE_MS = 10 };

int main(int argc, char **argv)
{
	unsigned long steps = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	unsigned long ms = argc > 2 ? strtoul(argv[2], NULL, 10) : PAUSE_MS;

	printf("%d\n", getpid());
	fflush(stdout);
	for (unsigned long i = 0; i < steps; i++) {
		char *memory = malloc(STEP);

		if (!memory)
			return 1;
		memset(memory, 0x5a, STEP);
		usleep((useconds_t)ms * 1000);
	}
	for (;;)
		pause();
}
