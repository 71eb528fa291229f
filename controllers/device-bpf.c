// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of devices on cgroup v2: a program that the kernel runs at each open(2) and mknod(2) of
 * a device. It is made here, instruction by instruction: for each rule a few comparisons, and "yes"
 * behind them. Beside it is a map with the list as text, which the program mentions, so that it
 * lives as long; that is how the list is read back.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "device-list.h"
#include "internal.h"
#include "util.h"

/* By which ours is told from others on the same group; at most 15 bytes. */
static const char program_name[] = "rbce_device";

enum { RULE_INSNS = 8, FRAME_INSNS = 10, ATTACHED_MAX = 64 };

static int bpf(int command, union bpf_attr *attr)
{
	int r = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : r;
}

static struct bpf_insn insn(unsigned code, unsigned dst, unsigned src, int off, int imm)
{
	return (struct bpf_insn){
		.code = (uint8_t)code,
		.dst_reg = (uint8_t)(dst & 15),
		.src_reg = (uint8_t)(src & 15),
		.off = (int16_t)off,
		.imm = imm,
	};
}

struct program {
	struct bpf_insn *insns;
	size_t n;
};

static void put(struct program *p, struct bpf_insn i)
{
	p->insns[p->n++] = i;
}

/* Goes on with the next rule unless register REG is VALUE; the distance is filled in later. */
static void put_unless(struct program *p, unsigned reg, int value)
{
	put(p, insn(BPF_JMP | BPF_JNE | BPF_K, reg, 0, 0, value));
}

enum { ACCESS = BPF_REG_2, TYPE = BPF_REG_3, MAJOR = BPF_REG_4, MINOR = BPF_REG_5 };

static void put_rule(struct program *p, const struct device_rule *rule)
{
	size_t first = p->n;

	if (rule->type != 'a')
		put_unless(p, TYPE, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major != DEVICE_ALL)
		put_unless(p, MAJOR, rule->major);
	if (rule->minor != DEVICE_ALL)
		put_unless(p, MINOR, rule->minor);
	if (rule->access != DEVICE_ANY) {
		/* Nothing may be asked for that is not in the rule. */
		put(p, insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, ACCESS, 0, 0));
		put(p, insn(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_6, 0, 0,
			    (int)(DEVICE_ANY & ~rule->access)));
		put_unless(p, BPF_REG_6, 0);
	}
	put(p, insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1));
	put(p, insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
	for (size_t i = first; i < p->n; i++)
		if (BPF_CLASS(p->insns[i].code) == BPF_JMP && BPF_OP(p->insns[i].code) == BPF_JNE)
			p->insns[i].off = (int16_t)(p->n - i - 1);
}

/* The two halves of access_type, and the number, into registers. */
static void put_start(struct program *p, int map)
{
	static const unsigned load = BPF_LDX | BPF_MEM | BPF_W;

	put(p, insn(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_6, BPF_PSEUDO_MAP_FD, 0, map));
	put(p, insn(0, 0, 0, 0, 0));
	put(p, insn(load, ACCESS, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, access_type), 0));
	put(p, insn(BPF_ALU64 | BPF_MOV | BPF_X, TYPE, ACCESS, 0, 0));
	put(p, insn(BPF_ALU64 | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff));
	put(p, insn(BPF_ALU64 | BPF_RSH | BPF_K, ACCESS, 0, 0, 16));
	put(p, insn(load, MAJOR, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, major), 0));
	put(p, insn(load, MINOR, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0));
}

static int load_program(const struct program *p)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = (uint32_t)p->n,
		.insns = (uintptr_t)p->insns,
		.license = (uintptr_t) "GPL",
	};

	memcpy(attr.prog_name, program_name, sizeof(program_name));
	return bpf(BPF_PROG_LOAD, &attr);
}

static int make_program(const struct device_rule *rules, size_t n, int map)
{
	cleanup_free struct bpf_insn *insns = calloc(n * RULE_INSNS + FRAME_INSNS, sizeof(*insns));
	struct program p = {.insns = insns};

	if (!insns)
		return -ENOMEM;
	put_start(&p, map);
	for (size_t i = 0; i < n; i++)
		put_rule(&p, &rules[i]);
	put(&p, insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0));
	put(&p, insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
	return load_program(&p);
}

static int make_map(const char *text)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = CONTROLLER_TEXT_SIZE,
		.max_entries = 1,
	};
	cleanup_free char *value = calloc(1, CONTROLLER_TEXT_SIZE);
	uint32_t zero = 0;
	cleanup_close int map = -1;
	int r;

	if (!value)
		return -ENOMEM;
	memcpy(attr.map_name, program_name, sizeof(program_name));
	map = bpf(BPF_MAP_CREATE, &attr);
	if (map < 0)
		return map;
	snprintf(value, CONTROLLER_TEXT_SIZE, "%s", text);
	attr = (union bpf_attr){
		.map_fd = (uint32_t)map,
		.key = (uintptr_t)&zero,
		.value = (uintptr_t)value,
	};
	r = bpf(BPF_MAP_UPDATE_ELEM, &attr);
	return r < 0 ? r : TAKE_FD(map);
}

