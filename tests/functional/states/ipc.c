// SPDX-License-Identifier: GPL-2.0-or-later
/* States of what processes talk through; see states.h. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "states.h"

static int has(int fd, const char *text)
{
	char buf[64] = "";
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static const char *pipe_data(void)
{
	int p[2];

	CHECK(pipe2(p, O_NONBLOCK) == 0 && fcntl(p[0], F_SETPIPE_SZ, 1 << 20) == 1 << 20);
	CHECK(write(p[1], "in the pipe", 11) == 11);
	checkpointed();
	CHECK(has(p[0], "in the pipe") && fcntl(p[0], F_GETPIPE_SZ) == 1 << 20);
	CHECK(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	close(p[1]);
	CHECK(has(p[0], ""));
	return NULL;
}

/* A child at the other end. */
static const char *pipe_between(void)
{
	int there[2], back[2], status;
	pid_t pid;

	CHECK(pipe(there) == 0 && pipe(back) == 0);
	pid = fork();
	if (pid == 0) {
		char c;

		close(there[1]);
		while (read(there[0], &c, 1) == 1)
			if (write(back[1], &c, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(there[0]);
	checkpointed();
	CHECK(write(there[1], "x", 1) == 1 && has(back[0], "x"));
	close(there[1]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	return NULL;
}

static const char *named_pipe(void)
{
	int fd, other;

	CHECK(mkfifo(path_of("fifo"), 0600) == 0);
	fd = open(path_of("fifo"), O_RDONLY | O_NONBLOCK);
	other = open(path_of("fifo"), O_WRONLY);
	CHECK(fd >= 0 && other >= 0 && write(other, "in the fifo", 11) == 11);
	checkpointed();
	CHECK(has(fd, "in the fifo") && write(other, "more", 4) == 4 && has(fd, "more"));
	return NULL;
}

static const char *unix_stream(void)
{
	int s[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && write(s[0], "queued", 6) == 6);
	checkpointed();
	CHECK(has(s[1], "queued") && write(s[1], "back", 4) == 4 && has(s[0], "back"));
	close(s[0]);
	CHECK(has(s[1], ""));
	return NULL;
}

static const char *unix_packets(void)
{
	int s[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
	CHECK(write(s[0], "one", 3) == 3 && write(s[0], "two", 3) == 3);
	checkpointed();
	CHECK(has(s[1], "one") && has(s[1], "two"));
	return NULL;
}

/* One that listens by a name, and one that has connected to it. */
static const char *unix_named(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	int late = socket(AF_UNIX, SOCK_STREAM, 0), server;

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path_of("socket"));
	CHECK(bind(listener, (void *)&name, sizeof(name)) == 0 && listen(listener, 5) == 0);
	CHECK(connect(client, (void *)&name, sizeof(name)) == 0);
	server = accept(listener, NULL, NULL);
	checkpointed();
	CHECK(write(client, "hello", 5) == 5 && has(server, "hello"));
	CHECK(connect(late, (void *)&name, sizeof(name)) == 0);
	server = accept(listener, NULL, NULL);
	CHECK(server >= 0 && write(late, "late", 4) == 4 && has(server, "late"));
	return NULL;
}

static const char *unix_datagrams(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), client = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "state-%d", getpid());
	CHECK(bind(fd, (void *)&name, sizeof(name)) == 0);
	CHECK(connect(client, (void *)&name, sizeof(name)) == 0 && write(client, "queued", 6) == 6);
	checkpointed();
	CHECK(has(fd, "queued") && write(client, "more", 4) == 4 && has(fd, "more"));
	return NULL;
}

/* A socket of TYPE on a free port of the loopback device. */
static int bound(int type, struct sockaddr_in *ret)
{
	socklen_t size = sizeof(*ret);
	int fd = socket(AF_INET, type, 0);

	*ret = (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(fd, (void *)ret, size) < 0 || getsockname(fd, (void *)ret, &size) < 0)
		return -1;
	return fd;
}

static const char *tcp_listener(void)
{
	struct sockaddr_in name;
	int fd = bound(SOCK_STREAM, &name), client = socket(AF_INET, SOCK_STREAM, 0), server;

	CHECK(fd >= 0 && listen(fd, 5) == 0);
	checkpointed();
	CHECK(connect(client, (void *)&name, sizeof(name)) == 0);
	server = accept(fd, NULL, NULL);
	CHECK(server >= 0 && write(client, "hello", 5) == 5 && has(server, "hello"));
	return NULL;
}

/* Both ends, with what was sent and not read, and an option. */
static const char *tcp_connection(void)
{
	struct sockaddr_in name;
	int fd = bound(SOCK_STREAM, &name), client = socket(AF_INET, SOCK_STREAM, 0), server,
	    on = 1;
	socklen_t size = sizeof(on);

	CHECK(fd >= 0 && listen(fd, 5) == 0);
	CHECK(connect(client, (void *)&name, sizeof(name)) == 0);
	server = accept(fd, NULL, NULL);
	CHECK(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, size) == 0);
	CHECK(write(client, "queued", 6) == 6);
	checkpointed();
	on = 0;
	CHECK(has(server, "queued"));
	CHECK(write(client, "there", 5) == 5 && has(server, "there"));
	CHECK(write(server, "back", 4) == 4 && has(client, "back"));
	CHECK(getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0 && on);
	close(client);
	CHECK(has(server, ""));
	return NULL;
}

static const char *udp_socket(void)
{
	struct sockaddr_in name;
	int fd = bound(SOCK_DGRAM, &name), client = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK(fd >= 0 && connect(client, (void *)&name, sizeof(name)) == 0);
	checkpointed();
	CHECK(write(client, "hello", 5) == 5 && has(fd, "hello"));
	return NULL;
}

/* ---- of processes with a namespace of their own for these ---- */

static const char *sysv_memory(void)
{
	int id = shmget(IPC_PRIVATE, 8192, 0600 | IPC_CREAT);
	char *m = shmat(id, NULL, 0);
	struct shmid_ds ds;

	CHECK(id >= 0 && m != (void *)-1);
	memcpy(m, "shared", 7);
	checkpointed();
	CHECK(strcmp(m, "shared") == 0 && shmctl(id, IPC_STAT, &ds) == 0);
	CHECK(ds.shm_nattch == 1 && ds.shm_segsz == 8192 && (ds.shm_perm.mode & 0777) == 0600);
	return NULL;
}

static const char *sysv_semaphores(void)
{
	int id = semget(IPC_PRIVATE, 3, 0600 | IPC_CREAT);

	CHECK(id >= 0);
	for (int i = 0; i < 3; i++)
		CHECK(semctl(id, i, SETVAL, 10 + i) == 0);
	checkpointed();
	for (int i = 0; i < 3; i++)
		CHECK(semctl(id, i, GETVAL) == 10 + i);
	return NULL;
}

static const char *sysv_messages(void)
{
	struct message {
		long type;
		char text[8];
	} one = {1, "one"}, two = {2, "two"}, got;
	int id = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);

	CHECK(id >= 0 && msgsnd(id, &one, 8, 0) == 0 && msgsnd(id, &two, 8, 0) == 0);
	checkpointed();
	CHECK(msgrcv(id, &got, 8, 2, IPC_NOWAIT) == 8 && strcmp(got.text, "two") == 0);
	CHECK(msgrcv(id, &got, 8, 0, IPC_NOWAIT) == 8 && strcmp(got.text, "one") == 0);
	return NULL;
}

