// SPDX-License-Identifier: GPL-2.0-or-later
/* States of processes and threads; see states.h. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "states.h"

static volatile sig_atomic_t caught;

static void catch (int signal)
{
	caught = signal;
}

/* ---- threads ---- */

enum { THREADS = 4 };
static __thread int own;
static volatile int counts[THREADS], owns[THREADS], stop;

static void *count(void *data)
{
	int i = (int)(long)data;
	char name[16];

	own = 100 + i;
	snprintf(name, sizeof(name), "counter-%d", i);
	prctl(PR_SET_NAME, name);
	while (!stop) {
		counts[i]++;
		usleep(1000);
	}
	prctl(PR_GET_NAME, name);
	owns[i] = name[8] == '0' + i ? own : 0;
	return NULL;
}

static const char *threads(void)
{
	pthread_t t[THREADS];
	int before[THREADS];

	for (long i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, count, (void *)i) == 0);
	checkpointed();
	for (int i = 0; i < THREADS; i++)
		before[i] = counts[i];
	for (int n = 0; n < 1000 && counts[0] == before[0]; n++)
		usleep(10000);
	stop = 1;
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(t[i], NULL) == 0);
		CHECK(owns[i] == 100 + i && before[i] > 0);
	}
	CHECK(counts[0] > before[0]);
	return NULL;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *take(void *data)
{
	pthread_mutex_lock(&mutex);
	*(int *)data = 1;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

/* A thread that waits for another one. */
static const char *futex(void)
{
	pthread_t t;
	int taken = 0;

	pthread_mutex_lock(&mutex);
	CHECK(pthread_create(&t, NULL, take, &taken) == 0);
	checkpointed();
	CHECK(!taken);
	pthread_mutex_unlock(&mutex);
	CHECK(pthread_join(t, NULL) == 0 && taken);
	return NULL;
}

static pthread_mutex_t robust_mutex;

static void *die_with(void *data)
{
	pthread_mutex_lock(&robust_mutex);
	while (!*(volatile int *)data)
		usleep(1000);
	return NULL;
}

/* The kernel still has the list by which it tells who waits that the owner is dead. */
static const char *robust_futex(void)
{
	pthread_mutexattr_t attr;
	pthread_t t;
	int die = 0;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust_mutex, &attr);
	CHECK(pthread_create(&t, NULL, die_with, &die) == 0);
	checkpointed();
	*(volatile int *)&die = 1;
	CHECK(pthread_mutex_lock(&robust_mutex) == EOWNERDEAD);
	CHECK(pthread_join(t, NULL) == 0);
	return NULL;
}

/* ---- signals ---- */

static const char *handlers(void)
{
	struct sigaction action = {.sa_handler = catch, .sa_flags = SA_RESTART}, now;
	sigset_t blocked, mask;

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR2);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
	checkpointed();
	CHECK(sigaction(SIGUSR1, NULL, &now) == 0);
	CHECK(now.sa_handler == catch && now.sa_flags & SA_RESTART);
	CHECK(sigismember(&now.sa_mask, SIGUSR2) == 1);
	CHECK(raise(SIGUSR1) == 0 && caught == SIGUSR1 && raise(SIGHUP) == 0);
	CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && sigismember(&mask, SIGTERM) == 1);
	return NULL;
}

/* One for the process, one for the thread, and a real-time one with its value. */
static const char *pending_signals(void)
{
	const struct timespec now = {0};
	sigset_t set, first;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	first = set;
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 1);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	CHECK(kill(getpid(), SIGUSR1) == 0 && raise(SIGUSR2) == 0);
	CHECK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 4711}) == 0);
	checkpointed();
	CHECK(sigtimedwait(&first, &info, &now) == SIGUSR1 && info.si_pid == getpid());
	CHECK(sigtimedwait(&set, &info, &now) == SIGUSR2);
	CHECK(sigtimedwait(&set, &info, &now) == SIGRTMIN + 1 && info.si_value.sival_int == 4711);
	return NULL;
}

static const char *signal_stack(void)
{
	static char stack[1 << 16];
	stack_t set = {.ss_sp = stack, .ss_size = sizeof(stack)}, now;

	CHECK(sigaltstack(&set, NULL) == 0);
	checkpointed();
	CHECK(sigaltstack(NULL, &now) == 0);
	CHECK(now.ss_sp == stack && now.ss_size == sizeof(stack) && !(now.ss_flags & SS_DISABLE));
	return NULL;
}

