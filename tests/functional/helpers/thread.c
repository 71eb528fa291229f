// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * thread [fifo]: a process of two threads, of which the second is scheduled by SCHED_FIFO if so
 * wished. Prints its pid when that is so.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *sleep_on(void *data)
{
	const struct sched_param param = {.sched_priority = 10};

	if (data && sched_setscheduler(0, SCHED_FIFO, &param) < 0) {
		perror("thread");
		_exit(1);
	}
	printf("%d\n", getpid());
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, sleep_on,
			   argc > 1 && strcmp(argv[1], "fifo") == 0 ? argv[1] : NULL) != 0)
		return 1;
	for (;;)
		pause();
}
