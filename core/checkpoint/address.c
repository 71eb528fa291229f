// SPDX-License-Identifier: LGPL-2.1-or-later
/* Addresses that a container's sockets stand at: they have to be there where it is restored. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "file.h"
#include "record.h"
#include "util.h"

/* Sockets of the container, by inode, in order. */
struct sockets {
	unsigned long *list;
	size_t n, room;
};

static int compare(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return (x > y) - (x < y);
}

static int add(struct sockets *s, unsigned long inode)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		unsigned long *more = reallocarray(s->list, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->list = more;
		s->room = room;
	}
	s->list[s->n++] = inode;
	return 0;
}

static int add_sockets(struct sockets *s, const struct rbce_root *root, pid_t pid)
{
	struct dirent *entry;
	cleanup_dir DIR *dir = NULL;
	char path[64], target[64];
	int r = 0;

	snprintf(path, sizeof(path), "proc/%d/fd", pid);
	dir = take_directory(openat(rbce_root_fd(root), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	while (r == 0 && dir && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		unsigned long inode;

		target[n > 0 ? n : 0] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) == 1)
			r = add(s, inode);
	}
	return r;
}

/* "0100007F:1F90", in words of the machine's own order. Those that every machine has are none. */
static bool get_address(const char *text, char *buf, size_t size)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT, loopback = IN6ADDR_LOOPBACK_INIT;
	struct in6_addr address;
	size_t words = strcspn(text, ":") / 8;

	if (words != 1 && words != 4)
		return false;
	for (size_t i = 0; i < words; i++) {
		char word[9] = {0};
		uint32_t value;

		memcpy(word, text + i * 8, 8);
		value = (uint32_t)strtoul(word, NULL, 16);
		memcpy((char *)&address + i * 4, &value, 4);
	}
	if (words == 4)
		return memcmp(&address, &any, sizeof(any)) != 0 &&
		       memcmp(&address, &loopback, sizeof(loopback)) != 0 &&
		       inet_ntop(AF_INET6, &address, buf, (socklen_t)size);
	return address.s6_addr[0] != 0 && address.s6_addr[0] != 127 &&
	       inet_ntop(AF_INET, &address, buf, (socklen_t)size);
}

static bool has(const struct rbce_manifest *m, const char *address)
{
	const char *value;
	size_t i = 0;

	while ((value = rbce_manifest_next(m, "address", &i)))
		if (streq(value, address))
			return true;
	return false;
}

static int add_addresses(struct rbce_manifest *m, const struct sockets *sockets, char *table)
{
	char *save;
	int r = 0;

	for (char *line = strtok_r(table, "\n", &save); r == 0 && line;
	     line = strtok_r(NULL, "\n", &save)) {
		char local[48], address[INET6_ADDRSTRLEN];
		unsigned long inode;

		if (sscanf(line, "%*s %47s %*s %*s %*s %*s %*s %*s %*s %lu", local, &inode) == 2 &&
		    bsearch(&inode, sockets->list, sockets->n, sizeof(inode), compare) &&
		    get_address(local, address, sizeof(address)) && !has(m, address))
			r = rbce_manifest_add(m, "address", "%s", address);
	}
	return r;
}

int record_addresses(struct rbce_manifest *m, const struct rbce_root *root,
		     const struct record_tasks *tasks)
{
	static const char *const tables[] = {"tcp", "tcp6", "udp", "udp6"};
	struct sockets sockets = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < tasks->n; i++)
		r = add_sockets(&sockets, root, tasks->list[i].pid);
	if (sockets.n)
		qsort(sockets.list, sockets.n, sizeof(*sockets.list), compare);
	for (size_t i = 0; r == 0 && sockets.n && i < ARRAY_SIZE(tables); i++) {
		cleanup_free char *text = NULL;
		char path[64];

		snprintf(path, sizeof(path), "proc/%d/net/%s", tasks->list[0].pid, tables[i]);
		if (file_read_all_at(rbce_root_fd(root), path, &text) > 0)
			r = add_addresses(m, &sockets, text);
	}
	free(sockets.list);
	return r;
}

/* A socket can stand only at an address that is here. */
static bool is_here(const char *text)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	bool is_four = inet_pton(AF_INET, text, &four.sin_addr) == 1;
	cleanup_close int fd = socket(is_four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!is_four && inet_pton(AF_INET6, text, &six.sin6_addr) != 1)
		return false;
	/* Of this kind of them an interface would have to be told too: that is seen later. */
	if (!is_four && IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr))
		return true;
	return fd >= 0 && bind(fd, is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six,
			       is_four ? sizeof(four) : sizeof(six)) == 0;
}

int record_check_addresses(const struct rbce_manifest *m, struct rbce_error *err)
{
	const char *value;
	size_t i = 0;

	while ((value = rbce_manifest_next(m, "address", &i)))
		if (!is_here(value))
			return rbce_error_set(err, -EADDRNOTAVAIL,
					      "cannot restore: a socket of the image stands at "
					      "address '%s', which is not here",
					      value);
	return 0;
}
