/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Results as JSON, schema memctl/1. */
#ifndef MEMCTL_JSON_H
#define MEMCTL_JSON_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "memctl.h"

/* {"schema": "memctl/1", "command": ...}; with @key (if any) added to it. */
struct json_object *json_result(const struct memctl *ctl, const char *key,
				struct json_object *value);
/* Adds to an object, which owns @value from now on. */
void json_add(struct json_object *object, const char *key,
	      struct json_object *value);
/* Prints and frees; as one line: for results that follow each other. */
void json_print(struct json_object *result);
void json_print_line(struct json_object *result);
struct json_object *json_u64(uint64_t number);
struct json_object *json_handle(uint64_t handle);
struct json_object *json_chars(const char *chars, size_t size);

#endif /* MEMCTL_JSON_H */
