// SPDX-License-Identifier: GPL-2.0-or-later
/* Huge pages: hugetlb.SIZE.max, a key for each size that the machine has ("hugetlb.2MB.max"). */
#include <dirent.h>
#include <rbce/units.h>

#include "internal.h"
#include "util.h"

/* "2MB" as the kernel writes it: a number, and one of three units. */
static bool is_size(const char *text, size_t n)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 4 && text[0] != '0' && n == digits + 2 &&
	       strchr("KMG", text[digits]) && text[digits + 1] == 'B';
}

static bool make(struct controller_key *key, const struct key_family_files *files)
{
	const char *size = after_prefix(key->name, "hugetlb.");
	size_t n = size ? strcspn(size, ".") : 0;
	char number[8];

	if (!size || !is_size(size, n) || !streq(size + n, ".max"))
		return false;
	/* "2MB" without its last letter is a size as people write it. */
	snprintf(number, sizeof(number), "%.*s", (int)n - 1, size);
	if (rbce_parse_size(number, &key->grain) < 0)
		return false;
	snprintf(files->file[0], files->size, "hugetlb.%.*s.limit_in_bytes", (int)n, size);
	snprintf(files->file[1], files->size, "hugetlb.%.*s.usage_in_bytes", (int)n, size);
	snprintf(files->file[2], files->size, "hugetlb.%.*s.max", (int)n, size);
	snprintf(files->file[3], files->size, "hugetlb.%.*s.current", (int)n, size);
	key->version[1].file = files->file[0];
	key->version[1].usage = files->file[1];
	key->version[2].file = files->file[2];
	key->version[2].usage = files->file[3];
	return true;
}

/*
 * No limit is shown as the largest number of whole huge pages on v1, and on v2 as that of pages
 * until "max" has been written.
 */
static int read_limit(const struct key_file *f, int dirfd, uint64_t *ret)
{
	uint64_t amount;
	int r = amount_read(dirfd, f->file, &amount);

	if (r == 0)
		*ret = amount > (UINT64_C(1) << 62) ? RBCE_UNLIMITED : amount;
	return r;
}

/* "hugepages-2048kB" in the kernel's list; its control files say "2MB". */
static const struct controller_key *key_of_pages(const char *name)
{
	static const char units[] = "KMG";
	unsigned long size;
	char key[64];
	int unit = 0, used = 0;

	if (sscanf(name, "hugepages-%lukB%n", &size, &used) != 1 || name[used])
		return NULL;
	for (; size >= 1024 && units[unit + 1]; unit++)
		size /= 1024;
	snprintf(key, sizeof(key), "hugetlb.%lu%cB.max", size, units[unit]);
	return family_find(key);
}

const struct controller_key *controller_key_here(size_t index)
{
	cleanup_dir DIR *dir = opendir("/sys/kernel/mm/hugepages");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const struct controller_key *key = key_of_pages(entry->d_name);

		if (key && index-- == 0)
			return key;
	}
	return NULL;
}

const struct controller_key controller_hugetlb = {
	.name = "hugetlb.SIZE.max",
	.help = "huge pages of a size (hugetlb.2MB.max), in bytes",
	.initial = "max",
	.controller = RBCE_HUGETLB,
	.unit = CONTROLLER_BYTES,
	.scope = SCOPE_LOWEST,
	.flags = CONTROLLER_FAMILY,
	.max = UINT64_C(1) << 62,
	.version =
		{
			[1] = {.file = "hugetlb.SIZE.limit_in_bytes",
			       .unlimited = "-1",
			       .read = read_limit},
			[2] = {.file = "hugetlb.SIZE.max", .unlimited = "max", .read = read_limit},
		},
	.family = make,
};
