// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl: look into reserved memory, use it, and learn about it. */
#include <argp.h>
#include <ctype.h>
#include <locale.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/options.h"
#include "cmd/commands.h"
#include "memctl.h"

#define COMMAND_ROW(name, option, words, summary) \
	{ words, summary, #option, WITH_##option ? cmd_##name : NULL },

static const struct command commands[] = {
	COMMANDS(COMMAND_ROW)
};

const char *argp_program_version = "memctl " MEMMGR_VERSION;

/* ---- finding the command ---- */

/* Words of @name that @argv begins with, if it has all of them; otherwise 0. */
static int words_matched(const char *name, int argc, char **argv)
{
	int words = 0;

	while (*name) {
		size_t len = strcspn(name, " ");

		if (words == argc || strlen(argv[words]) != len ||
		    strncmp(argv[words], name, len))
			return 0;
		name += len;
		name += *name == ' ';
		words++;
	}
	return words;
}

static const struct command *command_find(int argc, char **argv, int *words)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		*words = words_matched(commands[i].name, argc, argv);
		if (*words)
			return &commands[i];
	}
	return NULL;
}

/* The number of letters that must change to make @b of @a (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], len = strlen(b);

	if (len >= ARRAY_SIZE(row))
		return SIZE_MAX;
	for (size_t i = 0; i <= len; i++)
		row[i] = i;
	for (; *a; a++) {
		size_t diagonal = row[0]++;

		for (size_t i = 1; i <= len; i++) {
			size_t change = diagonal + (*a != b[i - 1]);
			size_t gap = (row[i] < row[i - 1] ? row[i] : row[i - 1]) + 1;

			diagonal = row[i];
			row[i] = change < gap ? change : gap;
		}
	}
	return row[len];
}

static const char *command_like(const char *word)
{
	const char *best = NULL;
	size_t least = 3;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const char *name = commands[i].name;
		size_t changes = distance(word, name);

		if (!commands[i].run)
			continue;
		if (!strncmp(name, word, strlen(word)) && strlen(word) >= 2)
			changes = 1;
		if (changes < least) {
			least = changes;
			best = name;
		}
	}
	return best;
}

static void print_command(FILE *to, const struct command *command)
{
	if (command->run)
		fprintf(to, "  %-14s %s\n", command->name, command->summary);
}

/* Commands that begin with the word @group: "heap list", "heap create" ... */
static bool print_group(FILE *to, const char *group)
{
	size_t len = strlen(group);
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const char *name = commands[i].name;

		if (!commands[i].run || strncmp(name, group, len) || name[len] != ' ')
			continue;
		print_command(to, &commands[i]);
		any = true;
	}
	return any;
}

static int unknown_command(int argc, char **argv)
{
	char words[128];
	const char *like;

	if (argc == 1 && print_group(stderr, argv[0])) {
		fprintf(stderr, "memctl: '%s' needs one of these words after it\n", argv[0]);
		return EXIT_USAGE;
	}
	snprintf(words, sizeof(words), "%s%s%s", argv[0], argc > 1 ? " " : "",
		 argc > 1 ? argv[1] : "");
	like = command_like(words);
	if (!like) {
		words[strlen(argv[0])] = '\0';
		like = command_like(words);
	}
	fprintf(stderr, "memctl: '%s' is not a command; ", words);
	if (like)
		fprintf(stderr, "did you mean '%s'?\n", like);
	else
		fprintf(stderr, "see memctl help\n");
	return EXIT_USAGE;
}

/* ---- memctl itself ---- */

static int run_help(struct memctl *ctl, int argc, char **argv);

/* Not among the others: main.c is all of it. */
static const struct command help = {
	"help", "all about one command: memctl help COMMAND", "MEMCTL", run_help,
};

