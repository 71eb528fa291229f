// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A process as a core file, as the kernel would have written it: a header, notes with registers and
 * the like, then memory, each mapping at a page of the file. What the image does not have has no
 * room in the file: a debugger reads that from the mapped files, which a note names. Untouched
 * memory is 0.
 */
#include <elf.h>
#include <errno.h>

#include "tree.h"
#include "util.h"

/* A larger hole in a mapping is left out. */
enum { HOLE_MAX = 16 << 20, LOADS_MAX = 60000, ARGS = 80 };
enum { REGISTERS = 27, FX_SIZE = 512, YMM_OFFSET = 576, YMM_SIZE = 256, XCR0_OFFSET = 464 };
enum { MODE_COMPAT = 2, TASK_STOPPED = 3 };

struct load {
	uint64_t start, end;
	uint64_t offset; /* in the file, or 0: it is not there */
	uint32_t prot;
};

struct dump {
	char *head; /* all before the memory */
	size_t head_size;
	struct load *loads;
	size_t n;
	uint64_t size;
};

/* What the notes of x86-64 have in them, in any C. */
struct prstatus {
	uint32_t si_signo, si_code, si_errno;
	uint16_t cursig;
	uint64_t pending, held;
	uint32_t pid, ppid, pgrp, sid;
	uint64_t times[8];
	uint64_t registers[REGISTERS];
	uint32_t has_fpu;
};
_Static_assert(sizeof(struct prstatus) == 336, "as elf_prstatus of Linux on x86-64");

struct prpsinfo {
	char state, name, zombie, nice;
	uint64_t flags;
	uint32_t uid, gid, pid, ppid, pgrp, sid;
	char command[16], args[ARGS];
};
_Static_assert(sizeof(struct prpsinfo) == 136, "as elf_prpsinfo of Linux on x86-64");

static bool is_x86_64(struct message core)
{
	return message_has(core, "thread_info.gpregs") &&
	       message_number(core, "thread_info.gpregs.mode", 1) != MODE_COMPAT;
}

bool dump_possible(const struct process *process)
{
	return process->mm.type && is_x86_64(process->core);
}

/* ---- which memory there is ---- */

