// SPDX-License-Identifier: LGPL-2.1-or-later
/* Files of a checkpoint that /proc has nothing like. */
#include <endian.h>
#include <inttypes.h>
#include <signal.h>

#include "tree.h"
#include "util.h"

enum { TCP_LISTEN = 10 };

static uint32_t word_at(struct bytes bytes, size_t at)
{
	uint32_t word = 0;

	if (at + sizeof(word) <= bytes.n)
		memcpy(&word, bytes.at + at, sizeof(word));
	return le32toh(word);
}

/* One that waits: who sent it where a process did, else what came along as it is. */
static void print_info(FILE *out, struct bytes info)
{
	int32_t code = (int32_t)word_at(info, 8);

	fprintf(out, "signal: %u errno: %u code: %d", word_at(info, 0), word_at(info, 4), code);
	if (code <= 0 && code != SI_TIMER)
		fprintf(out, " pid: %u uid: %u value: 0x%" PRIx64, word_at(info, 16),
			word_at(info, 20), (uint64_t)word_at(info, 28) << 32 | word_at(info, 24));
	else if (info.n > 16) {
		fputs(" data: ", out);
		bytes_print(out, (struct bytes){info.at + 16, info.n - 16});
	}
	fputc('\n', out);
}

static void print_queue(FILE *out, struct message queue)
{
	struct cursor c = message_each(queue);
	struct value value;

	while (message_take(&c, "signals", &value))
		print_info(out, message_bytes(value_message(&value), "siginfo"));
}

void text_pending(FILE *out, const struct node *node)
{
	print_queue(out, message_at(node->process->core, "tc.signals_s"));
}

void text_thread_pending(FILE *out, const struct node *node)
{
	print_queue(out, message_at(node->message, "thread_core.signals_p"));
}

void text_action(FILE *out, const struct node *node)
{
	struct cursor c = message_each(message_at(node->process->core, "tc"));
	struct value value;

	for (size_t i = 0; message_take(&c, "sigactions", &value); i++) {
		struct message action = value_message(&value);
		uint64_t handler = message_number(action, "sigaction", 0);

		fprintf(out, "%2d ", action_signal(i));
		if (handler <= 1)
			fputs(handler ? "ignore" : "default", out);
		else
			fprintf(out, "0x%" PRIx64, handler);
		fprintf(out, " flags 0x%" PRIx64 " mask %016" PRIx64 " restorer 0x%" PRIx64 "\n",
			message_number(action, "flags", 0), message_number(action, "mask", 0),
			message_number(action, "restorer", 0));
	}
}

/* All of a message but the fields EXCEPT, which have files of their own. */
static void print_but(FILE *out, struct message message, const char *const *except)
{
	struct cursor c = message_each(message);
	const uint8_t *begin = message.bytes.at;
	struct value value;

	while (message_next(&c, &value) > 0) {
		bool left_out = false;

		if (c.packed.bytes.n)
			continue;
		for (const char *const *name = except; *name && value.field; name++)
			left_out = left_out || streq(value.field->name, *name);
		if (!left_out)
			message_print(out,
				      (struct message){message.type,
						       {begin, (size_t)(c.rest.bytes.at - begin)}},
				      0);
		begin = c.rest.bytes.at;
	}
}

void text_thread(FILE *out, const struct node *node)
{
	static const char *const elsewhere[] = {"sas", "signals_p", NULL};

	print_but(out, message_at(node->message, "thread_core"), elsewhere);
}

void text_frame(FILE *out, const struct node *node)
{
	message_print_hex(out, message_at(node->message, "thread_info.gpregs"), 0);
}

void text_fpu(FILE *out, const struct node *node)
{
	message_print(out, message_at(node->message, "thread_info.fpregs"), 0);
}

void text_tls(FILE *out, const struct node *node)
{
	struct message info = message_at(node->message, "thread_info");
	struct cursor c = message_each(info);
	struct value value;

	if (!info.type)
		return;
	fprintf(out, "fs_base: 0x%" PRIx64 "\ngs_base: 0x%" PRIx64 "\n",
		message_number(info, "gpregs.fs_base", 0),
		message_number(info, "gpregs.gs_base", 0));
	while (message_take(&c, "tls", &value)) {
		fputs("tls:\n", out);
		message_print(out, value_message(&value), 1);
	}
}

void text_altstack(FILE *out, const struct node *node)
{
	message_print(out, message_at(node->message, "thread_core.sas"), 0);
}

/* All timers, with what is left of their time. */
void text_armed(FILE *out, const struct node *node)
{
	message_print(out, message_at(node->process->core, "tc.timers"), 0);
}

void text_process(FILE *out, const struct node *node)
{
	const struct process *process = node->process;
	static const char *const elsewhere[] = {"timers", "rlimits", "signals_s", "sigactions",
						NULL};
	static const char *const mappings[] = {"vmas", "aios", "mm_saved_auxv", NULL};

	message_print(out, process->entry, 0);
	print_but(out, message_at(process->core, "tc"), elsewhere);
	message_print(out, process->ids, 0);
	message_print(out, process->fs, 0);
	print_but(out, process->mm, mappings);
}

void text_threads(FILE *out, const struct node *node)
{
	struct cursor c = message_each(node->process->entry);
	struct value value;

	while (message_take(&c, "threads", &value))
		fprintf(out, "%" PRIu64 "\n", value.integer);
}

