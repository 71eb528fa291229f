/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields of JSON objects, added in one line each. */
#ifndef RBCED_PUT_H
#define RBCED_PUT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* NULL becomes null. */
static inline void put_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value ? json_object_new_string(value) : NULL);
}

static inline void put_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static inline void put_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

static inline struct json_object *put_object(struct json_object *object, const char *key)
{
	struct json_object *child = json_object_new_object();

	json_object_object_add(object, key, child);
	return child;
}

static inline struct json_object *put_array(struct json_object *object, const char *key)
{
	struct json_object *child = json_object_new_array();

	json_object_object_add(object, key, child);
	return child;
}

#endif