static const char *posix_semaphore(void)
{
	char name[64];
	int value = 0;
	sem_t *sem;

	snprintf(name, sizeof(name), "/state-%d", getpid());
	sem = sem_open(name, O_CREAT | O_EXCL, 0600, 5);
	CHECK(sem != SEM_FAILED && sem_wait(sem) == 0);
	checkpointed();
	CHECK(sem_getvalue(sem, &value) == 0 && value == 4 && sem_post(sem) == 0);
	sem_unlink(name);
	return NULL;
}

static const char *posix_memory(void)
{
	char name[64], *m;
	int fd;

	snprintf(name, sizeof(name), "/memory-%d", getpid());
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
	m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED);
	memcpy(m, "shared", 7);
	shm_unlink(name);
	checkpointed();
	CHECK(strcmp(m, "shared") == 0);
	m[0] = 'S';
	CHECK(pread(fd, name, 6, 0) == 6 && memcmp(name, "Shared", 6) == 0);
	return NULL;
}

const struct state states_ipc[] = {
	{"pipe-data", pipe_data},           {"pipe-between", pipe_between},
	{"named-pipe", named_pipe},         {"unix-stream", unix_stream},
	{"unix-packets", unix_packets},     {"unix-named", unix_named},
	{"unix-datagrams", unix_datagrams}, {"tcp-listener", tcp_listener},
	{"tcp-connection", tcp_connection}, {"udp-socket", udp_socket},
	{"sysv-memory", sysv_memory},       {"sysv-semaphores", sysv_semaphores},
	{"sysv-messages", sysv_messages},   {"posix-semaphore", posix_semaphore},
	{"posix-memory", posix_memory},     {NULL, NULL},
};
