# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Front end for people; Kbuild says what the module is made of, and
# `make -C $KDIR M=$PWD` works without this file. `make help` lists the targets.

# Of the guest; scripts/kernels lists them.
KERNEL ?= armhf

KDIR ?= $(KERNEL_SRC)
running := /lib/modules/$(shell uname -r)/build
fetched := $(CURDIR)/build/kernel-$(KERNEL)/headers

# Without a kernel tree of the user's: the running kernel's, else the guest's.
ifeq ($(KDIR),)
ifneq ($(wildcard $(running)/Makefile),)
KDIR := $(running)
which := the running kernel
else
KDIR := $(fetched)
which := the guest's kernel (Debian's $(KERNEL))
kbuild_flags = $(shell scripts/kernels $(KERNEL))
kernel_tree := guest-tree
endif
else
which := the given kernel tree
endif

prefix ?= /usr/local
kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR) $(kbuild_flags)
export V T REFRESH KERNEL TIMES
# The scripts build for their own kernels: what is meant for the user's must not
# reach them.
scripts = env -u ARCH -u CROSS_COMPILE -u KDIR -u KERNEL_SRC -u MAKEFLAGS -u MFLAGS scripts

.PHONY: all modules modules_install tools install clean distclean help guest-tree \
	fetch guest run shell quick check check-all check-debug style size bench latency soak \
	coverage mutate fuzz
all: modules

modules: $(kernel_tree)
	@test -f $(KDIR)/Makefile || { echo "error: no kernel tree at $(KDIR): give KDIR= the" \
		"folder of a configured kernel, or nothing at all" >&2; exit 1; }
	@echo "memmgr.ko for $(which): $(KDIR)"
	+$(kbuild) modules

modules_install: modules
	+$(kbuild) modules_install

tools:
	+$(MAKE) -C tools

install: tools
	+$(MAKE) -C tools install prefix=$(prefix) DESTDIR=$(DESTDIR)

# What make leaves in the source tree, without needing a kernel tree to clean by.
clean:
	find . \( -path ./build -o -path ./.git \) -prune -o -type f \( -name '*.o' -o -name '*.ko' \
		-o -name '.*.cmd' -o -name '*.mod' -o -name '*.mod.c' -o -name '.*.d' \
		-o -name modules.order -o -name Module.symvers \) -exec rm -f {} +
	rm -rf build/module-* build/remap-* build/client-* build/importer-* build/caller-* build/bench* build/tools* build/selftests-* \
		build/examples-* build/unit build/static* build/guest build/log build/results*

distclean: clean
	rm -rf build

guest-tree:
	@$(scripts)/setup run
	@$(scripts)/fetch guest

fetch:
	@$(scripts)/setup run check
	@$(scripts)/fetch guest source

guest: fetch
	@$(scripts)/build-guest $(KERNEL) tests
	@$(scripts)/initramfs $(KERNEL) tests

run: guest-tree
	@$(scripts)/build-guest $(KERNEL) run
	@$(scripts)/initramfs $(KERNEL) run
	@$(scripts)/boot demo

shell: guest-tree
	@$(scripts)/build-guest $(KERNEL) run
	@$(scripts)/initramfs $(KERNEL) run
	@$(scripts)/boot -i shell

quick:
	@$(scripts)/quick '$(T)'

check:
	@$(scripts)/check '$(T)'

check-all:
	@$(scripts)/check-all '$(T)'

check-debug:
	@$(scripts)/check-debug '$(T)'

style:
	@$(scripts)/check '^static\.'

size: fetch
	@$(scripts)/size

bench: guest
	@$(scripts)/bench

latency: guest
	@$(scripts)/latency

soak: guest
	@SOAK_OPS=$(or $(SOAK_OPS),10000000) $(scripts)/boot soak

coverage:
	@$(scripts)/coverage

mutate:
	@$(scripts)/mutate $(if $(filter command line,$(origin KERNEL)),-k $(KERNEL)) '$(T)'

fuzz: guest
	@$(scripts)/fuzz

help:
	@scripts/help
