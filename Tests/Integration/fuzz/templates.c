/* SPDX-License-Identifier: Apache-2.0 */
#include "templates.h"

#include "buffers.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { MAX_ATTRIBUTES = 40 };

static const CK_ATTRIBUTE_TYPE types[] = {
    CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_UNIQUE_ID, CKA_APPLICATION, CKA_VALUE, CKA_OBJECT_ID,
    CKA_CERTIFICATE_TYPE, CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_TRUSTED, CKA_CERTIFICATE_CATEGORY,
    CKA_JAVA_MIDP_SECURITY_DOMAIN, CKA_URL, CKA_HASH_OF_SUBJECT_PUBLIC_KEY, CKA_HASH_OF_ISSUER_PUBLIC_KEY,
    CKA_NAME_HASH_ALGORITHM, CKA_CHECK_VALUE, CKA_KEY_TYPE, CKA_SUBJECT, CKA_ID, CKA_SENSITIVE, CKA_ENCRYPT,
    CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_SIGN, CKA_SIGN_RECOVER, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_DERIVE,
    CKA_START_DATE, CKA_END_DATE, CKA_MODULUS, CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT, CKA_PUBLIC_KEY_INFO, CKA_VALUE_LEN,
    CKA_EXTRACTABLE, CKA_LOCAL, CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_KEY_GEN_MECHANISM, CKA_MODIFIABLE,
    CKA_COPYABLE, CKA_DESTROYABLE, CKA_EC_PARAMS, CKA_EC_POINT, CKA_ALWAYS_AUTHENTICATE, CKA_WRAP_WITH_TRUSTED,
    CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE, CKA_ALLOWED_MECHANISMS, CKA_VENDOR_DEFINED | 7,
    CK_UNAVAILABLE_INFORMATION,
};

static void put(CK_ATTRIBUTE *attribute, CK_ATTRIBUTE_TYPE type, const void *value, size_t size) {
    *attribute = (CK_ATTRIBUTE){type, buffers_in(value, size), size};
}

/* A value of one of the forms that attributes have, for any of them. */
static void put_value(Source *source, CK_ATTRIBUTE *attribute) {
    static const CK_BYTE curves[][10] = {
        {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07}, {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22},
        {0x06, 0x03, 0x2B, 0x65, 0x70}, {0x06, 0x03, 0x2B, 0x65, 0x6E}, {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x0A},
    };
    static const size_t curve_sizes[] = {10, 7, 5, 5, 7};
    CK_ULONG number;
    CK_BBOOL flag;
    size_t which, size;
    const CK_BYTE *kept;
    switch (source_pick(source, 10)) {
        case 0: flag = source_byte(source); put(attribute, attribute->type, &flag, 1); return;
        case 1: flag = CK_TRUE; put(attribute, attribute->type, &flag, 1); return;
        case 2: number = source_number(source); put(attribute, attribute->type, &number, sizeof number); return;
        case 3: number = source_byte(source); put(attribute, attribute->type, &number, sizeof number); return;
        case 4: put(attribute, attribute->type, NULL, source_size(source)); return;
        case 5: put(attribute, attribute->type, "20260229", 8); return;
        case 6:
            which = source_pick(source, COUNT(curves));
            put(attribute, attribute->type, curves[which], curve_sizes[which]);
            return;
        case 7:
            size = source_pick(source, 64);
            kept = source_bytes(source, &size);
            put(attribute, attribute->type, kept, size);
            return;
        case 8:
            kept = buffers_kept(source_pick(source, BUFFERS_KEPT), &size);
            put(attribute, attribute->type, kept, size);
            return;
        default: attribute->pValue = NULL; attribute->ulValueLen = source_absurd(source); return;
    }
}

