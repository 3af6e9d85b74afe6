/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The harness, for files of the library whose functions end a test that fails. The harness
 * is made for programs of one file: it defines symbols in each file that includes it. Those
 * of the library are weak, so that the linker takes the program's.
 */
#ifndef MEMMGR_ASSERTING_H
#define MEMMGR_ASSERTING_H

#pragma weak _fixture_global
#pragma weak __active_test
#pragma weak __run_test
#pragma weak __wait_for_test
static int __attribute__((unused)) test_harness_run(int argc, char **argv);
#include "kselftest_harness.h"

#endif /* MEMMGR_ASSERTING_H */
