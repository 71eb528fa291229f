// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bomb LIMIT: forks, and its children fork, until no fork succeeds any more or LIMIT processes
 * exist; prints how many there are, and ends them all. LIMIT protects the machine.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	atomic_int alive;   /* counted by the parent, as soon as the fork is done */
	atomic_int settled; /* those that fork no more */
	atomic_int refused; /* why: EAGAIN, the kernel; ENOSPC, LIMIT */
} * shared;

/* Forks as long as the limit and the kernel allow. */
static void explode(int limit)
{
	while (!atomic_load(&shared->refused)) {
		pid_t pid;

		if (atomic_load(&shared->alive) >= limit) {
			atomic_store(&shared->refused, ENOSPC);
			break;
		}
		pid = fork();
		if (pid < 0)
			atomic_store(&shared->refused, EAGAIN);
		else if (pid == 0)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		else
			atomic_fetch_add(&shared->alive, 1);
	}
	atomic_fetch_add(&shared->settled, 1);
}

int main(int argc, char **argv)
{
	int limit = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 100;
	pid_t self = getpid();

	setpgid(0, 0);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	atomic_store(&shared->alive, 1);
	explode(limit);
	if (getpid() != self) {
		pause();
		_exit(0);
	}
	/* A process is counted before its parent settles, so when all have, the count is right. */
	while (atomic_load(&shared->settled) != atomic_load(&shared->alive))
		sched_yield();
	printf("%d %s\n", atomic_load(&shared->alive),
	       atomic_load(&shared->refused) == EAGAIN ? "refused" : "unlimited");
	fflush(stdout);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}
