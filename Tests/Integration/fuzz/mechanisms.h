/* Mechanisms with their parameters, right and wrong.  SPDX-License-Identifier: Apache-2.0 */
#ifndef MECHANISMS_H
#define MECHANISMS_H

#include "host.h"
#include "objects.h"
#include "source.h"

/* Ends the process when the slot lists a mechanism that the table below does not have. */
void mechanisms_check(CK_FUNCTION_LIST_3_0 *functions, CK_SLOT_ID slot);

/* One in memory of the call, or null; `family` becomes the kind of keys that go with it. */
CK_MECHANISM *mechanisms_make(uint8_t which, Source *source, ObjectFamily *family);

/* The parameter of one message: CK_GCM_MESSAGE_PARAMS for ciphers, none for signatures; or anything. */
void *mechanisms_message(bool is_cipher, Source *source, CK_ULONG *length);

/* After every call: the tag that a good one wrote is that of the next message. */
void mechanisms_end_message(bool is_good);

CK_MECHANISM_TYPE mechanisms_type(uint8_t which, Source *source);

#endif
