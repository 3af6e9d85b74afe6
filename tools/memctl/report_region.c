// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "report.h"
int report_region(const struct memctl *ctl, const struct report_times *times,
		  struct report *report) { (void)ctl; (void)times; (void)report; return 1; }
