// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroupstats DIRECTORY|bad [recursive]: asks the kernel for the states of a cgroup's tasks
 * (Documentation/accounting/cgroupstats.rst) and prints "running N sleeping N stopped N blocked N
 * uninterruptible N", or the name of the error.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/cgroupstats.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Newer than the headers of Debian 12. */
enum { ATTR_FLAGS = CGROUPSTATS_CMD_ATTR_FD + 1, RECURSIVE = 1 };

struct message {
	struct nlmsghdr header;
	struct genlmsghdr command;
	char attributes[1024];
};

static void add(struct message *m, unsigned short type, const void *data, size_t size)
{
	struct nlattr attribute = {.nla_len = (unsigned short)(NLA_HDRLEN + size),
				   .nla_type = type};
	char *end = (char *)m + NLMSG_ALIGN(m->header.nlmsg_len);

	memcpy(end, &attribute, sizeof(attribute));
	memcpy(end + NLA_HDRLEN, data, size);
	m->header.nlmsg_len = NLMSG_ALIGN(m->header.nlmsg_len) + NLA_ALIGN(attribute.nla_len);
}

static const void *find(const struct message *m, unsigned short type)
{
	const char *at = m->attributes, *end = (const char *)m + m->header.nlmsg_len;

	while (at + NLA_HDRLEN <= end) {
		struct nlattr attribute;

		memcpy(&attribute, at, sizeof(attribute));
		if ((attribute.nla_type & NLA_TYPE_MASK) == type)
			return at + NLA_HDRLEN;
		if (attribute.nla_len < NLA_HDRLEN)
			break;
		at += NLA_ALIGN(attribute.nla_len);
	}
	return NULL;
}

/* 0 or an errno of the kernel's. */
static int ask(int fd, struct message *m)
{
	const struct nlmsgerr *error = (const void *)&m->command;

	if (send(fd, m, m->header.nlmsg_len, 0) < 0 || recv(fd, m, sizeof(*m), 0) < 0)
		return errno;
	return m->header.nlmsg_type == NLMSG_ERROR ? -error->error : 0;
}

static struct message begin(unsigned short family, unsigned char command)
{
	struct message m = {
		.header = {.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
			   .nlmsg_type = family,
			   .nlmsg_flags = NLM_F_REQUEST},
		.command = {.cmd = command, .version = 1},
	};

	return m;
}

int main(int argc, char **argv)
{
	const unsigned flags = RECURSIVE;
	struct message m = begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), group, error;
	struct cgroupstats stats;
	unsigned short family;

	if (argc < 2 || fd < 0)
		return 2;
	group = strcmp(argv[1], "bad") == 0 ? 999 : open(argv[1], O_RDONLY | O_DIRECTORY);
	add(&m, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME, sizeof(TASKSTATS_GENL_NAME));
	if (group < 0 || ask(fd, &m) != 0 || !find(&m, CTRL_ATTR_FAMILY_ID))
		return 2;
	memcpy(&family, find(&m, CTRL_ATTR_FAMILY_ID), sizeof(family));
	m = begin(family, CGROUPSTATS_CMD_GET);
	add(&m, CGROUPSTATS_CMD_ATTR_FD, &group, sizeof(group));
	if (argc > 2)
		add(&m, ATTR_FLAGS, &flags, sizeof(flags));
	error = ask(fd, &m);
	if (error != 0) {
		puts(strerrorname_np(error));
		return 1;
	}
	memcpy(&stats, find(&m, CGROUPSTATS_TYPE_CGROUP_STATS), sizeof(stats));
	printf("running %llu sleeping %llu stopped %llu blocked %llu uninterruptible %llu\n",
	       stats.nr_running, stats.nr_sleeping, stats.nr_stopped, stats.nr_io_wait,
	       stats.nr_uninterruptible);
	return 0;
}
