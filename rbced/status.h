/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon has done so far, in numbers: the reply to `rbcectl status`. */
#ifndef RBCED_STATUS_H
#define RBCED_STATUS_H

#include <json-c/json.h>

#include "engine.h"

/* As fields of OBJECT. */
void status_put(const struct engine *engine, struct json_object *object);

#endif
