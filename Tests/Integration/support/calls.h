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

/* What to call with. Two of a kind, where a function has two, are told apart by `_2`. */
typedef struct Arguments {
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object, object_2;
    CK_MECHANISM_TYPE type;
    CK_MECHANISM *mechanism;
    CK_ATTRIBUTE *template, *template_2;
    CK_ULONG count, count_2; /* of attributes, or of handles wanted */
    CK_BYTE *in, *in_2;      /* data; signature, associated data, second PIN or user name */
    CK_ULONG in_length, in_2_length;
    void *parameter; /* of one message */
    CK_ULONG parameter_length;
    CK_BYTE *out;
    CK_ULONG *out_length;
    void *info, *info_2; /* a structure, handles or number to be written */
    CK_UTF8CHAR *label;  /* 32 bytes */
    CK_FLAGS flags;
    CK_USER_TYPE user;
} Arguments;

typedef struct Call {
    const char *name;
    unsigned flags;
    CK_RV (*call)(CK_FUNCTION_LIST_3_0 *f, const Arguments *a);
    const char *arguments; /* as the row writes them */
} Call;

/* All but C_Initialize, C_Finalize, C_GetFunctionList, C_GetInterface and C_GetInterfaceList. */
const Call *calls_all(size_t *count);

/* Whether the function gets this one: "IN", "a->info". */
bool call_takes(const Call *call, const char *argument);

#endif
