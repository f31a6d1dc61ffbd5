/* SPDX-License-Identifier: Apache-2.0 */
#include "run_limits.h"
#include "fail.h"

#include <stdlib.h>
#include <string.h>

struct limits limits_parse(const char *option, const char *value)
{
    struct limits limits = {0};
    if (strcmp(option, "--seconds") == 0) limits.seconds = atof(value);
    else if (strcmp(option, "--count") == 0) limits.count = strtoul(value, NULL, 10);
    if (limits.seconds <= 0 && limits.count == 0) fail("give --seconds or --count, above 0");
    return limits;
}