/* ---- time ---- */

static const char *interval_timer(void)
{
	struct itimerval set = {{3600, 0}, {3600, 0}}, now;

	CHECK(setitimer(ITIMER_REAL, &set, NULL) == 0);
	CHECK(setitimer(ITIMER_PROF, &set, NULL) == 0);
	checkpointed();
	CHECK(getitimer(ITIMER_REAL, &now) == 0);
	CHECK(now.it_interval.tv_sec == 3600 && now.it_value.tv_sec > 3000);
	CHECK(getitimer(ITIMER_PROF, &now) == 0 && now.it_interval.tv_sec == 3600);
	return NULL;
}

static const char *posix_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
	struct itimerspec soon = {{0, 50000000}, {0, 50000000}}, late = {{0, 0}, {3600, 0}}, now;
	timer_t quick, slow;

	signal(SIGUSR2, catch);
	CHECK(timer_create(CLOCK_MONOTONIC, &event, &quick) == 0);
	CHECK(timer_create(CLOCK_REALTIME, &event, &slow) == 0);
	CHECK(timer_settime(quick, 0, &soon, NULL) == 0 &&
	      timer_settime(slow, 0, &late, NULL) == 0);
	checkpointed();
	caught = 0;
	for (int i = 0; i < 1000 && !caught; i++)
		usleep(10000);
	CHECK(caught == SIGUSR2);
	CHECK(timer_gettime(slow, &now) == 0 && now.it_value.tv_sec > 3000);
	return NULL;
}

static const char *timer_file(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0), slow = timerfd_create(CLOCK_BOOTTIME, 0);
	struct itimerspec soon = {{0, 0}, {0, 50000000}}, late = {{0, 0}, {3600, 0}}, now;
	unsigned long long ticks = 0;

	CHECK(timerfd_settime(slow, 0, &late, NULL) == 0);
	checkpointed();
	CHECK(timerfd_gettime(slow, &now) == 0 && now.it_value.tv_sec > 3000);
	CHECK(timerfd_settime(fd, 0, &soon, NULL) == 0 && read(fd, &ticks, 8) == 8 && ticks == 1);
	return NULL;
}

/* The clock was nowhere while the image lay there: the test waits for more than this. */
static const char *clock_goes_on(void)
{
	struct timespec before, after, boot_before, boot_after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	clock_gettime(CLOCK_BOOTTIME, &boot_before);
	checkpointed();
	for (int i = 0; i < 2; i++) {
		clock_gettime(CLOCK_MONOTONIC, &after);
		clock_gettime(CLOCK_BOOTTIME, &boot_after);
	}
	CHECK(after.tv_sec >= before.tv_sec && boot_after.tv_sec >= boot_before.tv_sec);
	{
		/* How long it was away by the clock of the wall, which goes on without it. */
		struct timespec wall;
		struct stat st;
		double away, aged = (double)(after.tv_sec - before.tv_sec);

		CHECK(stat(path_of("made"), &st) == 0);
		clock_gettime(CLOCK_REALTIME, &wall);
		away = (double)(wall.tv_sec - st.st_mtim.tv_sec);
		CHECK(away < 5 || aged < away - 2);
	}
	return NULL;
}

/* A sleep that was cut returns, as for a signal. */
static void *sleep_on(void *data)
{
	struct timespec time = {1, 0};

	int r = clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);

	*(int *)data = r == 0 || r == EINTR ? 1 : -1;
	return NULL;
}

static const char *cut_sleep(void)
{
	pthread_t t;
	int slept = 0;

	CHECK(pthread_create(&t, NULL, sleep_on, &slept) == 0);
	checkpointed();
	CHECK(pthread_join(t, NULL) == 0 && slept == 1);
	return NULL;
}

/* ---- relations ---- */

static const char *sessions(void)
{
	pid_t session = getsid(0), first = fork(), second;

	if (first == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	second = fork();
	if (second == 0) {
		setpgid(0, first);
		for (;;)
			pause();
	}
	setpgid(first, first);
	setpgid(second, first);
	checkpointed();
	CHECK(getpid() == session && getsid(0) == session && getpgid(0) == session);
	CHECK(getpgid(first) == first && getpgid(second) == first && getsid(second) == session);
	CHECK(kill(-first, SIGKILL) == 0 && wait(NULL) > 0 && wait(NULL) > 0);
	return NULL;
}

static const char *zombie(void)
{
	siginfo_t info;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(42);
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	checkpointed();
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 42);
	return NULL;
}

