/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uthash as a library may use it: a failed allocation leaves the element out, its hh.tbl NULL,
 * instead of ending the program. Internal.
 */
#ifndef RULES_HASH_H
#define RULES_HASH_H

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

#endif
