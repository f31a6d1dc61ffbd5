/* What there is for every input: a few objects of each kind.  SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "host.h"
#include "material.h"
#include "source.h"

/* Makes what is missing, in a session that stays open. Ends the process when that fails. */
void objects_restore(CK_FUNCTION_LIST_3_0 *functions, CK_SESSION_HANDLE session);

/* The object was changed or destroyed: objects_restore makes another one. */
void objects_spoil(CK_OBJECT_HANDLE handle);

/* A handle of the fitting family and half; of anything; of nothing. */
CK_OBJECT_HANDLE objects_fitting(ObjectFamily family, bool is_public);
CK_OBJECT_HANDLE objects_handle(uint8_t which);

/* Objects that calls made. The fuzzer hands them on to later calls and cleans up afterwards. */
void objects_note_made(CK_OBJECT_HANDLE handle);
void objects_clean_up(CK_FUNCTION_LIST_3_0 *functions, CK_SESSION_HANDLE session);

#endif
