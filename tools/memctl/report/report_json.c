// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A report as JSON. */
#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "base/table.h"
#include "report/report.h"

static struct json_object *text_json(const char *text)
{
	return text ? json_chars(text, strlen(text)) : NULL;
}

/* A command of several lines is several. */
static struct json_object *commands_json(const char *command)
{
	struct json_object *array = json_object_new_array();

	while (command && *command) {
		size_t len = strcspn(command, "\n");

		json_object_array_add(array, json_chars(command, len));
		command += len;
		command += *command == '\n';
	}
	return array;
}

static struct json_object *advice_json(const struct report *report)
{
	static const char *const levels[] = {
		[LEVEL_GOOD] = "good", [LEVEL_NOTE] = "note", [LEVEL_WARN] = "warn",
	};
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < report->advice_count; i++) {
		const struct report_advice *advice = &report->advice[i];
		struct json_object *object = json_object_new_object();

		json_add(object, "level", json_object_new_string(levels[advice->level]));
		json_add(object, "text", text_json(advice->text));
		json_add(object, "commands", commands_json(advice->command));
		json_object_array_add(array, object);
	}
	return array;
}

struct json_object *report_json(const struct report *report)
{
	struct json_object *object = json_object_new_object();

	json_add(object, "of", text_json(report->title));
	json_add(object, "about", text_json(report->subtitle));
	json_add(object, "facts", table_json_row(report->facts, 0));
	json_add(object, "advice", advice_json(report));
	for (size_t i = 0; i < report->section_count; i++)
		json_add(object, report->sections[i].key, table_json(report->sections[i].table));
	json_add(object, "lacking", text_json(report->lacking));
	return object;
}
