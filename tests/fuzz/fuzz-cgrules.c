// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes to import_cgrules(): see import.h. */
#include <rules/import.h>

#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_import(import_cgrules, data, size);
	return 0;
}
