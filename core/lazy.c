// SPDX-License-Identifier: LGPL-2.1-or-later
/* Libraries that are loaded when they are needed; see lazy.h. */
#include "lazy.h"

#include <dlfcn.h>

#include "util.h"

static bool forbidden;

void lazy_forbid(void)
{
	forbidden = true;
}

void *lazy_resolve(const char *names, size_t index, void **slots)
{
	void *library = dlopen(names, RTLD_LAZY | (forbidden ? RTLD_NOLOAD : 0));
	const char *name = names;

	for (size_t i = 0; i <= index; i++)
		name += strlen(name) + 1;
	slots[index] = library ? dlsym(library, name) : NULL;
	if (!slots[index]) {
		fprintf(stderr, "%s: cannot load '%s': %s\n", program_invocation_short_name, names,
			forbidden ? "it is too late" : dlerror());
		_exit(127);
	}
	return slots[index];
}
