/* What a thread does between signatures.  SPDX-License-Identifier: Apache-2.0 */
#ifndef ERRANDS_H
#define ERRANDS_H

#include "host.h"

/*
 * The n-th errand, counted round: a digest; a key or a data object of the session that is made, used, found and
 * destroyed; a key that the KMS makes. Results are checked. CKR_DATA_INVALID when the module said CKR_OK for something
 * that is wrong.
 */
CK_RV errand(Host *host, CK_SESSION_HANDLE session, unsigned thread, unsigned n);

#endif
