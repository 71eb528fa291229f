// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * System V's shared memory, semaphores and queues, as in /proc/sysvipc; what no image tells (who
 * used them last, and when) is 0.
 */
#include <inttypes.h>

#include "tree.h"
#include "util.h"

/* Calls PRINT for each message of the images of that kind, of which each namespace has one. */
static void each(FILE *out, const struct folder *folder, const char *prefix,
		 void (*print)(FILE *out, const struct folder *folder,
			       const struct img_entry *entry))
{
	for (size_t i = 0; i < folder->n; i++)
		for (size_t k = 0;
		     after_prefix(folder->images[i].name, prefix) && k < folder->images[i].n; k++)
			print(out, folder, &folder->images[i].entries[k]);
}

static uint32_t of(struct message m, const char *path)
{
	return (uint32_t)message_number(m, path, 0);
}

struct message folder_segment(const struct folder *folder, uint64_t id)
{
	for (size_t i = 0; i < folder->n; i++)
		for (size_t k = 0;
		     after_prefix(folder->images[i].name, "ipcns-shm-") && k < folder->images[i].n;
		     k++)
			if (message_number(folder->images[i].entries[k].message, "desc.id", 0) ==
			    id)
				return folder->images[i].entries[k].message;
	return (struct message){0};
}

/* How often the segment is mapped by the process whose mappings MM has. */
static size_t attached_by(struct message mm, uint64_t id)
{
	struct cursor c = message_each(mm);
	struct value value;
	size_t n = 0;

	while (message_take(&c, "vmas", &value)) {
		struct message vma = value_message(&value);

		n += message_number(vma, "status", 0) & AREA_SYSVIPC &&
		     message_number(vma, "shmid", 0) == id;
	}
	return n;
}

size_t count_attached(const struct folder *folder, uint64_t id)
{
	size_t n = 0;

	for (size_t i = 0; i < folder->n; i++)
		if (after_prefix(folder->images[i].name, "mm-") && folder->images[i].n)
			n += attached_by(folder->images[i].entries[0].message, id);
	return n;
}

static void print_shm(FILE *out, const struct folder *folder, const struct img_entry *entry)
{
	struct message m = entry->message, d = message_at(m, "desc");

	fprintf(out,
		"%10d %10u  %4o %21" PRIu64
		" %5u %5u  %5zu %5u %5u %5u %5u %10u %10u %10u %21u %21u\n",
		(int)of(d, "key"), of(d, "id"), of(d, "mode"), message_number(m, "size", 0), 0U, 0U,
		count_attached(folder, of(d, "id")), of(d, "uid"), of(d, "gid"), of(d, "cuid"),
		of(d, "cgid"), 0U, 0U, 0U, 0U, 0U);
}

void text_shm(FILE *out, const struct node *node)
{
	fputs("       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
	      "cuid  cgid"
	      "      atime      dtime      ctime                   rss                  swap\n",
	      out);
	each(out, node->folder, "ipcns-shm-", print_shm);
}

static void print_sem(FILE *out, const struct folder *folder, const struct img_entry *entry)
{
	struct message m = entry->message, d = message_at(m, "desc");

	(void)folder;
	fprintf(out, "%10d %10u  %4o %10u %5u %5u %5u %5u %10u %10u\n", (int)of(d, "key"),
		of(d, "id"), of(d, "mode"), of(m, "nsems"), of(d, "uid"), of(d, "gid"),
		of(d, "cuid"), of(d, "cgid"), 0U, 0U);
}

void text_sem(FILE *out, const struct node *node)
{
	fputs("       key      semid perms      nsems   uid   gid  cuid  cgid      otime      "
	      "ctime\n",
	      out);
	each(out, node->folder, "ipcns-sem-", print_sem);
}

static void print_msg(FILE *out, const struct folder *folder, const struct img_entry *entry)
{
	struct message m = entry->message, d = message_at(m, "desc");
	struct bytes rest = entry->extra;
	struct queued queued;
	size_t bytes = 0;

	(void)folder;
	while (img_take_queued(&rest, &queued))
		bytes += queued.text.n;
	fprintf(out, "%10d %10u  %4o  %10zu %10u %5u %5u %5u %5u %5u %5u %10u %10u %10u\n",
		(int)of(d, "key"), of(d, "id"), of(d, "mode"), bytes, of(m, "qnum"), 0U, 0U,
		of(d, "uid"), of(d, "gid"), of(d, "cuid"), of(d, "cgid"), 0U, 0U, 0U);
}

void text_msg(FILE *out, const struct node *node)
{
	fputs("       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  "
	      "cgid"
	      "      stime      rtime      ctime\n",
	      out);
	each(out, node->folder, "ipcns-msg-", print_msg);
}

/* Which segments a process has mapped, and how often. */
void text_shmcount(FILE *out, const struct node *node)
{
	for (size_t i = 0; i < node->folder->n; i++) {
		const struct img *image = &node->folder->images[i];

		for (size_t k = 0; after_prefix(image->name, "ipcns-shm-") && k < image->n; k++) {
			uint32_t id = of(image->entries[k].message, "desc.id");
			size_t n = attached_by(node->process->mm, id);

			if (n)
				fprintf(out, "%u %zu\n", id, n);
		}
	}
}
