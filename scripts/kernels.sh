# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# The kernels that memmgr is built for and tested on: part of lib.sh.

# kernel  machine  Debian's package  QEMU's CPU
#
# The 16k kernel does not start on a cortex-a57, which lacks pages of 16 KiB. A kernel whose
# package is a source is built here, of selftests/kernels/NAME.config.
kernels() {
	cat <<-'EOT'
	armhf           armhf  linux-image-armmp           cortex-a15
	armhf-rt        armhf  linux-image-rt-armmp        cortex-a15
	arm64           arm64  linux-image-arm64           cortex-a57
	arm64-6.12      arm64  linux-image-6.12-arm64      cortex-a57
	arm64-16k       arm64  linux-image-6.12-arm64-16k  cortex-a76
	arm64-rt        arm64  linux-image-6.12-rt-arm64   cortex-a57
	amd64           amd64  linux-image-amd64           max
	amd64-6.12      amd64  linux-image-6.12-amd64      max
	debug           armhf  linux-source-6.1            cortex-a15
	arm64-64k       arm64  linux-source-6.12           cortex-a57
	arm64-rt-debug  arm64  linux-source-6.12           cortex-a57
	um              um     linux-source-6.1            -
	EOT
}

# machine  architecture  ARCH=  image  compiler  QEMU  its least version  board  console  virtio  loader  programs
#
# architecture: as Debian calls that of the programs.
# programs: the architecture whose programs the kernels run beside their own.
# Debian 12's QEMU 7.2 may run code of arm64 that the kernel has patched meanwhile.
# User-mode Linux is a program of this machine, in the place of a QEMU.
machines() {
	cat <<-'EOT'
	armhf  armhf  arm    zImage   arm-linux-gnueabihf  qemu-system-arm                       7   virt  ttyAMA0  mmio  lib/ld-linux-armhf.so.3         -
	arm64  arm64  arm64  Image    aarch64-linux-gnu    build/qemu/usr/bin/qemu-system-aarch64  10  virt  ttyAMA0  mmio  lib/ld-linux-aarch64.so.1       armhf
	amd64  amd64  x86    bzImage  x86_64-linux-gnu     qemu-system-x86_64                    7   q35   ttyS0    pci   lib64/ld-linux-x86-64.so.2      -
	um     amd64  um     linux    x86_64-linux-gnu     build/kernel-um/linux                 -   um    tty0     -     lib64/ld-linux-x86-64.so.2      -
	EOT
}

# Those of Debian, which make check-all checks, and all that KERNEL= takes.
kernel_names() { kernels | awk '$3 ~ /^linux-image-/ { print $1 }' | xargs; }
all_kernel_names() { kernels | awk '{ print $1 }' | xargs; }

is_built_here() { [[ $package = linux-source-* ]]; }

# for_kernel NAME: sets $kernel, and all that the tables tell of it.
# shellcheck disable=SC2034 # for the caller
for_kernel() {
	local name machine triplet
	kernel=
	while read -r name machine package cpu; do
		[ "$name" != "$1" ] || { kernel=$name && break; }
	done < <(kernels)
	[ -n "$kernel" ] || die "no kernel is named '$1'" "KERNEL= takes one of: $(all_kernel_names)"
	while read -r name arch karch image triplet qemu qemu_least board console virtio loader compat; do
		[ "$name" != "$machine" ] || break
	done < <(machines)
	# Debian's libraries of armhf are laid out for pages of 4 KiB: with larger ones ld.so refuses them.
	[[ $compat != - && $kernel != *-16k && $kernel != *-64k ]] || compat=
	cross=$triplet-
	libraries=lib/$triplet
	sysroot=$build/sysroot-$arch
	headers=$build/kernel-$kernel/headers
	kbuild_flags=(ARCH="$karch" CROSS_COMPILE="$cross" CC="${cross}gcc-12")
	[[ $qemu != */* ]] || qemu=$top/$qemu
}

# What the cache calls the source package of a kernel that is built here, and the folder
# under build/. The tests take parts of the first one.
source_set() {
	case $package in
	linux-source-6.1) echo source ;;
	*) echo "${package#linux-}" ;;
	esac
}

source_folder() { echo "linux-$(source_set)"; }

# What the logs of a boot case are called, on this kernel.
name_of_boot() {
	if [ "$kernel" = armhf ]; then
		echo "$1"
	else
		echo "$1.$kernel"
	fi
}
