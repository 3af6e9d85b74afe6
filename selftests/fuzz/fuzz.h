/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The random runs of the unit tests, with a fuzzer's input in place of random
 * numbers: the fuzzer looks for inputs that reach new code.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>

/* What libFuzzer calls with each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One run, by the target; it ends when fuzz_more() says so. */
void fuzz_run(void);

/* Is any input left? */
bool fuzz_more(void);

#endif /* FUZZ_H */
