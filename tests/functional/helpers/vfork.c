// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfork: waits for a child that neither executes anything nor ends, which only SIGKILL interrupts.
 */
#include <unistd.h>

int main(void)
{
	if (vfork() == 0)
		for (;;)
			pause();
	return 0;
}
