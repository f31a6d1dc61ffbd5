/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_LIMITS_H
#define RUN_LIMITS_H

#include <stddef.h>

/* How long a run lasts. */
struct limits {
    double seconds; /* 0: no limit */
    size_t count;   /* requests of all connections or threads together; 0: no limit */
};

/* From `--seconds S` or `--count N`. */
struct limits limits_parse(const char *option, const char *value);

#endif
