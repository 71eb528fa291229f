/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON that is given back at the end of its block: CLEANUP(json_object_put_p). */
#ifndef CORE_CLI_JSON_H
#define CORE_CLI_JSON_H

#include <json-c/json.h>

#include "util.h"

DEFINE_CLEANUP(struct json_object *, json_object_put)

#endif
