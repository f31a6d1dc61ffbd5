/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAIL_H
#define FAIL_H

/* Says why on standard error, with errno and OpenSSL's errors if there are any, and ends the program with status 1. */
_Noreturn void fail(const char *why);

#endif
