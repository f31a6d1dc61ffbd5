/* Keys and other values, and the templates that make objects of them.  SPDX-License-Identifier: Apache-2.0 */
#ifndef MATERIAL_H
#define MATERIAL_H

#include <pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

enum { MATERIAL_MAX_ATTRIBUTES = 24, MATERIAL_MAX_OBJECTS = 16 };

/* Which keys go with a mechanism. */
typedef enum ObjectFamily {
    RSA_KEYS, EC_KEYS, EDWARDS_KEYS, MONTGOMERY_KEYS, AES_KEYS, DES3_KEYS, SECRETS, FAMILIES,
} ObjectFamily;

/* A complete template for C_CreateObject. */
typedef struct ObjectTemplate {
    CK_ATTRIBUTE attributes[MATERIAL_MAX_ATTRIBUTES];
    CK_ULONG count;
    ObjectFamily family; /* FAMILIES: no key */
    bool is_public;
} ObjectTemplate;

/* With OpenSSL; ends the process when that fails. */
void material_make(void);

/* One of each kind of object. */
const ObjectTemplate *material_templates(size_t *count);

/* A public point: of P-256, bare and as DER OCTET STRING, and of X25519, both ways. */
const CK_BYTE *material_point(size_t which, size_t *length);

#endif