static int add_load(struct dump *dump, const struct segment *s, uint64_t start, uint64_t end,
		    bool there)
{
	struct load *load;

	if (start >= end)
		return 0;
	if (dump->n == LOADS_MAX)
		return -EFBIG;
	/* Doubled at each power of two. */
	if (!(dump->n & (dump->n - 1))) {
		struct load *more =
			reallocarray(dump->loads, dump->n ? 2 * dump->n : 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		dump->loads = more;
	}
	load = &dump->loads[dump->n++];
	*load = (struct load){start, end, there, (uint32_t)message_number(s->vma, "prot", 0)};
	return 0;
}

/* Holes in memory of no file are part of it: nobody wrote there yet. */
static bool fills_holes(const struct segment *s)
{
	return !(message_number(s->vma, "status", 0) &
		 (AREA_FILE_PRIVATE | AREA_FILE_SHARED | AREA_VSYSCALL | AREA_VVAR | AREA_VDSO));
}

static int add_segment(struct dump *dump, const struct memory *memory, size_t at, size_t *run)
{
	const struct segment *s = &memory->segments[at];
	uint64_t begin = s->start, done = begin;
	bool there = false;
	int r = 0;

	/* From BEGIN to DONE all is there, or nothing is. */
	for (; r == 0 && *run < memory->n_runs && memory->runs[*run].segment == at; ++*run) {
		const struct run *next = &memory->runs[*run];

		if (!fills_holes(s) || next->start - done > HOLE_MAX) {
			r = add_load(dump, s, begin, done, there);
			if (r == 0)
				r = add_load(dump, s, done, next->start, false);
			begin = next->start;
		}
		there = true;
		done = next->end;
	}
	if (r == 0 && there && fills_holes(s) && s->end - done <= HOLE_MAX)
		done = s->end;
	if (r == 0)
		r = add_load(dump, s, begin, done, there);
	return r < 0 ? r : add_load(dump, s, done, s->end, false);
}

static int find_loads(struct dump *dump, const struct memory *memory)
{
	size_t run = 0;
	int r = 0;

	for (size_t i = 0; i < memory->n_segments && r == 0; i++)
		r = add_segment(dump, memory, i, &run);
	return r;
}

/* ---- notes ---- */

static void pad(FILE *out, size_t size, size_t align)
{
	for (; size % align; size++)
		fputc(0, out);
}

static void add_note(FILE *out, const char *owner, uint32_t type, const void *data, size_t size)
{
	Elf64_Nhdr head = {.n_namesz = (Elf64_Word)strlen(owner) + 1,
			   .n_descsz = (Elf64_Word)size,
			   .n_type = type};

	fwrite(&head, sizeof(head), 1, out);
	fwrite(owner, head.n_namesz, 1, out);
	pad(out, head.n_namesz, 4);
	fwrite(data, size, 1, out);
	pad(out, size, 4);
}

static void add_status(FILE *out, const struct process *p, struct message core, uint32_t tid)
{
	struct cursor c = message_each(message_at(core, "thread_info.gpregs"));
	struct prstatus status = {
		.pending = pending_mask(message_at(core, "thread_core.signals_p")),
		.held = message_number(core, "thread_core.blk_sigset",
				       message_number(core, "tc.blk_sigset", 0)),
		.pid = tid,
		.ppid = p->ppid,
		.pgrp = (uint32_t)message_number(p->entry, "pgid", 0),
		.sid = (uint32_t)message_number(p->entry, "sid", 0),
		.has_fpu = message_has(core, "thread_info.fpregs"),
	};
	struct value value;

	/* They have the kernel's order in the image too. */
	while (message_next(&c, &value) > 0)
		if (value.number <= REGISTERS)
			status.registers[value.number - 1] = value.integer;
	add_note(out, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

/* The numbers of a field, SIZE bytes of them at most, as 32 bits each. */
static void copy_words(struct message m, const char *name, uint8_t *to, size_t size)
{
	struct cursor c = message_each(m);
	struct value value;

	for (size_t i = 0; i + 4 <= size && message_take(&c, name, &value); i += 4) {
		uint32_t word = (uint32_t)value.integer;

		memcpy(to + i, &word, sizeof(word));
	}
}

static void put(uint8_t *to, struct message m, const char *name, size_t size)
{
	uint64_t number = message_number(m, name, 0);

	memcpy(to, &number, size);
}

static void add_fpu(FILE *out, struct message core)
{
	struct message fpu = message_at(core, "thread_info.fpregs"),
		       xsave = message_at(fpu, "xsave");
	uint8_t area[YMM_OFFSET + YMM_SIZE] = {0};
	static const struct {
		const char *name;
		size_t at, size;
	} fields[] = {{"cwd", 0, 2}, {"swd", 2, 2},  {"twd", 4, 2},    {"fop", 6, 2},
		      {"rip", 8, 8}, {"rdp", 16, 8}, {"mxcsr", 24, 4}, {"mxcsr_mask", 28, 4}};

	if (!fpu.type)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		put(area + fields[i].at, fpu, fields[i].name, fields[i].size);
	copy_words(fpu, "st_space", area + 32, 128);
	copy_words(fpu, "xmm_space", area + 160, 256);
	add_note(out, "CORE", NT_FPREGSET, area, FX_SIZE);
	if (!xsave.type)
		return;
	/* The upper halves of the vector registers, and which parts this has: x87, SSE, AVX. */
	copy_words(xsave, "ymmh_space", area + YMM_OFFSET, YMM_SIZE);
	put(area + FX_SIZE, xsave, "xstate_bv", 8);
	area[FX_SIZE] &= 7;
	memset(area + FX_SIZE + 1, 0, 7);
	area[XCR0_OFFSET] = 7;
	add_note(out, "LINUX", NT_X86_XSTATE, area, sizeof(area));
}

static void add_process(FILE *out, const struct process *p, const struct node *node)
{
	struct message creds = message_at(p->core, "thread_core.creds");
	struct bytes comm = message_bytes(p->core, "tc.comm");
	struct prpsinfo info = {
		.name = message_number(p->core, "tc.task_state", 0) == TASK_STOPPED ? 'T' : 'R',
		.nice = (char)message_number(p->core, "thread_core.sched_nice", 0),
		.flags = message_number(p->core, "tc.flags", 0),
		.uid = (uint32_t)message_number(creds, "uid", 0),
		.gid = (uint32_t)message_number(creds, "gid", 0),
		.pid = p->pid,
		.ppid = p->ppid,
		.pgrp = (uint32_t)message_number(p->entry, "pgid", 0),
		.sid = (uint32_t)message_number(p->entry, "sid", 0),
	};
	ssize_t n = read_cmdline(node, 0, info.args, ARGS - 1);

	memcpy(info.command, comm.at, comm.n < 15 ? comm.n : 15);
	/* Words with spaces between them. */
	for (ssize_t i = 0; i + 1 < n; i++)
		if (!info.args[i])
			info.args[i] = ' ';
	add_note(out, "CORE", NT_PRPSINFO, &info, sizeof(info));
}

static void add_auxv(FILE *out, const struct node *node)
{
	uint64_t size = size_auxv(node);
	cleanup_free char *auxv = malloc(size + 1);

	if (auxv && size && read_auxv(node, 0, auxv, size) == (ssize_t)size)
		add_note(out, "CORE", NT_AUXV, auxv, size);
}

/* Which files are mapped where. */
static void add_files(FILE *out, const struct process *p)
{
	cleanup_free char *text = NULL, *names = NULL;
	size_t size = 0, names_size = 0;
	uint64_t head[2] = {0, FOLDER_PAGE};
	FILE *note = open_memstream(&text, &size), *paths = open_memstream(&names, &names_size);

	if (note)
		fwrite(head, sizeof(head), 1, note);
	for (size_t i = 0; note && paths && i < p->memory.n_segments; i++) {
		const struct segment *s = &p->memory.segments[i];
		uint64_t row[3] = {s->start, s->end,
				   message_number(s->vma, "pgoff", 0) / FOLDER_PAGE};
		cleanup_free char *path = NULL;

		if (!(message_number(s->vma, "status", 0) & (AREA_FILE_PRIVATE | AREA_FILE_SHARED)))
			continue;
		path = folder_path(p->folder, (uint32_t)message_number(s->vma, "shmid", 0));
		head[0]++;
		fwrite(row, sizeof(row), 1, note);
		fwrite(path ? path : "", path ? strlen(path) + 1 : 1, 1, paths);
	}
	if (paths)
		fclose(paths);
	if (note && names)
		fwrite(names, names_size, 1, note);
	if (note)
		fclose(note);
	if (text && head[0]) {
		memcpy(text, head, sizeof(head));
		add_note(out, "CORE", NT_FILE, text, size);
	}
}

/* The first thread is the one that a debugger begins with. */
static void add_notes(FILE *out, const struct node *node)
{
	const struct process *p = node->process;
	struct cursor c = message_each(p->entry);
	struct value value;

	add_status(out, p, p->core, p->pid);
	add_process(out, p, node);
	add_auxv(out, node);
	add_files(out, p);
	add_fpu(out, p->core);
	while (message_take(&c, "threads", &value)) {
		uint32_t tid = (uint32_t)value.integer;
		struct message core = folder_first(p->folder, "core-%u.img", tid);

		if (tid == p->pid || !is_x86_64(core))
			continue;
		add_status(out, p, core, tid);
		add_fpu(out, core);
	}
}

/* ---- the file ---- */

static void add_program_headers(FILE *out, struct dump *dump, size_t notes_size)
{
	uint64_t at = sizeof(Elf64_Ehdr) + (dump->n + 1) * sizeof(Elf64_Phdr);
	Elf64_Phdr notes = {
		.p_type = PT_NOTE, .p_offset = at, .p_filesz = notes_size, .p_align = 4};

	fwrite(&notes, sizeof(notes), 1, out);
	at += notes_size;
	at += -at % FOLDER_PAGE;
	for (size_t i = 0; i < dump->n; i++) {
		struct load *load = &dump->loads[i];
		bool there = load->offset;
		Elf64_Phdr head = {
			.p_type = PT_LOAD,
			.p_flags = (load->prot & 1 ? PF_R : 0) | (load->prot & 2 ? PF_W : 0) |
				   (load->prot & 4 ? PF_X : 0),
			.p_offset = at,
			.p_vaddr = load->start,
			.p_filesz = there ? load->end - load->start : 0,
			.p_memsz = load->end - load->start,
			.p_align = FOLDER_PAGE,
		};

		load->offset = there ? at : 0;
		at += head.p_filesz;
		fwrite(&head, sizeof(head), 1, out);
	}
	dump->size = at;
}

static int write_head(struct dump *dump, const char *notes, size_t notes_size)
{
	Elf64_Ehdr head = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(head),
		.e_ehsize = sizeof(head),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)(dump->n + 1),
	};
	FILE *out = open_memstream(&dump->head, &dump->head_size);

	if (!out)
		return -ENOMEM;
	fwrite(&head, sizeof(head), 1, out);
	add_program_headers(out, dump, notes_size);
	fwrite(notes, notes_size, 1, out);
	pad(out, sizeof(head) + (dump->n + 1) * sizeof(Elf64_Phdr) + notes_size, FOLDER_PAGE);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

static struct dump *make_dump(const struct node *node)
{
	struct dump *dump = calloc(1, sizeof(*dump));
	cleanup_free char *notes = NULL;
	size_t size;
	FILE *out;

	if (!dump)
		return NULL;
	out = open_memstream(&notes, &size);
	if (out)
		add_notes(out, node);
	if (!out || fclose(out) != 0 || find_loads(dump, &node->process->memory) < 0 ||
	    write_head(dump, notes, size) < 0) {
		dump_free(dump);
		return NULL;
	}
	return dump;
}

void dump_free(struct dump *dump)
{
	if (!dump)
		return;
	free(dump->head);
	free(dump->loads);
	free(dump);
}

static struct dump *dump_of(const struct node *node)
{
	if (!node->process->dump)
		node->process->dump = make_dump(node);
	return node->process->dump;
}

uint64_t size_dump(const struct node *node)
{
	const struct dump *dump = dump_of(node);

	return dump ? dump->size : 0;
}

/* Memory with its holes. */
static int read_filled(const struct node *node, uint64_t address, uint8_t *to, size_t size)
{
	const struct memory *memory = &node->process->memory;

	while (size) {
		const struct run *run = memory_run_behind(memory, address);
		uint64_t here = run && run->start <= address ? run->end - address : 0;
		size_t n;

		if (here) {
			n = here < size ? (size_t)here : size;
			if (memory_read(node->folder, memory, address, to, n) < 0)
				return -EIO;
		} else {
			n = run && run->start - address < size ? (size_t)(run->start - address)
							       : size;
			memset(to, 0, n);
		}
		address += n;
		to += n;
		size -= n;
	}
	return 0;
}

/* The load that the file has at OFFSET, which is behind the head. */
static const struct load *load_at(const struct dump *dump, uint64_t offset)
{
	for (size_t i = 0; i < dump->n; i++) {
		const struct load *load = &dump->loads[i];

		if (load->offset && offset >= load->offset &&
		    offset - load->offset < load->end - load->start)
			return load;
	}
	return NULL;
}

ssize_t read_dump(const struct node *node, uint64_t offset, void *buf, size_t size)
{
	const struct dump *dump = dump_of(node);
	const struct load *load;
	uint64_t left;

	if (!dump)
		return -ENOMEM;
	if (offset >= dump->size)
		return 0;
	if (offset < dump->head_size) {
		left = dump->head_size - offset;
		size = left < size ? (size_t)left : size;
		memcpy(buf, dump->head + offset, size);
		return (ssize_t)size;
	}
	load = load_at(dump, offset);
	if (!load)
		return -EIO;
	left = load->end - load->start - (offset - load->offset);
	size = left < size ? (size_t)left : size;
	if (read_filled(node, load->start + (offset - load->offset), buf, size) < 0)
		return -EIO;
	return (ssize_t)size;
}
