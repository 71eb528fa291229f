/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cleanups for what functions of the library return, one place for all; see util.h. Internal. */
#ifndef CORE_OWN_H
#define CORE_OWN_H

#include <rbce/checkpoint.h>
#include <rbce/container.h>

#include "util.h"

DEFINE_CLEANUP(char **, rbce_names_free)
DEFINE_CLEANUP(struct rbce_container *, rbce_container_close)
DEFINE_CLEANUP(struct rbce_manifest *, rbce_manifest_free)

#endif