/* Small templates for functions that need little: by purpose, what C_Generate…, C_UnwrapKey and C_DeriveKey want. */
static CK_ULONG put_usual(uint8_t which, Source *source, CK_ATTRIBUTE *attributes) {
    static const CK_BYTE p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    static const CK_ULONG lengths[] = {32, 16, 24, 64, 1};
    CK_ULONG class = CKO_SECRET_KEY, type = CKK_AES, length, bits = 2048;
    CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
    CK_ULONG count = 0;
    switch (which % 8) {
        case 0:
            length = lengths[source_pick(source, COUNT(lengths))];
            put(&attributes[count++], CKA_VALUE_LEN, &length, sizeof length);
            break;
        case 1: put(&attributes[count++], CKA_EC_PARAMS, p256, sizeof p256); break;
        case 2: put(&attributes[count++], CKA_MODULUS_BITS, &bits, sizeof bits); break;
        case 3: type = CKK_GENERIC_SECRET; /* fall through */
        case 4:
            put(&attributes[count++], CKA_CLASS, &class, sizeof class);
            put(&attributes[count++], CKA_KEY_TYPE, &type, sizeof type);
            if (which & 64) break;
            length = lengths[source_pick(source, COUNT(lengths))];
            put(&attributes[count++], CKA_VALUE_LEN, &length, sizeof length);
            break;
        case 5:
            class = CKO_PRIVATE_KEY;
            type = which & 64 ? CKK_RSA : CKK_EC;
            put(&attributes[count++], CKA_CLASS, &class, sizeof class);
            put(&attributes[count++], CKA_KEY_TYPE, &type, sizeof type);
    }
    if (which & 32) {
        put(&attributes[count++], CKA_SENSITIVE, &no, 1);
        put(&attributes[count++], CKA_EXTRACTABLE, &yes, 1);
    }
    return count;
}

static CK_ULONG put_complete(uint8_t which, CK_ATTRIBUTE *attributes) {
    size_t count;
    const ObjectTemplate *all = material_templates(&count);
    const ObjectTemplate *chosen = &all[which % count];
    for (CK_ULONG i = 0; i < chosen->count; i++)
        put(&attributes[i], chosen->attributes[i].type, chosen->attributes[i].pValue, chosen->attributes[i].ulValueLen);
    return chosen->count;
}

/* Buffers for C_GetAttributeValue. */
static CK_ULONG put_queries(uint8_t which, Source *source, CK_ATTRIBUTE *attributes) {
    CK_ULONG count = which % 16;
    for (CK_ULONG i = 0; i < count; i++) {
        size_t size = 0;
        attributes[i].type = types[(which / 16 * 4 + i + source_byte(source)) % COUNT(types)];
        switch ((i + source_byte(source)) % 4) {
            case 0: attributes[i].pValue = NULL, attributes[i].ulValueLen = source_number(source); break;
            case 1:
                size = source_size(source);
                attributes[i].pValue = buffers_out(size), attributes[i].ulValueLen = size;
                break;
            case 2: attributes[i].pValue = buffers_out(1 << 13), attributes[i].ulValueLen = 1 << 13; break;
            /* More than is there, but more is there than any attribute has. */
            default: attributes[i].pValue = buffers_out(1 << 13), attributes[i].ulValueLen = source_absurd(source);
        }
    }
    return count;
}

static CK_ULONG mutate(Source *source, CK_ATTRIBUTE *attributes, CK_ULONG count) {
    for (size_t left = source_pick(source, 4); left > 0; left--) {
        size_t which = source_pick(source, count ? count : 1);
        switch (source_pick(source, 6)) {
            case 0:
                if (count > 0) attributes[which] = attributes[--count];
                break;
            case 1:
                if (count > 0) put_value(source, &attributes[which]);
                break;
            case 2:
                if (count > 0 && attributes[which].ulValueLen > 0 && attributes[which].pValue &&
                    attributes[which].ulValueLen <= SOURCE_MAX_SIZE)
                    ((CK_BYTE *)attributes[which].pValue)[source_byte(source) % attributes[which].ulValueLen] ^= 0x41;
                break;
            case 3:
                if (count > 0 && count < MAX_ATTRIBUTES) attributes[count++] = attributes[which];
                break;
            default:
                if (count == MAX_ATTRIBUTES) break;
                attributes[count].type = types[source_pick(source, COUNT(types))];
                put_value(source, &attributes[count++]);
        }
    }
    return count;
}

CK_ATTRIBUTE *templates_make(uint8_t which, Source *source, TemplateUse use, CK_ULONG *count) {
    CK_ATTRIBUTE attributes[MAX_ATTRIBUTES];
    *count = 0;
    if (which == 255) return *count = source_absurd(source), NULL;
    if (use == TEMPLATE_READS) *count = put_queries(which, source, attributes);
    else if (use == TEMPLATE_MAKES && which < 128) *count = put_complete(which, attributes);
    else if (use == TEMPLATE_MAKES) *count = put_usual(which - 128, source, attributes);
    if (use != TEMPLATE_READS) *count = mutate(source, attributes, *count);
    return buffers_in(attributes, *count * sizeof *attributes);
}
