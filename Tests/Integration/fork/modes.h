/* What a child does with the module that it inherited.  SPDX-License-Identifier: Apache-2.0 */
#ifndef MODES_H
#define MODES_H

#include "host.h"

typedef struct Mode {
    const char *name;
    int (*run)(Host *host, CK_SESSION_HANDLE inherited, unsigned seed); /* returns the child's exit code */
} Mode;

/* Null when there is no such mode. */
const Mode *mode_named(const char *name, size_t length);

#endif
