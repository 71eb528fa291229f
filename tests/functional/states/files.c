// SPDX-License-Identifier: GPL-2.0-or-later
/* States of open files; see states.h. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "states.h"

static int made(const char *name, const char *text)
{
	int fd = open(path_of(name), O_RDWR | O_CREAT | O_TRUNC, 0640);

	if (fd >= 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -1;
	return fd;
}

static const char *positions(void)
{
	int fd = made("file", "0123456789"), append = open(path_of("file"), O_WRONLY | O_APPEND);
	char c;

	CHECK(fd >= 0 && append >= 0 && lseek(fd, 3, SEEK_SET) == 3);
	CHECK(fcntl(append, F_SETFD, FD_CLOEXEC) == 0);
	checkpointed();
	CHECK(read(fd, &c, 1) == 1 && c == '3');
	CHECK(fcntl(append, F_GETFL) & O_APPEND && fcntl(append, F_GETFD) == FD_CLOEXEC);
	CHECK(write(append, "x", 1) == 1 && lseek(fd, 0, SEEK_END) == 11);
	return NULL;
}

/* One open file under two numbers, and in a child. */
static const char *same_file(void)
{
	int fd = made("file", "0123456789"), other = dup2(fd, 500), status;
	pid_t pid;
	char c;

	CHECK(fd >= 0 && other == 500 && lseek(fd, 1, SEEK_SET) == 1);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 100 && access(path_of("look"), F_OK) < 0; i++)
			usleep(50000);
		_exit(read(other, &c, 1) != 1 || c != '2');
	}
	checkpointed();
	CHECK(read(other, &c, 1) == 1 && c == '1');
	close(open(path_of("look"), O_CREAT | O_WRONLY, 0600));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(read(fd, &c, 1) == 1 && c == '3');
	return NULL;
}

static const char *deleted_file(void)
{
	int fd = made("file", "still here");
	char text[16] = "";
	struct stat st;

	CHECK(fd >= 0 && unlink(path_of("file")) == 0);
	checkpointed();
	CHECK(pread(fd, text, 10, 0) == 10 && strcmp(text, "still here") == 0);
	CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 0777) == 0640);
	CHECK(access(path_of("file"), F_OK) < 0);
	return NULL;
}

static const char *deleted_folder(void)
{
	CHECK(mkdir(path_of("folder"), 0700) == 0 && chdir(path_of("folder")) == 0);
	CHECK(rmdir(path_of("folder")) == 0);
	checkpointed();
	CHECK(open("new", O_CREAT | O_WRONLY, 0600) < 0);
	return NULL;
}

static const char *working_folder(void)
{
	char cwd[4096];

	CHECK(mkdir(path_of("folder"), 0700) == 0 && chdir(path_of("folder")) == 0);
	umask(031);
	checkpointed();
	CHECK(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, path_of("folder")) == 0);
	CHECK(umask(0) == 031);
	return NULL;
}

/* Who else would have the lock, does not get it. */
static const char *locks(void)
{
	int fd = made("file", "0123456789"), whole = made("whole", ""), status;
	struct flock part = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 3};
	pid_t pid;

	CHECK(fd >= 0 && whole >= 0 && fcntl(fd, F_SETLK, &part) == 0);
	CHECK(flock(whole, LOCK_EX) == 0);
	checkpointed();
	pid = fork();
	if (pid == 0) {
		struct flock other = part;
		int second = open(path_of("whole"), O_RDWR);

		if (fcntl(fd, F_GETLK, &other) < 0 || other.l_type != F_WRLCK || other.l_len != 3)
			_exit(1);
		_exit(flock(second, LOCK_EX | LOCK_NB) == 0 ? 2 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	return NULL;
}

static const char *devices(void)
{
	int null = open("/dev/null", O_WRONLY), zero = open("/dev/zero", O_RDONLY), random;
	char c = 1;

	random = open("/dev/urandom", O_RDONLY);
	CHECK(null >= 0 && zero >= 0 && random >= 0);
	checkpointed();
	CHECK(write(null, "x", 1) == 1 && read(zero, &c, 1) == 1 && c == 0);
	CHECK(read(random, &c, 1) == 1);
	return NULL;
}

static const char *own_proc(void)
{
	int fd = open("/proc/self/stat", O_RDONLY);
	char text[64] = "";

	CHECK(fd >= 0);
	checkpointed();
	CHECK(read(fd, text, sizeof(text) - 1) > 0 && strtol(text, NULL, 10) == getpid());
	return NULL;
}

static const char *event_counter(void)
{
	int fd = eventfd(7, EFD_NONBLOCK);
	eventfd_t value = 0;

	checkpointed();
	CHECK(eventfd_read(fd, &value) == 0 && value == 7 && eventfd_read(fd, &value) < 0);
	return NULL;
}

static const char *signal_file(void)
{
	struct signalfd_siginfo info = {0};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, 0);
	CHECK(fd >= 0 && raise(SIGUSR1) == 0);
	checkpointed();
	CHECK(read(fd, &info, sizeof(info)) == sizeof(info) && info.ssi_signo == SIGUSR1);
	return NULL;
}

