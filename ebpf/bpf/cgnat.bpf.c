// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The production object. So far it holds the plan; the programs join it with the packet path. */
#include "maps.h"

char _license[] SEC("license") = "Dual BSD/GPL";
