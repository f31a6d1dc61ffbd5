/* SPDX-License-Identifier: Apache-2.0 */
#include "mechanisms.h"

#include "buffers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef enum Parameter {
    NO_PARAMETER, IV_16, IV_8, IV_4, COUNTER, GCM, OAEP, PSS, NUMBER, ECDH, HKDF, STRING_DATA, CBC_DATA, EDDSA,
} Parameter;

typedef struct Row {
    CK_MECHANISM_TYPE type;
    ObjectFamily family;
    Parameter parameter;
} Row;

#define HASH(hash) \
    {CKM_##hash, SECRETS, NO_PARAMETER}, {CKM_##hash##_HMAC, SECRETS, NO_PARAMETER}, \
        {CKM_##hash##_HMAC_GENERAL, SECRETS, NUMBER}, {CKM_##hash##_KEY_GEN, SECRETS, NO_PARAMETER}

#define HASH_SIGNATURES(hash) \
    {CKM_##hash##_RSA_PKCS, RSA_KEYS, NO_PARAMETER}, {CKM_##hash##_RSA_PKCS_PSS, RSA_KEYS, PSS}, \
        {CKM_ECDSA_##hash, EC_KEYS, NO_PARAMETER}

static const Row table[] = {
    {CKM_AES_GCM, AES_KEYS, GCM}, {CKM_AES_CBC_PAD, AES_KEYS, IV_16}, {CKM_AES_CBC, AES_KEYS, IV_16},
    {CKM_AES_CTR, AES_KEYS, COUNTER}, {CKM_AES_ECB, AES_KEYS, NO_PARAMETER}, {CKM_AES_KEY_WRAP, AES_KEYS, IV_8},
    {CKM_AES_KEY_WRAP_KWP, AES_KEYS, IV_4}, {CKM_AES_CMAC, AES_KEYS, NO_PARAMETER},
    {CKM_AES_CMAC_GENERAL, AES_KEYS, NUMBER}, {CKM_AES_ECB_ENCRYPT_DATA, AES_KEYS, STRING_DATA},
    {CKM_AES_CBC_ENCRYPT_DATA, AES_KEYS, CBC_DATA}, {CKM_AES_KEY_GEN, AES_KEYS, NO_PARAMETER},
    {CKM_DES3_ECB, DES3_KEYS, NO_PARAMETER}, {CKM_DES3_CBC, DES3_KEYS, IV_8}, {CKM_DES3_CBC_PAD, DES3_KEYS, IV_8},
    {CKM_DES3_CMAC, DES3_KEYS, NO_PARAMETER}, {CKM_DES3_CMAC_GENERAL, DES3_KEYS, NUMBER},
    {CKM_DES2_KEY_GEN, DES3_KEYS, NO_PARAMETER}, {CKM_DES3_KEY_GEN, DES3_KEYS, NO_PARAMETER},
    {CKM_RSA_PKCS, RSA_KEYS, NO_PARAMETER}, {CKM_RSA_PKCS_OAEP, RSA_KEYS, OAEP}, {CKM_RSA_PKCS_PSS, RSA_KEYS, PSS},
    {CKM_RSA_X_509, RSA_KEYS, NO_PARAMETER}, {CKM_RSA_PKCS_KEY_PAIR_GEN, RSA_KEYS, NO_PARAMETER},
    {CKM_ECDSA, EC_KEYS, NO_PARAMETER}, {CKM_EDDSA, EDWARDS_KEYS, EDDSA}, {CKM_ECDH1_DERIVE, EC_KEYS, ECDH},
    {CKM_ECDH1_COFACTOR_DERIVE, EC_KEYS, ECDH}, {CKM_EC_KEY_PAIR_GEN, EC_KEYS, NO_PARAMETER},
    {CKM_EC_EDWARDS_KEY_PAIR_GEN, EDWARDS_KEYS, NO_PARAMETER},
    {CKM_EC_MONTGOMERY_KEY_PAIR_GEN, MONTGOMERY_KEYS, NO_PARAMETER}, {CKM_HKDF_DERIVE, SECRETS, HKDF},
    {CKM_HKDF_KEY_GEN, SECRETS, NO_PARAMETER}, {CKM_GENERIC_SECRET_KEY_GEN, SECRETS, NO_PARAMETER},
    HASH(SHA_1), HASH(SHA224), HASH(SHA256), HASH(SHA384), HASH(SHA512), HASH(SHA3_224), HASH(SHA3_256),
    HASH(SHA3_384), HASH(SHA3_512), HASH_SIGNATURES(SHA1), HASH_SIGNATURES(SHA224), HASH_SIGNATURES(SHA256),
    HASH_SIGNATURES(SHA384), HASH_SIGNATURES(SHA512), HASH_SIGNATURES(SHA3_224), HASH_SIGNATURES(SHA3_256),
    HASH_SIGNATURES(SHA3_384), HASH_SIGNATURES(SHA3_512),
};

void mechanisms_check(CK_FUNCTION_LIST_3_0 *functions, CK_SLOT_ID slot) {
    CK_MECHANISM_TYPE types[512];
    CK_ULONG count = COUNT(types);
    if (functions->C_GetMechanismList(slot, types, &count) != CKR_OK) abort();
    for (CK_ULONG i = 0; i < count; i++) {
        bool is_known = false;
        for (size_t n = 0; n < COUNT(table); n++) is_known |= table[n].type == types[i];
        if (is_known) continue;
        fprintf(stderr, "mechanism 0x%lx is not in the fuzz host's table\n", types[i]);
        exit(2);
    }
}

/* Bytes that a parameter points to. */
static void *inner(Source *source, size_t right, CK_ULONG *length) {
    *length = right;
    if (!source_chance(source, 48)) return buffers_in(NULL, right);
    switch (source_pick(source, 4)) {
        case 0: *length = source_absurd(source); return NULL;
        case 1: *length = 0; return NULL;
        case 2: return buffers_in(NULL, *length = source_size(source));
        default: *length = 0; return buffers_in(NULL, 0);
    }
}

static CK_MECHANISM_TYPE hash(Source *source) {
    static const CK_MECHANISM_TYPE hashes[] = {
        CKM_SHA256, CKM_SHA_1, CKM_SHA224, CKM_SHA384, CKM_SHA512, CKM_SHA3_256, CKM_SHA3_512, CKM_MD5, CKM_RSA_PKCS,
        CK_UNAVAILABLE_INFORMATION};
    return hashes[source_pick(source, COUNT(hashes))];
}

static CK_ULONG number(Source *source, CK_ULONG right) {
    return source_chance(source, 48) ? source_number(source) : right;
}

#define STORE(type, ...) (*size = sizeof(type), buffers_in(&(type){__VA_ARGS__}, sizeof(type)))

static void *gcm(Source *source, size_t *size) {
    CK_GCM_PARAMS p = {.ulIvBits = number(source, 96)};
    p.pIv = inner(source, 12, &p.ulIvLen);
    p.pAAD = inner(source, 20, &p.ulAADLen);
    p.ulTagBits = number(source, 128);
    if (!source_chance(source, 32)) return STORE(CK_GCM_PARAMS, p.pIv, p.ulIvLen, p.ulIvBits, p.pAAD, p.ulAADLen,
                                                 p.ulTagBits);
    /* The form of version 2.20 has no ulIvBits. */
    CK_ULONG old[] = {(CK_ULONG)p.pIv, p.ulIvLen, (CK_ULONG)p.pAAD, p.ulAADLen, p.ulTagBits};
    *size = sizeof old;
    return buffers_in(old, sizeof old);
}

static void *ecdh(Source *source, size_t *size) {
    CK_ECDH1_DERIVE_PARAMS p = {.kdf = CKD_NULL};
    size_t length;
    if (source_chance(source, 100)) {
        p.kdf = number(source, CKD_SHA256_KDF);
        p.pSharedData = inner(source, 10, &p.ulSharedDataLen);
    }
    const CK_BYTE *point = material_point(source_pick(source, 4), &length);
    p.pPublicData = inner(source, length, &p.ulPublicDataLen);
    if (p.pPublicData && p.ulPublicDataLen == length) memcpy(p.pPublicData, point, length);
    return STORE(CK_ECDH1_DERIVE_PARAMS, p.kdf, p.ulSharedDataLen, p.pSharedData, p.ulPublicDataLen, p.pPublicData);
}

static void *hkdf(Source *source, size_t *size) {
    uint8_t flags = source_byte(source);
    CK_HKDF_PARAMS p = {.bExtract = !(flags & 1), .bExpand = !(flags & 2), .prfHashMechanism = hash(source)};
    p.ulSaltType = flags & 4 ? CKF_HKDF_SALT_DATA : flags & 8 ? CKF_HKDF_SALT_KEY : CKF_HKDF_SALT_NULL;
    if (flags & 16) p.ulSaltType = number(source, 0);
    if (p.ulSaltType != CKF_HKDF_SALT_NULL) p.pSalt = inner(source, 16, &p.ulSaltLen);
    p.hSaltKey = objects_handle(source_byte(source));
    if (flags & 32) p.pInfo = inner(source, 9, &p.ulInfoLen);
    *size = sizeof p;
    return buffers_in(&p, sizeof p);
}

/* In the right form, with fields that may be wrong. */
static void *parameter(Source *source, Parameter kind, size_t *size) {
    CK_ULONG length = 0;
    void *bytes;
    switch (kind) {
        case NO_PARAMETER: *size = 0; return NULL;
        case IV_16: return buffers_in(NULL, *size = 16);
        case IV_8: return buffers_in("\xA6\xA6\xA6\xA6\xA6\xA6\xA6\xA6", *size = 8);
        case IV_4: return buffers_in("\xA6\x59\x59\xA6", *size = 4);
        case COUNTER: {
            CK_AES_CTR_PARAMS p = {.ulCounterBits = number(source, 128)};
            memset(p.cb, source_byte(source), sizeof p.cb);
            *size = sizeof p;
            return buffers_in(&p, sizeof p);
        }
        case GCM: return gcm(source, size);
        case OAEP: {
            CK_RSA_PKCS_OAEP_PARAMS p = {hash(source), number(source, CKG_MGF1_SHA256), CKZ_DATA_SPECIFIED, NULL, 0};
            p.source = number(source, CKZ_DATA_SPECIFIED);
            if (source_chance(source, 64)) p.pSourceData = inner(source, 5, &p.ulSourceDataLen);
            *size = sizeof p;
            return buffers_in(&p, sizeof p);
        }
        case PSS: {
            CK_RSA_PKCS_PSS_PARAMS p = {.hashAlg = hash(source), .mgf = number(source, CKG_MGF1_SHA256)};
            p.sLen = number(source, 32);
            *size = sizeof p;
            return buffers_in(&p, sizeof p);
        }
        case NUMBER: return STORE(CK_ULONG, number(source, 8));
        case ECDH: return ecdh(source, size);
        case HKDF: return hkdf(source, size);
        case STRING_DATA:
            bytes = inner(source, 32, &length);
            return STORE(CK_KEY_DERIVATION_STRING_DATA, bytes, length);
        case CBC_DATA:
            bytes = inner(source, 32, &length);
            return STORE(CK_AES_CBC_ENCRYPT_DATA_PARAMS, {0}, bytes, length);
        case EDDSA:
            if (!source_chance(source, 128)) return *size = 0, NULL;
            bytes = inner(source, 0, &length);
            return STORE(CK_EDDSA_PARAMS, source_chance(source, 32), length, bytes);
    }
    return NULL;
}

/* Cut, too long, null, of a length that nothing has. */
static void *spoilt(Source *source, void *memory, size_t size, CK_ULONG *length) {
    *length = size;
    if (!source_chance(source, 40)) return memory;
    switch (source_pick(source, 6)) {
        case 0: return buffers_in(memory, *length = size ? source_pick(source, size < 256 ? size : 256) : 0);
        case 1: return buffers_in(NULL, *length = size + 1 + source_pick(source, 16));
        case 2: return NULL;
        case 3: *length = source_absurd(source); return NULL;
        case 4: *length = 0; return memory;
        default: *length = source_absurd(source); return memory ? memory : buffers_in(NULL, 0);
    }
}

CK_MECHANISM *mechanisms_make(uint8_t which, Source *source, ObjectFamily *family) {
    const Row *row = &table[which % COUNT(table)];
    size_t size = 0;
    CK_MECHANISM mechanism = {row->type, NULL, 0};
    *family = row->family;
    mechanism.pParameter = parameter(source, row->parameter, &size);
    mechanism.pParameter = spoilt(source, mechanism.pParameter, size, &mechanism.ulParameterLen);
    if (source_chance(source, 8)) mechanism.mechanism = source_number(source);
    if (source_chance(source, 8)) return NULL;
    return buffers_in(&mechanism, sizeof mechanism);
}

/* The tag of the last message, for its decryption, and where the module may write the next one. */
static CK_BYTE tag[16], *tag_place;

void mechanisms_end_message(bool is_good) {
    if (is_good && tag_place) memcpy(tag, tag_place, sizeof tag);
    tag_place = NULL;
}

void *mechanisms_message(bool is_cipher, Source *source, CK_ULONG *length) {
    CK_GCM_MESSAGE_PARAMS p = {.ulIvFixedBits = number(source, 0), .ulTagBits = number(source, 128)};
    size_t room = source_chance(source, 32) ? source_size(source) : 12;
    p.pIv = source_chance(source, 16) ? NULL : buffers_out(room);
    p.ulIvLen = p.pIv ? room : source_number(source);
    p.ivGenerator = number(source, source_pick(source, 4));
    p.pTag = source_chance(source, 16) ? NULL : buffers_out(16);
    if (p.pTag) memcpy(p.pTag, tag, sizeof tag);
    tag_place = p.pTag;
    if (is_cipher == source_chance(source, 32)) return *length = 0, NULL;
    return spoilt(source, buffers_in(&p, sizeof p), sizeof p, length);
}

CK_MECHANISM_TYPE mechanisms_type(uint8_t which, Source *source) {
    return source_chance(source, 64) ? source_number(source) : table[which % COUNT(table)].type;
}
