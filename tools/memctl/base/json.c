// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Results as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/words.h"
#include "memctl.h"

struct json_object *json_u64(uint64_t number)
{
	return json_object_new_uint64(number);
}

struct json_object *json_handle(uint64_t handle)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, handle);
	return json_object_new_string(text);
}

struct json_object *json_chars(const char *chars, size_t size)
{
	char *text = clean_copy(chars, size);
	struct json_object *string = json_object_new_string(text);

	free(text);
	return string;
}

void json_add(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value))
		out_of_memory();
}

struct json_object *json_result(const struct memctl *ctl, const char *key,
				struct json_object *value)
{
	struct json_object *result = json_object_new_object();

	json_add(result, "schema", json_object_new_string("memctl/1"));
	json_add(result, "command", json_object_new_string(ctl->command));
	if (key)
		json_add(result, key, value);
	return result;
}

void json_print(struct json_object *result)
{
	puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_SPACED |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(result);
}

void json_print_line(struct json_object *result)
{
	puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(result);
}
