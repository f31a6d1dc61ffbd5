/* One C_* call, made up from the input.  SPDX-License-Identifier: Apache-2.0 */
#ifndef CALL_H
#define CALL_H

#include "host.h"
#include "source.h"

/* What calls work with. */
typedef struct Stage {
    CK_FUNCTION_LIST_3_0 *functions;
    CK_SLOT_ID slot;
    const char *pin;
    CK_SESSION_HANDLE sessions[8]; /* 0: read/write, 1: read-only, then what C_OpenSession gave */
    size_t session_count;
} Stage;

/* Prints the functions that never answered CKR_OK. */
void call_report(void);

/* Ends the process when the answer breaks a rule that holds for every call. */
void call_one(Stage *stage, Source *source);

#endif
