// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image READY: a process that has some of everything that an image of it can show, and no end.
 * Makes the file READY when all is there. On SIGUSR1 it writes to one page of those that it has at
 * PATTERN.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATTERN ((char *)0x10000000)
enum { PAGE = 4096, PAGES = 32 };

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void on_signal(int signal)
{
	(void)signal;
	memset(PATTERN + 2 * PAGE, 0xee, PAGE);
}

/* Page I is full of I + 1; some were never touched. */
static void memory(void)
{
	char *at = mmap(PATTERN, PAGES * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	char *shared;

	must(at == PATTERN, "mmap");
	for (int i = 0; i < PAGES; i++)
		if (i < 4 || (i >= 8 && i < 12))
			memset(at + i * PAGE, i + 1, PAGE);
	shared = mmap(PATTERN + 0x1000000, 2 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap");
	memset(shared, 's', 2 * PAGE);
}

static void ipc(void)
{
	struct {
		long type;
		char text[6];
	} message = {7, "queued"};
	int shm = shmget(0x1234, 3 * PAGE, IPC_CREAT | 0640),
	    sem = semget(0x2345, 3, IPC_CREAT | 0600), queue = msgget(0x3456, IPC_CREAT | 0644);
	char *at = shmat(shm, NULL, 0);

	must(shm >= 0 && sem >= 0 && queue >= 0 && at != (void *)-1, "sysv");
	memset(at, 'm', PAGE);
	must(semctl(sem, 1, SETVAL, 5) == 0 && msgsnd(queue, &message, 6, 0) == 0, "sysv");
}

static void sockets(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons(17331)};
	int listener = socket(AF_INET, SOCK_STREAM, 0), pair[2], ends[2];

	must(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		     listen(listener, 5) == 0,
	     "listen");
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && write(pair[0], "in flight", 9) == 9,
	     "socketpair");
	must(pipe(ends) == 0 && write(ends[1], "piped\n", 6) == 6, "pipe");
}

static void files(const char *ready)
{
	struct itimerspec every = {.it_value.tv_sec = 3600, .it_interval.tv_sec = 60};
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 42};
	sigset_t set;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC), poll = epoll_create1(0),
	    number = eventfd(5, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0),
	    watch = inotify_init1(0);

	must(fd >= 0 && lseek(fd, 12, SEEK_SET) == 12, "open");
	must(epoll_ctl(poll, EPOLL_CTL_ADD, number, &event) == 0, "epoll_ctl");
	must(timerfd_settime(timer, 0, &every, NULL) == 0, "timerfd");
	must(inotify_add_watch(watch, "/etc", IN_CREATE) > 0, "inotify");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must(signalfd(-1, &set, 0) >= 0 && memfd_create("noted", 0) >= 0, "signalfd");
	fd = open(ready, O_RDWR | O_CREAT | O_EXCL, 0600);
	must(fd >= 0 && write(fd, "ghost", 5) == 5 && unlink(ready) == 0, "open");
}

static void signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	sigset_t blocked;
	union sigval value = {.sival_int = 77};

	sigaddset(&action.sa_mask, SIGHUP);
	sigaction(SIGUSR1, &action, NULL);
	signal(SIGHUP, SIG_IGN);
	must(sigaltstack(&stack, NULL) == 0, "sigaltstack");
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGRTMIN + 3);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigqueue(getpid(), SIGRTMIN + 3, value);
	pthread_kill(pthread_self(), SIGTERM);
}

static void timers(void)
{
	struct itimerval real = {{30, 0}, {5000, 250}};
	struct itimerspec later = {.it_value.tv_sec = 7200, .it_interval.tv_nsec = 500};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
				 .sigev_signo = SIGUSR2,
				 .sigev_value.sival_int = 9};
	timer_t timer;

	setitimer(ITIMER_REAL, &real, NULL);
	must(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
		     timer_settime(timer, 0, &later, NULL) == 0,
	     "timer");
}

__attribute__((noreturn)) static void *idle(void *unused)
{
	sigset_t blocked;

	(void)unused;
	pthread_setname_np(pthread_self(), "idler");
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
	for (;;)
		pause();
}

/* A child that lives, and one that has ended and is not waited for. */
static void children(void)
{
	siginfo_t info;
	pid_t ended = fork();

	if (ended == 0)
		_exit(3);
	must(waitid(P_PID, (id_t)ended, &info, WEXITED | WNOWAIT) == 0, "waitid");
	if (fork() == 0)
		for (;;)
			pause();
}

int main(int argc, char **argv)
{
	struct rlimit limit = {100, 200};
	pthread_t thread;

	if (argc != 2)
		return 2;
	setrlimit(RLIMIT_NOFILE, &limit);
	memory();
	ipc();
	sockets();
	files(argv[1]);
	children();
	signals();
	timers();
	must(pthread_create(&thread, NULL, idle, NULL) == 0, "pthread_create");
	must(open(argv[1], O_WRONLY | O_CREAT, 0600) >= 0, "open");
	for (;;)
		pause();
}
