/* SPDX-License-Identifier: Apache-2.0 */
#include "material.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ObjectTemplate templates[MATERIAL_MAX_OBJECTS];
static size_t template_count;

static struct {
    CK_BYTE bytes[80];
    size_t length;
} points[4];

static void must(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "the fuzz host cannot go on: %s\n", what);
    exit(2);
}

static void *copy(const void *bytes, size_t size) {
    void *memory = malloc(size + 1);
    must(memory != NULL, "memory");
    return memcpy(memory, bytes, size);
}

static ObjectTemplate *begin(CK_OBJECT_CLASS class, ObjectFamily family) {
    must(template_count < MATERIAL_MAX_OBJECTS, "room for another kind of object");
    ObjectTemplate *template = &templates[template_count++];
    template->family = family;
    template->is_public = class == CKO_PUBLIC_KEY;
    template->attributes[template->count++] = (CK_ATTRIBUTE){CKA_CLASS, copy(&class, sizeof class), sizeof class};
    return template;
}

static void add(ObjectTemplate *template, CK_ATTRIBUTE_TYPE type, const void *value, size_t size) {
    must(template->count < MATERIAL_MAX_ATTRIBUTES, "room for another attribute");
    template->attributes[template->count++] = (CK_ATTRIBUTE){type, copy(value, size), size};
}

static void add_flags(ObjectTemplate *template, const CK_ATTRIBUTE_TYPE *types, size_t count, CK_BBOOL value) {
    for (size_t i = 0; i < count; i++) add(template, types[i], &value, sizeof value);
}

#define FLAGS(template, value, ...) \
    add_flags(template, (const CK_ATTRIBUTE_TYPE[]){__VA_ARGS__}, \
              sizeof((const CK_ATTRIBUTE_TYPE[]){__VA_ARGS__}) / sizeof(CK_ATTRIBUTE_TYPE), value)

static ObjectTemplate *begin_key(CK_OBJECT_CLASS class, CK_KEY_TYPE type, ObjectFamily family) {
    ObjectTemplate *template = begin(class, family);
    add(template, CKA_KEY_TYPE, &type, sizeof type);
    if (class == CKO_PUBLIC_KEY) return template;
    FLAGS(template, CK_FALSE, CKA_SENSITIVE);
    FLAGS(template, CK_TRUE, CKA_EXTRACTABLE);
    return template;
}

static void add_number(ObjectTemplate *template, CK_ATTRIBUTE_TYPE type, EVP_PKEY *key, const char *name) {
    BIGNUM *number = NULL;
    CK_BYTE bytes[512];
    must(EVP_PKEY_get_bn_param(key, name, &number) == 1, name);
    add(template, type, bytes, (size_t)BN_bn2bin(number, bytes));
    BN_free(number);
}

static void make_rsa(void) {
    EVP_PKEY *key = EVP_RSA_gen(2048);
    must(key != NULL, "an RSA key");
    ObjectTemplate *private = begin_key(CKO_PRIVATE_KEY, CKK_RSA, RSA_KEYS);
    FLAGS(private, CK_TRUE, CKA_SIGN, CKA_DECRYPT, CKA_UNWRAP, CKA_SIGN_RECOVER);
    add_number(private, CKA_MODULUS, key, OSSL_PKEY_PARAM_RSA_N);
    add_number(private, CKA_PUBLIC_EXPONENT, key, OSSL_PKEY_PARAM_RSA_E);
    add_number(private, CKA_PRIVATE_EXPONENT, key, OSSL_PKEY_PARAM_RSA_D);
    add_number(private, CKA_PRIME_1, key, OSSL_PKEY_PARAM_RSA_FACTOR1);
    add_number(private, CKA_PRIME_2, key, OSSL_PKEY_PARAM_RSA_FACTOR2);
    add_number(private, CKA_EXPONENT_1, key, OSSL_PKEY_PARAM_RSA_EXPONENT1);
    add_number(private, CKA_EXPONENT_2, key, OSSL_PKEY_PARAM_RSA_EXPONENT2);
    add_number(private, CKA_COEFFICIENT, key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
    ObjectTemplate *public = begin_key(CKO_PUBLIC_KEY, CKK_RSA, RSA_KEYS);
    FLAGS(public, CK_TRUE, CKA_VERIFY, CKA_ENCRYPT, CKA_WRAP, CKA_VERIFY_RECOVER);
    add_number(public, CKA_MODULUS, key, OSSL_PKEY_PARAM_RSA_N);
    add_number(public, CKA_PUBLIC_EXPONENT, key, OSSL_PKEY_PARAM_RSA_E);
    EVP_PKEY_free(key);
}

/* Bare in points[first], as DER OCTET STRING in the next one. */
static void keep_point(size_t first, const CK_BYTE *point, size_t length) {
    CK_BYTE *der = points[first + 1].bytes;
    must(length <= 70, "a short point");
    memcpy(points[first].bytes, point, points[first].length = length);
    der[0] = 0x04;
    der[1] = (CK_BYTE)length;
    memcpy(der + 2, point, length);
    points[first + 1].length = length + 2;
}

static void make_certificate(EVP_PKEY *key) {
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    CK_BYTE *der = NULL, *subject = NULL;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 77);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"fuzz", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    must(X509_sign(certificate, key, EVP_sha256()) > 0, "a certificate");
    int length = i2d_X509(certificate, &der), subject_length = i2d_X509_NAME(name, &subject);
    must(length > 0 && subject_length > 0, "a certificate");
    ObjectTemplate *template = begin(CKO_CERTIFICATE, FAMILIES);
    add(template, CKA_CERTIFICATE_TYPE, &type, sizeof type);
    add(template, CKA_SUBJECT, subject, (size_t)subject_length);
    add(template, CKA_VALUE, der, (size_t)length);
    OPENSSL_free(der);
    OPENSSL_free(subject);
    X509_free(certificate);
}

