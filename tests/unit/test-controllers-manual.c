// SPDX-License-Identifier: GPL-2.0-or-later
/* rbce-controllers(7) against the controller table. Run from the top of the source tree. */
#include <controllers/controllers.h>
#include <controllers/internal.h>
#include <stdbool.h>
#include <string.h>

#include "harness.h"

/* How many bytes of a key's name are no word in capitals, which the manual has as an argument. */
static int fixed_part(const struct controller_key *key)
{
	return (int)strcspn(key->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* The manual's entry of KEY: ".It Cm hugetlb. Ns Ar SIZE ..." up to the next. */
static void find_entry(const char *page, const struct controller_key *key, char *buf, size_t size)
{
	const char *start, *end, *end_of_list;

	snprintf(buf, size, "\n.It Cm %.*s Ns ", fixed_part(key), key->name);
	start = strstr(page, buf);
	ck_assert_msg(start != NULL, "the manual has no '%s'", key->name);
	end = strstr(start + 1, "\n.It Cm ");
	end_of_list = strstr(start, "\n.El\n");
	if (!end || (end_of_list && end_of_list < end))
		end = end_of_list;
	ck_assert_ptr_nonnull(end);
	ck_assert_uint_lt((size_t)(end - start), size);
	snprintf(buf, size, "%.*s\n", (int)(end - start), start);
}

static bool is_key(const char *name, size_t n)
{
	const struct controller_key *key;

	for (size_t i = 0; (key = controller_key_at(i)); i++)
		if ((size_t)fixed_part(key) == n && memcmp(key->name, name, n) == 0)
			return true;
	return false;
}

/* An entry for each key, with its files and what it needs; and for nothing else. */
START_TEST(manual)
{
	FILE *file = fopen("man/rbce-controllers.7", "r");
	static char page[65536], entry[8192];
	const struct controller_key *key;

	ck_assert_msg(file != NULL, "run this from the top of the source tree");
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	ck_assert(feof(file) || fgetc(file) == EOF);
	fclose(file);
	for (size_t i = 0; (key = controller_key_at(i)); i++) {
		find_entry(page, key, entry, sizeof(entry));
		for (int version = 1; version <= 2; version++) {
			const char *name = controller_key_file(key, version);

			ck_assert_msg(!name || strstr(entry, name), "%s: no word of %s", key->name,
				      name);
		}
		ck_assert_msg(!(key->flags & CONTROLLER_PATCHED) ==
				      !strstr(entry, "patched kernel"),
			      "%s: needs it the patched kernel or not?", key->name);
		ck_assert_msg(!controller_key_repeats(key) == !strstr(entry, "May be given "),
			      "%s: may it be given more than once or not?", key->name);
	}
	for (const char *p = page; (p = strstr(p, "\n.It Cm ")); p++) {
		const char *name = p + strlen("\n.It Cm ");

		ck_assert_msg(is_key(name, strcspn(name, " \n")), "the manual has '%.20s'", name);
	}
}
END_TEST

int main(void)
{
	return harness_run("controllers-manual", (const TTest *const[]){manual, NULL});
}
