// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The options that every command takes. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "memctl.h"

#define KEY_JSON	0x100

static const struct argp_option global_options[] = {
	{ 0, 0, 0, 0, "Options of every command:", -2 },
	{ "region", 'r', "REGION", 0,
	  "Region by name, number or device path (default: $MEMMGR_DEVICE, or /dev/memmgr)", -2 },
	{ "json", KEY_JSON, 0, 0, "Result as JSON, schema memctl/1; errors as JSON on stderr", -2 },
	{ 0 },
};

static error_t parse_global(int key, char *arg, struct argp_state *state)
{
	struct memctl *ctl = state->input;

	switch (key) {
	case 'r':
		if (!*arg)
			argp_error(state, "--region: is empty; give a name, number or path");
		ctl->region = arg;
		return 0;
	case KEY_JSON:
		ctl->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp global_argp = { global_options, parse_global, 0, 0, 0, 0, 0 };

/* The inputs of the two parsers that parse_args() joins. */
struct inputs {
	struct memctl *ctl;
	void *command;
};

static error_t parse_joined(int key, char *arg, struct argp_state *state)
{
	struct inputs *inputs = state->input;

	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = inputs->command;
	state->child_inputs[1] = inputs->ctl;
	return 0;
}

/*
 * A word like "-5" would be taken for an unknown option. No option is a digit,
 * so say what is wrong with it, unless it is the value of an option.
 */
static void refuse_negative_words(const struct argp *argp, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (argv[i][0] != '-' || !isdigit((unsigned char)argv[i][1]) ||
		    (i > 1 && argv[i - 1][0] == '-'))
			continue;
		fprintf(stderr, "%s: '%s' is negative; give a positive number, or -- before it "
			"if it is text\n", argv[0], argv[i]);
		argp_help(argp, stderr, ARGP_HELP_SEE, argv[0]);
		exit(EXIT_USAGE);
	}
}

void parse_args(struct memctl *ctl, const struct argp *argp, int argc, char **argv,
		void *input)
{
	struct inputs inputs = { ctl, input };
	const struct argp_child children[] = {
		{ argp, 0, NULL, 0 },
		{ &global_argp, 0, NULL, -2 },
		{ 0 },
	};
	const struct argp joined = { 0, parse_joined, NULL, NULL, children, 0, 0 };

	refuse_negative_words(&joined, argc, argv);
	if (argp_parse(&joined, argc, argv, 0, NULL, &inputs))
		exit(EXIT_USAGE);
}
