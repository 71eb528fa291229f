/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The proc connector as a source of events: Linux, Documentation/driver-api/connector.rst and
 * linux/cn_proc.h. Needs CAP_NET_ADMIN and the initial pid and network namespaces.
 */
#ifndef RBCED_CONNECTOR_H
#define RBCED_CONNECTOR_H

#include "engine.h"

/* Begins to listen; events arrive in the engine's loop. Release with connector_close(). */
int connector_open(struct engine *engine, struct connector **ret, struct rbce_error *err);
struct connector *connector_close(struct connector *connector);

#endif