/* What is known of the program FD; the ids of up to one map go to *RET_MAP. */
static int read_info(int fd, struct bpf_prog_info *ret, uint32_t *ret_map)
{
	union bpf_attr attr = {
		.info = {.bpf_fd = (uint32_t)fd, .info_len = sizeof(*ret), .info = (uintptr_t)ret},
	};

	*ret = (struct bpf_prog_info){.nr_map_ids = 1, .map_ids = (uintptr_t)ret_map};
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

/* Our program on the group, a descriptor of the caller's; -ENOENT for none. */
static int find_program(int dirfd, uint32_t *ret_map)
{
	uint32_t ids[ATTACHED_MAX] = {0};
	union bpf_attr attr = {
		.query = {.target_fd = (uint32_t)dirfd,
			  .attach_type = BPF_CGROUP_DEVICE,
			  .prog_ids = (uintptr_t)ids,
			  .prog_cnt = ATTACHED_MAX},
	};
	uint32_t n;
	int r = bpf(BPF_PROG_QUERY, &attr);

	if (r < 0)
		return r;
	n = attr.query.prog_cnt;
	for (uint32_t i = 0; i < n; i++) {
		union bpf_attr by_id = {.prog_id = ids[i]};
		cleanup_close int fd = bpf(BPF_PROG_GET_FD_BY_ID, &by_id);
		struct bpf_prog_info info;

		if (fd < 0 && fd != -ENOENT)
			return fd;
		if (fd >= 0 && read_info(fd, &info, ret_map) == 0 &&
		    streq(info.name, program_name) && info.nr_map_ids == 1)
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

static int failed(int r, const char *what, struct rbce_error *err)
{
	if (r == -EPERM)
		return rbce_error_set(err, r,
				      "%s: it takes CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN",
				      what);
	return rbce_error_errno(err, r, "%s", what);
}

int device_bpf_set(int dirfd, const struct device_rule *rules, size_t n, const char *text,
		   struct rbce_error *err)
{
	uint32_t map_id;
	cleanup_close int old = find_program(dirfd, &map_id), map = -1, program = -1;
	union bpf_attr attr = {
		.target_fd = (uint32_t)dirfd,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI | (old >= 0 ? BPF_F_REPLACE : 0),
		.replace_bpf_fd = old >= 0 ? (uint32_t)old : 0,
	};
	int r;

	if (old < 0 && old != -ENOENT)
		return failed(old, "the programs of the group cannot be read", err);
	map = make_map(text);
	program = map < 0 ? map : make_program(rules, n, map);
	if (program < 0)
		return failed(program, "the kernel takes no program for devices", err);
	attr.attach_bpf_fd = (uint32_t)program;
	r = bpf(BPF_PROG_ATTACH, &attr);
	return r < 0 ? failed(r, "the program cannot be attached to the group", err) : 0;
}

int device_bpf_get(int dirfd, char **ret)
{
	cleanup_free char *value = calloc(1, CONTROLLER_TEXT_SIZE);
	uint32_t map_id = 0, zero = 0;
	cleanup_close int program = find_program(dirfd, &map_id), map = -1;
	union bpf_attr by_id = {.map_id = map_id}, look_up;
	int r;

	if (program < 0)
		return program;
	if (!value)
		return -ENOMEM;
	map = bpf(BPF_MAP_GET_FD_BY_ID, &by_id);
	if (map < 0)
		return map;
	look_up = (union bpf_attr){
		.map_fd = (uint32_t)map,
		.key = (uintptr_t)&zero,
		.value = (uintptr_t)value,
	};
	r = bpf(BPF_MAP_LOOKUP_ELEM, &look_up);
	if (r == 0)
		*ret = TAKE_PTR(value);
	return r;
}

int device_bpf_clear(int dirfd, struct rbce_error *err)
{
	uint32_t map_id;
	cleanup_close int old = find_program(dirfd, &map_id);
	union bpf_attr attr = {
		.target_fd = (uint32_t)dirfd,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_bpf_fd = old >= 0 ? (uint32_t)old : 0,
	};
	int r;

	if (old == -ENOENT)
		return 0;
	r = old < 0 ? old : bpf(BPF_PROG_DETACH, &attr);
	return r < 0 ? failed(r, "the program cannot be taken off the group", err) : 0;
}
