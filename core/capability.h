/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CORE_CAPABILITY_H
#define CORE_CAPABILITY_H

#include <stdbool.h>

/* Has this process the capability (linux/capability.h, capabilities(7)) in force? */
bool has_capability(unsigned capability);

#endif