static char *command_list(void)
{
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	if (!stream)
		return NULL;
	fputs("Commands:\n", stream);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		print_command(stream, &commands[i]);
	print_command(stream, &help);
	fputs("\nSizes are bytes or numbers with K, M, G, T (KiB, MiB, ...: the same, multiples\n"
	      "of 1024), such as 64K, 4MiB, 0x1000. Exit status: 0 success, 1 failure,\n"
	      "2 wrong usage, 3 no device.", stream);
	fclose(stream);
	return text;
}

static char *add_command_list(int key, const char *text, void *input)
{
	(void)input;
	return key == ARGP_KEY_HELP_POST_DOC ? command_list() : (char *)text;
}

struct start {
	struct memctl *ctl;
	int first;		/* index of the command in argv, 0: none */
};

static error_t parse_start(int key, char *arg, struct argp_state *state)
{
	struct start *start = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = start->ctl;
		return 0;
	case ARGP_KEY_ARG:
		/* The command parses everything from here on. */
		start->first = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_state_help(state, stderr, ARGP_HELP_USAGE);
		fprintf(stderr, "See the commands: memctl help\n");
		exit(EXIT_USAGE);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child start_children[] = {
	{ &global_argp, 0, NULL, -2 },
	{ 0 },
};

static const struct argp start_argp = {
	.parser = parse_start,
	.args_doc = "COMMAND [ARGUMENT...]",
	.doc = "Look into reserved memory, use it, and learn about it.\v ",
	.children = start_children,
	.help_filter = add_command_list,
};

static void print_names(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].run)
			puts(commands[i].name);
	}
}

static int run_command(struct memctl *ctl, int argc, char **argv);

static int run_help(struct memctl *ctl, int argc, char **argv)
{
	char *words[4] = { NULL };
	int count = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--names")) {
			print_names();
			return EXIT_OK;
		}
		if (argv[i][0] != '-' && count < 2)
			words[count++] = argv[i];
	}
	if (!count) {
		argp_help(&start_argp, stdout, ARGP_HELP_STD_HELP, "memctl");
		return EXIT_OK;
	}
	if (count == 1 && print_group(stdout, words[0]))
		return EXIT_OK;
	words[count++] = "--help";
	return run_command(ctl, count, words);
}

static int run_command(struct memctl *ctl, int argc, char **argv)
{
	const struct command *command;
	char name[64];
	int words;

	if (!strcmp(argv[0], help.name))
		return help.run(ctl, argc, argv);
	if (argc > 1 && !strcmp(argv[1], "--help") && print_group(stdout, argv[0]))
		return EXIT_OK;
	command = command_find(argc, argv, &words);
	if (!command)
		return unknown_command(argc, argv);
	if (!command->run) {
		fprintf(stderr, "memctl: '%s' is not built in; build memctl with %s=y\n",
			command->name, command->option);
		return EXIT_FAILED;
	}
	ctl->command = command->name;
	snprintf(name, sizeof(name), "memctl %s", command->name);
	argv += words - 1;
	argv[0] = name;
	return command->run(ctl, argc - words + 1, argv);
}

/* A result that could not be written must not look like success. */
static int finish_output(int code)
{
	bool failed = ferror(stdout);

	/* errno has had other uses since. What is written lacks a part: one more byte tells why. */
	if (failed)
		putchar('\n');
	if (fflush(stdout))
		perror("memctl: cannot write the result");
	else if (failed)
		fputs("memctl: cannot write the result\n", stderr);
	else
		return code;
	return code ? code : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct memctl ctl = { .command = "memctl", .fd = -1 };
	struct start start = { .ctl = &ctl };
	int code;

	setlocale(LC_CTYPE, "");
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = "memctl";
	if (argp_parse(&start_argp, argc, argv, ARGP_IN_ORDER, NULL, &start))
		return EXIT_USAGE;
	code = run_command(&ctl, argc - start.first, argv + start.first);
	code = code == EXIT_INTERRUPTED ? interrupt_code() : code;
	if (ctl.fd >= 0)
		memmgr_close(ctl.fd);
	return finish_output(code);
}
