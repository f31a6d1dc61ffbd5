/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "fail.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fail(const char *why)
{
    fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, why, errno ? ": " : "",
        errno ? strerror(errno) : "");
    ERR_print_errors_fp(stderr);
    exit(1);
}
