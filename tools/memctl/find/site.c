// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Places in programs as people know them: by addr2line, where it and symbols are. */
#include <ctype.h>
#include <elf.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "find/site.h"

extern char **environ;

/* The place of a segment in a file, and its address in the program. */
struct segment {
	uint64_t offset;
	uint64_t bytes;
	uint64_t address;
};

static bool segment_64(const Elf64_Phdr *p, struct segment *s)
{
	*s = (struct segment) { p->p_offset, p->p_filesz, p->p_vaddr };
	return p->p_type == PT_LOAD;
}

static bool segment_32(const Elf32_Phdr *p, struct segment *s)
{
	*s = (struct segment) { p->p_offset, p->p_filesz, p->p_vaddr };
	return p->p_type == PT_LOAD;
}

/* The address of a file's offset, or the offset itself where there is none. */
static uint64_t address_of(int fd, uint64_t offset)
{
	union { unsigned char ident[EI_NIDENT]; Elf64_Ehdr e64; Elf32_Ehdr e32; } head;
	union { Elf64_Phdr p64; Elf32_Phdr p32; } header;
	struct segment s;
	bool wide, load;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.ident, ELFMAG, SELFMAG))
		return offset;
	wide = head.ident[EI_CLASS] == ELFCLASS64;
	for (unsigned int i = 0; i < (wide ? head.e64.e_phnum : head.e32.e_phnum); i++) {
		off_t at = wide ? head.e64.e_phoff + (uint64_t)i * head.e64.e_phentsize :
				  head.e32.e_phoff + (uint64_t)i * head.e32.e_phentsize;

		if (pread(fd, &header, sizeof(header), at) != sizeof(header))
			break;
		load = wide ? segment_64(&header.p64, &s) : segment_32(&header.p32, &s);
		if (load && offset >= s.offset && offset - s.offset < s.bytes)
			return offset - s.offset + s.address;
	}
	return offset;
}

/* The first line that a program prints; false when it failed. */
static bool first_line(char *const argv[], char *line, size_t size)
{
	posix_spawn_file_actions_t actions;
	int ends[2], status = -1;
	bool started;
	FILE *file;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	started = !posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	file = fdopen(ends[0], "r");
	if (!file || !fgets(line, size, file))
		*line = 0;
	if (file)
		fclose(file);
	else
		close(ends[0]);
	if (started)
		waitpid(pid, &status, 0);
	line[strcspn(line, "\n")] = 0;
	return started && !status && *line;
}

/* Bytes that are not ASCII, as octal: anybody may name a file. */
static char *printable(const char *text)
{
	char *copy = malloc(4 * strlen(text) + 1), *to = copy;

	if (!copy)
		out_of_memory();
	for (; *text; text++)
		to += isprint((unsigned char)*text) && (unsigned char)*text < 0x80 ?
		      sprintf(to, "%c", *text) :
		      sprintf(to, "\\%03o", (unsigned char)*text);
	*to = 0;
	return copy;
}

/* The user that called sudo trusts his own files. */
static bool is_trusted(uid_t owner)
{
	const char *sudo = getenv("SUDO_UID");

	return !owner || owner == geteuid() || (sudo && owner == (uid_t)strtoul(sudo, NULL, 10));
}

/*
 * Anybody may name a file as his, and replace it: it is opened only when it is a plain
 * one of somebody whom we trust, and read through the descriptor that was looked at.
 */
static int open_program(const char *name)
{
	int fd, found = open(name, O_PATH | O_CLOEXEC);
	char path[32];
	struct stat st;

	if (found < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	fd = fstat(found, &st) || !S_ISREG(st.st_mode) || !is_trusted(st.st_uid) ? -1 :
	     open(path, O_RDONLY | O_CLOEXEC);
	close(found);
	return fd;
}

/* By the symbols of its file. */
static bool resolve(const struct memmgr_site *site, char *line, size_t size)
{
	int fd = open_program(site->name);
	char address[32], path[48];
	char *const argv[] = { "addr2line", "-Cfpe", path, address, NULL };
	bool good;

	if (fd < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	snprintf(address, sizeof(address), "0x%llx",
		 (unsigned long long)address_of(fd, site->offset));
	good = first_line(argv, line, size) && strncmp(line, "??", 2);
	close(fd);
	return good;
}

char *site_text(const struct memmgr_site *site)
{
	char text[MEMMGR_SITE_NAME + 32];

	if (site->kind == MEMMGR_SITE_USER && !*site->name && !site->offset)
		return printable("another user's program");
	if (site->kind == MEMMGR_SITE_KERNEL && !*site->name)
		return printable("kernel code");
	if (site->kind == MEMMGR_SITE_KERNEL) {
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(site->name, "\n"), site->name);
		return printable(text);
	}
	if (*site->name == '/' && resolve(site, text, sizeof(text)))
		return printable(text);
	snprintf(text, sizeof(text), "%s+0x%llx", *site->name ? site->name : "[no file]",
		 (unsigned long long)site->offset);
	return printable(text);
}
