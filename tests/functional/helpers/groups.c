// SPDX-License-Identifier: GPL-2.0-or-later
/* groups: takes all fanotify groups that there are, prints how many, and keeps them. */
#include <errno.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <unistd.h>

int main(void)
{
	int n = 0;

	while (fanotify_init(FAN_CLASS_NOTIF, 0) >= 0)
		n++;
	if (errno != EMFILE) {
		perror("groups");
		return 1;
	}
	printf("%d\n", n);
	fflush(stdout);
	pause();
	return 0;
}