static const char *event_poll(void)
{
	int epoll = epoll_create1(0), fd = eventfd(0, 0), quiet = eventfd(0, 0);
	struct epoll_event one = {.events = EPOLLIN, .data.u64 = 0x1122334455667788}, now = {0},
			   two = {.events = EPOLLIN | EPOLLET, .data.u64 = 2};

	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &one) == 0);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, quiet, &two) == 0);
	checkpointed();
	CHECK(epoll_wait(epoll, &now, 1, 0) == 0 && eventfd_write(fd, 1) == 0);
	CHECK(epoll_wait(epoll, &now, 1, 0) == 1 && now.data.u64 == 0x1122334455667788);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, quiet, &two) < 0);
	return NULL;
}

static const char *watches(void)
{
	int fd = inotify_init1(IN_NONBLOCK), watch;
	char text[4096] __attribute__((aligned(8)));
	const struct inotify_event *event = (const void *)text;

	CHECK(mkdir(path_of("folder"), 0700) == 0);
	watch = inotify_add_watch(fd, path_of("folder"), IN_CREATE);
	CHECK(fd >= 0 && watch >= 0);
	checkpointed();
	/* What happened on the way is none of its business. */
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(open(path_of("folder/new"), O_CREAT | O_WRONLY, 0600));
	CHECK(read(fd, text, sizeof(text)) > 0);
	CHECK(event->wd == watch && event->mask == IN_CREATE && strcmp(event->name, "new") == 0);
	return NULL;
}

/* ---- terminals ---- */

static const char *terminal_pair(void)
{
	struct winsize size = {.ws_row = 33, .ws_col = 99}, now;
	struct termios raw, have;
	char text[8] = "";
	int master, slave;

	CHECK(openpty(&master, &slave, NULL, NULL, &size) == 0 && tcgetattr(slave, &raw) == 0);
	cfmakeraw(&raw);
	CHECK(tcsetattr(slave, TCSANOW, &raw) == 0);
	checkpointed();
	CHECK(ioctl(slave, TIOCGWINSZ, &now) == 0 && now.ws_row == 33 && now.ws_col == 99);
	CHECK(tcgetattr(slave, &have) == 0 && have.c_lflag == raw.c_lflag);
	CHECK(write(master, "abc", 3) == 3 && read(slave, text, 3) == 3 && !strcmp(text, "abc"));
	return NULL;
}

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
}

/* A session with a terminal: what is typed there reaches its foreground group. */
static const char *terminal_session(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), status;
	pid_t pid;

	CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	pid = fork();
	if (pid == 0) {
		int slave;

		setsid();
		slave = open(ptsname(master), O_RDWR);
		signal(SIGINT, interrupt);
		signal(SIGHUP, SIG_IGN);
		for (int i = 0; i < 400 && !interrupted; i++)
			usleep(50000);
		_exit(!interrupted || slave < 0 || tcgetsid(slave) != getpid());
	}
	usleep(200000);
	checkpointed();
	CHECK(write(master, "\003", 1) == 1);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	return NULL;
}

const struct state states_files[] = {
	{"positions", positions},
	{"same-file", same_file},
	{"deleted-file", deleted_file},
	{"deleted-folder", deleted_folder},
	{"working-folder", working_folder},
	{"locks", locks},
	{"devices", devices},
	{"own-proc", own_proc},
	{"event-counter", event_counter},
	{"signal-file", signal_file},
	{"event-poll", event_poll},
	{"watches", watches},
	{"terminal-pair", terminal_pair},
	{"terminal-session", terminal_session},
	{NULL, NULL},
};
