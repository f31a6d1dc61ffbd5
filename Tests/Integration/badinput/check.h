/* One check: a call, and the return values that the standard allows for it.  SPDX-License-Identifier: Apache-2.0 */
#ifndef CHECK_H
#define CHECK_H

#include "host.h"

/* Lengths that no memory has: past half of the address space, and the "unavailable" value. */
#define ABSURD_LENGTH (1UL << 40)
#define ABSURD_LENGTHS \
    {1, 0x7FFFFFFFFFFFFFFFUL, ABSURD_LENGTH, CK_UNAVAILABLE_INFORMATION - 1, CK_UNAVAILABLE_INFORMATION}

/* Handles that nothing has. */
#define UNKNOWN_HANDLES {0, 0xDEADBEEFUL, 0x7FFFFFFFFFFFFFFFUL, CK_UNAVAILABLE_INFORMATION}

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* EXPECT("C_Sign without C_SignInit", f->C_Sign(...), CKR_OPERATION_NOT_INITIALIZED): value is whether it holds. */
#define EXPECT(text, call, ...) EXPECT_SET(text, call, ((const CK_RV[]){__VA_ARGS__}))
#define EXPECT_SET(text, call, set) (check_begin(text), check_end(call, set, COUNT(set)))

/* A fact that is no return value. */
#define REQUIRE(text, condition) (check_begin(text), check_fact(condition))

void check_begin(const char *text);
bool check_end(CK_RV rv, const CK_RV *allowed, size_t count);
bool check_fact(bool holds);

/* Words put before every check's text until the next call: which handle, which length. Null for none. */
void check_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A new session of the host; ends the process when there is none, as nothing else can be checked then. */
CK_SESSION_HANDLE check_session(Host *host);

/* The first key of the kind; ends the process when the command line named none. */
const HostKey *check_key(Host *host, bool rsa);

/* An AES key of this session, which can be read and do everything. */
CK_OBJECT_HANDLE check_aes(Host *host, CK_SESSION_HANDLE session);

/* The function list of 3.0; null when the module has none. */
CK_FUNCTION_LIST_3_0 *check_list_3_0(Host *host);

/* C_GetInterface and C_GetInterfaceList; null when the module has none. */
CK_C_GetInterface check_get_interface(Host *host);
CK_C_GetInterfaceList check_get_interface_list(Host *host);

#endif
