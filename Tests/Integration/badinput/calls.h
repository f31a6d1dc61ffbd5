/* Every function of the standard as one row with one signature.  SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLS_H
#define CALLS_H

#include "host.h"

enum {
    BY_SLOT = 1,        /* takes a slot */
    BY_SESSION = 2,     /* takes a session */
    WORKS = 4,          /* must not answer CKR_FUNCTION_NOT_SUPPORTED */
    NEEDS_INIT = 8,     /* continues an operation that another function begins */
    NULL_IS_FINE = 16,  /* may succeed with null pointers */
    PARALLEL = 32,      /* a relic that answers CKR_FUNCTION_NOT_PARALLEL */
    SINCE_3_0 = 64,
};

/* What to call with. All lengths and counts of inputs are `length`, all inputs `in`, all outputs `out`. */
typedef struct Arguments {
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    CK_MECHANISM *mechanism;
    CK_ATTRIBUTE *template;
    CK_BYTE *in, *out;
    CK_ULONG length;
    CK_ULONG *out_length;
    void *info; /* a structure, handle or number to be written */
} Arguments;

typedef struct Call {
    const char *name;
    unsigned flags;
    CK_RV (*call)(CK_FUNCTION_LIST_3_0 *f, const Arguments *a);
} Call;

/* All but C_Initialize, C_Finalize, C_GetFunctionList, C_GetInterface and C_GetInterfaceList. */
const Call *calls_all(size_t *count);

#endif
