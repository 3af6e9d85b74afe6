# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: libmemmgr(3): the installed files serve a program in C and one in C++.

# What is installed serves a program in C, and one in C++ if there is a compiler.
test_library() {
	make --no-print-directory -C "$top/tools" O="$work/lib" CC=gcc DESTDIR="$work/root" prefix=/usr install
	cat >"$work/use.c" <<-'EOT'
		#include <memmgr.h>
		#include <stdio.h>
		int main(void)
		{
			uint64_t bytes = 0;
			int fd = memmgr_open("/nonexistent", 0);

			memmgr_parse_size("3MiB", &bytes);
			printf("%d %llu %s\n", fd, (unsigned long long)bytes,
			       memmgr_reason_name(MEMMGR_REASON_FRAGMENTED));
			return 0;
		}
	EOT
	gcc -Wall -Wextra -Werror -I"$work/root/usr/include" -o "$work/use" "$work/use.c" \
		-L"$work/root/usr/lib" -lmemmgr
	LD_LIBRARY_PATH=$work/root/usr/lib prints '-2 3145728 fragmented' "$work/use"
	readelf -d "$work/use" | grep -q 'libmemmgr.so.0'
	[ "$(nm -D --defined-only "$work/root/usr/lib/libmemmgr.so" | awk '$3 !~ /^memmgr_|^LIBMEMMGR/')" = '' ]
	# Each function of the header is exported, and no other.
	diff <(grep -oE '\bmemmgr_[a-z_]+\(' "$work/root/usr/include/memmgr.h" | tr -d '(' | sort -u) \
		<(nm -D --defined-only "$work/root/usr/lib/libmemmgr.so" |
			sed -n 's/.* T \(memmgr_[a-z_]*\)@.*/\1/p' | sort -u)
	! command -v g++ >/dev/null || g++ -Wall -Werror -fsyntax-only -I"$work/root/usr/include" -x c++ "$work/use.c"
}
