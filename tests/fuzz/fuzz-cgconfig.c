// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes to import_cgconfig(): see import.h. */
#include <rules/import.h>

#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_import(import_cgconfig, data, size);
	return 0;
}
