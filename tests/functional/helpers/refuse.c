// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * refuse SYSCALL ERRNO COMMAND...: runs a command whose calls of one system call (by number) the
 * kernel refuses with that error (by number), as a security module may: seccomp(2).
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned call = argc > 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	unsigned error = argc > 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};

	if (argc < 4)
		return 2;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		execvp(argv[3], argv + 3);
	perror("refuse");
	return 127;
}