static void make_ec(void) {
    static const CK_BYTE p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    CK_BYTE point[80], scalar[32];
    BIGNUM *number = NULL;
    size_t length = 0;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must(key && EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &length) == 1 &&
             EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
             BN_bn2binpad(number, scalar, sizeof scalar) == sizeof scalar,
         "an EC key");
    keep_point(0, point, length);
    ObjectTemplate *private = begin_key(CKO_PRIVATE_KEY, CKK_EC, EC_KEYS);
    FLAGS(private, CK_TRUE, CKA_SIGN, CKA_DERIVE);
    add(private, CKA_EC_PARAMS, p256, sizeof p256);
    add(private, CKA_VALUE, scalar, sizeof scalar);
    ObjectTemplate *public = begin_key(CKO_PUBLIC_KEY, CKK_EC, EC_KEYS);
    FLAGS(public, CK_TRUE, CKA_VERIFY);
    add(public, CKA_EC_PARAMS, p256, sizeof p256);
    add(public, CKA_EC_POINT, points[1].bytes, points[1].length);
    BN_free(number);
    make_certificate(key);
    EVP_PKEY_free(key);
}

/* Ed25519 or X25519. */
static void make_25519(const char *name, CK_BYTE oid, CK_KEY_TYPE type, ObjectFamily family) {
    const CK_BYTE parameters[] = {0x06, 0x03, 0x2B, 0x65, oid};
    CK_BYTE private_bytes[32], public_bytes[32];
    size_t size = sizeof private_bytes;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, name);
    must(key && EVP_PKEY_get_raw_private_key(key, private_bytes, &size) == 1 &&
             EVP_PKEY_get_raw_public_key(key, public_bytes, &size) == 1,
         name);
    ObjectTemplate *private = begin_key(CKO_PRIVATE_KEY, type, family);
    if (type == CKK_EC_EDWARDS) FLAGS(private, CK_TRUE, CKA_SIGN);
    else FLAGS(private, CK_TRUE, CKA_DERIVE);
    add(private, CKA_EC_PARAMS, parameters, sizeof parameters);
    add(private, CKA_VALUE, private_bytes, sizeof private_bytes);
    ObjectTemplate *public = begin_key(CKO_PUBLIC_KEY, type, family);
    if (type == CKK_EC_EDWARDS) FLAGS(public, CK_TRUE, CKA_VERIFY);
    else keep_point(2, public_bytes, sizeof public_bytes);
    add(public, CKA_EC_PARAMS, parameters, sizeof parameters);
    add(public, CKA_EC_POINT, public_bytes, sizeof public_bytes);
    EVP_PKEY_free(key);
}

static void make_secret(CK_KEY_TYPE type, ObjectFamily family, size_t length) {
    static const CK_BYTE value[] = "0123456789abcdefghijklmnopqrstuv";
    ObjectTemplate *template = begin_key(CKO_SECRET_KEY, type, family);
    FLAGS(template, CK_TRUE, CKA_SIGN, CKA_VERIFY);
    if (family != SECRETS) FLAGS(template, CK_TRUE, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP);
    if (family != DES3_KEYS) FLAGS(template, CK_TRUE, CKA_DERIVE);
    add(template, CKA_VALUE, value, length);
}

void material_make(void) {
    make_rsa();
    make_ec();
    make_25519("ED25519", 0x70, CKK_EC_EDWARDS, EDWARDS_KEYS);
    make_25519("X25519", 0x6E, CKK_EC_MONTGOMERY, MONTGOMERY_KEYS);
    make_secret(CKK_AES, AES_KEYS, 32);
    make_secret(CKK_DES3, DES3_KEYS, 24);
    make_secret(CKK_GENERIC_SECRET, SECRETS, 32);
    ObjectTemplate *data = begin(CKO_DATA, FAMILIES);
    add(data, CKA_LABEL, "data", 4);
    add(data, CKA_VALUE, "some text", 9);
}

const ObjectTemplate *material_templates(size_t *count) {
    *count = template_count;
    return templates;
}

const CK_BYTE *material_point(size_t which, size_t *length) {
    *length = points[which % 4].length;
    return points[which % 4].bytes;
}