static char state_of(pid_t pid)
{
	char path[64], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	if (f)
		fclose(f);
	return state;
}

static const char *stopped(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		for (;;)
			pause();
	CHECK(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid);
	checkpointed();
	CHECK(state_of(pid) == 'T');
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	return NULL;
}

static const char *names(void)
{
	char name[16];
	int value;

	CHECK(prctl(PR_SET_NAME, "a (odd) name") == 0 && prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	checkpointed();
	CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a (odd) name") == 0);
	CHECK(prctl(PR_GET_PDEATHSIG, &value) == 0 && value == SIGUSR1);
	CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 1);
	return NULL;
}

/* ---- rights and limits ---- */

static const char *credentials(void)
{
	gid_t groups[] = {1001, 1002, 1003}, now[8];
	uid_t r, e, s;

	CHECK(setgroups(3, groups) == 0 && setresgid(1004, 1005, 1006) == 0);
	CHECK(setresuid(0, 0, 1007) == 0);
	checkpointed();
	CHECK(getgroups(8, now) == 3 && memcmp(now, groups, sizeof(groups)) == 0);
	CHECK(getresgid(&r, &e, &s) == 0 && r == 1004 && e == 1005 && s == 1006);
	CHECK(getresuid(&r, &e, &s) == 0 && r == 0 && e == 0 && s == 1007);
	return NULL;
}

static const char *capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct set[2], now[2];

	CHECK(prctl(PR_CAPBSET_DROP, CAP_SYS_TIME) == 0);
	CHECK(syscall(SYS_capget, &header, set) == 0);
	set[0].effective &= ~(1U << CAP_NET_RAW);
	set[0].permitted &= ~(1U << CAP_SYS_TIME);
	set[0].effective &= ~(1U << CAP_SYS_TIME);
	set[0].inheritable = 1U << CAP_KILL;
	CHECK(syscall(SYS_capset, &header, set) == 0);
	checkpointed();
	CHECK(syscall(SYS_capget, &header, now) == 0 && memcmp(set, now, sizeof(set)) == 0);
	CHECK(prctl(PR_CAPBSET_READ, CAP_SYS_TIME) == 0 && prctl(PR_CAPBSET_READ, CAP_KILL) == 1);
	return NULL;
}

static const char *limits(void)
{
	struct rlimit files = {100, 200}, core = {4096, RLIM_INFINITY}, now;

	CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0 && setrlimit(RLIMIT_CORE, &core) == 0);
	checkpointed();
	CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == 100 && now.rlim_max == 200);
	CHECK(getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 4096);
	return NULL;
}

static const char *priorities(void)
{
	struct sched_param param = {0};

	CHECK(setpriority(PRIO_PROCESS, 0, 7) == 0);
	CHECK(sched_setscheduler(0, SCHED_BATCH, &param) == 0);
	checkpointed();
	CHECK(getpriority(PRIO_PROCESS, 0) == 7 && sched_getscheduler(0) == SCHED_BATCH);
	return NULL;
}

static const char *seccomp(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {4, code};

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	checkpointed();
	CHECK(syscall(SYS_getppid) < 0 && errno == 77);
	CHECK(prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER);
	return NULL;
}

/* Registers of the floating point unit, held over the checkpoint by a loop that uses no others. */
static volatile int computing = 1, computed;

static void *compute(void *data)
{
	register double x asm("xmm7") = 0.1;

	while (computing)
		asm volatile("pause" : "+x"(x));
	computed = x == 0.1;
	return data;
}

static const char *registers(void)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, compute, NULL) == 0);
	checkpointed();
	computing = 0;
	CHECK(pthread_join(t, NULL) == 0 && computed);
	return NULL;
}

const struct state states_process[] = {
	{"threads", threads},
	{"futex", futex},
	{"robust-futex", robust_futex},
	{"handlers", handlers},
	{"pending-signals", pending_signals},
	{"signal-stack", signal_stack},
	{"interval-timer", interval_timer},
	{"posix-timer", posix_timer},
	{"timer-file", timer_file},
	{"clock", clock_goes_on},
	{"cut-sleep", cut_sleep},
	{"sessions", sessions},
	{"zombie", zombie},
	{"stopped", stopped},
	{"names", names},
	{"credentials", credentials},
	{"capabilities", capabilities},
	{"limits", limits},
	{"priorities", priorities},
	{"seccomp", seccomp},
	{"registers", registers},
	{NULL, NULL},
};