/* Children that have ended: pid, and the status that is to be waited for. */
void text_zombies(FILE *out, const struct node *node)
{
	const struct img *all = folder_find(node->folder, "pstree.img");

	for (size_t i = 0; i < all->n; i++) {
		uint32_t pid = (uint32_t)message_number(all->entries[i].message, "pid", 0);
		struct message core = folder_first(node->folder, "core-%u.img", pid);
		uint64_t state = message_number(core, "tc.task_state", 0);

		if (message_number(all->entries[i].message, "ppid", 0) == node->process->pid &&
		    (state == 2 || state == 6))
			fprintf(out, "%u %" PRIu64 "\n", pid,
				message_number(core, "tc.exit_code", 0));
	}
}

void text_aio(FILE *out, const struct node *node)
{
	struct cursor c = message_each(node->process->mm);
	struct value value;

	while (message_take(&c, "aios", &value)) {
		fputs("ring:\n", out);
		message_print(out, value_message(&value), 1);
	}
}

void text_image(FILE *out, const struct node *node)
{
	img_print(out, &node->folder->images[node->id]);
}

void text_manifest(FILE *out, const struct node *node)
{
	fwrite(node->message.bytes.at, 1, node->message.bytes.n, out);
}

void text_file(FILE *out, const struct node *node)
{
	message_print(out, node->message, 0);
}

/* ---- which file is what to whom ---- */

/* Calls FN for each descriptor: the process, and its entry. */
static void each_descriptor(const struct folder *folder,
			    void (*fn)(void *data, uint32_t pid, struct message entry), void *data)
{
	const struct img *all = folder_find(folder, "pstree.img");

	for (size_t i = 0; i < all->n; i++) {
		uint32_t pid = (uint32_t)message_number(all->entries[i].message, "pid", 0);
		struct message ids = folder_first(folder, "ids-%u.img", pid);
		const struct img *fds = folder_find(folder, "fdinfo-%u.img",
						    (uint32_t)message_number(ids, "files_id", 0));

		for (size_t k = 0; ids.type && fds && k < fds->n; k++)
			fn(data, pid, fds->entries[k].message);
	}
}

static void print_stdio(void *data, uint32_t pid, struct message entry)
{
	uint64_t fd = message_number(entry, "fd", UINT64_MAX);

	if (fd <= 2)
		fprintf(data, "0x%08x %" PRIu64 " %" PRIu64 "\n", pid, fd,
			message_number(entry, "id", 0));
}

/* Process, descriptor, file. */
void text_stdios(FILE *out, const struct node *node)
{
	each_descriptor(node->folder, print_stdio, out);
}

struct wanted {
	uint64_t id;
	bool found;
};

static void look_for(void *data, uint32_t pid, struct message entry)
{
	struct wanted *wanted = data;

	(void)pid;
	wanted->found = wanted->found || message_number(entry, "id", 0) == wanted->id;
}

/* A connection that no process has open any more. */
static bool is_orphan(const struct folder *folder, struct message file)
{
	struct wanted wanted = {.id = message_number(file, "id", 0)};

	each_descriptor(folder, look_for, &wanted);
	return !wanted.found;
}

/* The N-th file that is a socket of the internet, from *AT on; false at the end. */
static bool next_socket(const struct folder *folder, size_t *at, struct message *ret)
{
	const struct img *files = folder_find(folder, "files.img");

	while (files && *at < files->n) {
		*ret = files->entries[(*at)++].message;
		if (message_has(*ret, "isk"))
			return true;
	}
	return false;
}

static void print_socket(FILE *out, struct message file)
{
	fprintf(out, "file %" PRIu64 ":\n", message_number(file, "id", 0));
	message_print(out, message_at(file, "isk"), 1);
}

void text_listening(FILE *out, const struct node *node)
{
	struct message file;

	for (size_t at = 0; next_socket(node->folder, &at, &file);)
		if (message_number(file, "isk.state", 0) == TCP_LISTEN)
			print_socket(out, file);
}

void text_orphan_count(FILE *out, const struct node *node)
{
	struct message file;
	size_t n = 0;

	for (size_t at = 0; next_socket(node->folder, &at, &file);)
		n += is_orphan(node->folder, file);
	fprintf(out, "%zu\n", n);
}

void text_orphan_info(FILE *out, const struct node *node)
{
	struct message file;

	for (size_t at = 0; next_socket(node->folder, &at, &file);)
		if (is_orphan(node->folder, file))
			print_socket(out, file);
}

void text_orphan_data(FILE *out, const struct node *node)
{
	struct message file;

	for (size_t at = 0; next_socket(node->folder, &at, &file);) {
		const struct img *stream =
			folder_find(node->folder, "tcp-stream-%x.img",
				    (uint32_t)message_number(file, "isk.ino", 0));

		if (stream && is_orphan(node->folder, file)) {
			fprintf(out, "file %" PRIu64 ":\n", message_number(file, "id", 0));
			img_print(out, stream);
		}
	}
}

/* ---- links ---- */

static void print_path(FILE *out, const struct folder *folder, uint64_t id)
{
	cleanup_free char *path = folder_path(folder, (uint32_t)id);

	fputs(path && *path ? path : "(none)", out);
}

void text_exe(FILE *out, const struct node *node)
{
	print_path(out, node->folder, message_number(node->process->mm, "exe_file_id", 0));
}

void text_cwd(FILE *out, const struct node *node)
{
	print_path(out, node->folder, message_number(node->process->fs, "cwd_id", 0));
}

void text_root(FILE *out, const struct node *node)
{
	print_path(out, node->folder, message_number(node->process->fs, "root_id", 0));
}

void text_fd(FILE *out, const struct node *node)
{
	fprintf(out, "../../files/%" PRIu64, node->id);
}

void text_timers_link(FILE *out, const struct node *node)
{
	(void)node;
	fputs("../timers", out);
}
