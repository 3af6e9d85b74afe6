// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "device.h"

int child_result(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

pid_t start_child(void)
{
	pid_t child = fork();

	if (!child)
		end_with_parent();
	return child;
}

void end_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

int become_user(uid_t uid)
{
	return setresgid(uid, uid, uid) || setresuid(uid, uid, uid) ? -EPERM : 0;
}

int open_as(int node, uid_t uid)
{
	if (uid && become_user(uid))
		return -EPERM;
	return open_again(node, O_RDWR);
}

int open_as_nobody(int node)
{
	return open_as(node, NOBODY);
}

int as_user(uid_t uid, int (*step)(int fd, int node, __u64 what), __u64 what)
{
	int node = open_public_node();
	pid_t child;

	if (node < 0)
		return 100;
	child = fork();
	if (!child) {
		int fd = open_as(node, uid);

		_exit(fd < 0 ? 101 : step(fd, node, what));
	}
	close(node);
	return child_result(child);
}

int send_file(int socket, int file)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), &file, sizeof(file));
	return sendmsg(socket, &m, 0) == 1 ? 0 : -1;
}

int receive_file(int socket)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int file = -1;

	if (recvmsg(socket, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(file));
	return file;
}
