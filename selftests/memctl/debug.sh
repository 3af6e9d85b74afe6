# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Sourced by test. Rule: memctl(1), command debug: it switches the search for memory errors, prints its
# counters, and says why the module refuses.

test_debug() {
	local jq='.heaps[0] | [.red_zone_bytes, .poison, .quarantine_bytes, .quarantine_blocks, .guard_interval]'
	m heap create frames --kind pool --block-size 64K --count 2 >/dev/null
	prints 'nothing is looked for' m debug
	says "$jq" '[null,false,null,null,null]' m debug --json
	# Each alone, as usual and as told; what is not given is off.
	says "$jq" '[64,false,null,null,null]' m debug --json main --red-zones
	says "$jq" '[4096,false,null,null,null]' m debug --json main --red-zones=4K
	says "$jq" '[null,true,null,null,null]' m debug --json main --poison
	says "$jq" '[null,false,3145728,256,null]' m debug --json main --quarantine
	says "$jq" '[null,false,65536,256,null]' m debug --json main --quarantine=64K
	says "$jq" '[null,false,1048576,7,null]' m debug --json main --quarantine=1M,7
	says "$jq" '[null,false,null,null,100]' m debug --json main --guards
	says "$jq" '[8,true,4096,4096,1000000]' m debug --json main --red-zones=8 --poison \
		--quarantine=4K,4096 --guards=1000000
	says "$jq" '[8,true,4096,4096,1000000]' m debug --json main
	says '.heaps | map(.red_zone_bytes)' '[8,null]' m debug --json
	says '.heaps | map(.heap, .poison)' '["main",true,"frames",true]' m debug --json --poison
	says '.heaps | map(.poison)' '[false,false]' m debug --json --off
	m debug --off >"$work/stdout"
	lacks 'nothing is looked for' "$work/stdout"
	grep -qE '^frames +off +off +off +off +0$' "$work/stdout"
}

# What was found, held and guarded; what was held when it was turned off still is.
test_debug_counts() {
	export FAKE_HELD='123456 12 3 17 5'
	m debug --red-zones=128 --poison --quarantine=1M --guards=10 >"$work/stdout"
	grep -qE '^HEAP +RED ZONES +POISON +QUARANTINE +GUARDS +GUARDED +NO ROOM +ERRORS$' "$work/stdout"
	grep -qE '^main +128 B +on +120\.5K of 1M, 12 of 256 blocks +1 in 10, 3 now +17 +5 +0$' \
		"$work/stdout"
	lacks 'memctl errors' "$work/stdout"
	prints 'off, 120.5K in 12 blocks  off, 3 now' m debug --off
	says '.heaps[0] | [.held_bytes, .held_blocks, .guards, .guarded, .unzoned, .found]' \
		'[123456,12,3,17,5,0]' m debug --json
	! FAKE_BROKEN='0:2:red zone' m check main >/dev/null 2>&1 || return 1
	prints 'memctl errors shows what was found' m debug main
	says '.heaps[0].found' 2 m debug --json
}

test_debug_usage() {
	local text
	for text in '' x 64Q -8 0 7 4097 4K8; do
		fails 2 '--red-zones: ' m debug --red-zones="$text"
	done
	fails 2 'is no multiple of 8 bytes' m debug --red-zones=12
	fails 2 'give 8 to 4096 bytes' m debug --red-zones=8K
	for text in '' x 64Q -8 0 ,5 64K, 64K,0 64K,4097 64K,1K 64K,5,6 99999999999999999999; do
		fails 2 '--quarantine: ' m debug --quarantine="$text"
	done
	fails 2 '--quarantine: N: 4097 is out of range; give 1 to 4096' m debug --quarantine=1M,4097
	for text in '' x 1K -1 0 1000001; do
		fails 2 '--guards: ' m debug --guards="$text"
	done
	fails 2 "doesn't allow an argument" m debug --poison=1
	fails 2 'goes alone' m debug --off --poison
	fails 2 'goes alone' m debug --guards --off main
	fails 2 'one word too many' m debug main main
	fails 2 "'64' is taken for a HEAP; a number follows its option with '='" m debug --red-zones 64
	fails 2 "'1M' is taken for a HEAP" m debug main --quarantine 1M
	fails 1 "there is no heap 'nowhere'" m debug nowhere --poison
	# None of it has turned anything on.
	prints 'nothing is looked for' m debug
	fails 2 "did you mean 'debug'" m debgu
}

# Who may not, and modules that cannot: what to do is told.
test_debug_refused() {
	local command
	FAKE_NOT_ROOT=1 fails 1 'that takes CAP_SYS_ADMIN; run it as root' m debug --poison
	FAKE_NOT_ROOT=1 fails 1 '"errno": "EPERM"' m debug --off --json
	FAKE_NOT_ROOT=1 prints 'nothing is looked for' m debug
	for command in debug 'debug --red-zones' errors; do
		# shellcheck disable=SC2086 # words
		FAKE_NO_DEBUG=1 fails 1 'was built without DEBUG; build it with DEBUG=y' m $command
		# shellcheck disable=SC2086
		FAKE_OLD=1 fails 1 'does not know this call; load the module of the same version' m $command
		[ ! -s "$work/stdout" ]
	done
	FAKE_OLD=1 fails 1 '"errno": "ENOTTY"' m --json errors
}

# memmgr_debug() takes back what it gave, with only the flags changed.
test_debug_library() {
	cat >"$work/use.c" <<-'EOT'
		#include <memmgr.h>
		#include <fcntl.h>
		#include <stdio.h>
		int main(void)
		{
			struct memmgr_debug d = {
				.flags = MEMMGR_DEBUG_SET | MEMMGR_DEBUG_ZONES | MEMMGR_DEBUG_QUARANTINE |
					 MEMMGR_DEBUG_GUARDS,
				.zone = 16, .guard_interval = 7,
			};
			int fd = memmgr_open(NULL, O_RDWR), err = memmgr_debug(fd, &d);

			printf("%d %x %u %u,", err, d.flags, d.zone, d.guard_interval);
			err = memmgr_debug(fd, &d);
			printf("%d %x %u %u,", err, d.flags, d.zone, d.guard_interval);
			d.flags = MEMMGR_DEBUG_SET | MEMMGR_DEBUG_GUARDS;
			err = memmgr_debug(fd, &d);
			printf("%d %x %u %u,", err, d.flags, d.zone, d.guard_interval);
			d.flags |= MEMMGR_DEBUG_SET | 1u << 31;
			err = memmgr_debug(fd, &d);
			printf("%d %x %u %u\n", err, d.flags, d.zone, d.guard_interval);
			return 0;
		}
	EOT
	gcc -std=gnu11 -fsanitize=address,undefined -I"$top/tools/libmemmgr" -I"$top/include/uapi" \
		-o "$work/use" "$work/use.c" "$out"/libmemmgr.d/*.o
	touch "$work/region"
	FAKE_HELD='4096 1 2 3 4' MEMMGR_DEVICE=$work/region ASAN_OPTIONS=detect_leaks=0 \
		LD_PRELOAD="$asan $out/fake_memmgr.so" prints \
		'0 1a 16 7,0 1a 16 7,0 10 0 7,-22 80000011 0 7' "$work/use"
}
