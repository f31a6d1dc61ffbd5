/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOKEN_H
#define TOKEN_H

#include <pkcs11.h>

/* A PKCS#11 module with somebody logged in. */
struct token {
    CK_FUNCTION_LIST_PTR functions;
    CK_SLOT_ID slot;
};

/* Ends the program when `rv` is not CKR_OK. */
void token_check(CK_RV rv, const char *function);

/* Loads `module` and logs in to its first token with this label; the session stays open until the program ends. */
struct token token_open(const char *module, const char *label, const char *pin);

CK_SESSION_HANDLE token_session(const struct token *token);

/* The private key with this label. Each call is a search of its own. */
CK_OBJECT_HANDLE token_key(const struct token *token, CK_SESSION_HANDLE session, const char *label);

#endif
