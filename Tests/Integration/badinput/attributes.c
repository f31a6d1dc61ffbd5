/* C_GetAttributeValue and its length convention: PKCS#11 3.0, 5.7.5.  SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "groups.h"

#include <string.h>

static void check_lengths(Host *host, CK_SESSION_HANDLE session, const HostKey *key) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_ULONG right = strlen(key->label);
    CK_BYTE label[256];
    CK_ATTRIBUTE attribute = {CKA_LABEL, NULL, 77};
    EXPECT("null value", f->C_GetAttributeValue(session, key->handle, &attribute, 1), CKR_OK);
    REQUIRE("the length is told", attribute.ulValueLen == right);
    memset(label, 0xA5, sizeof label);
    attribute = (CK_ATTRIBUTE){CKA_LABEL, label, right};
    EXPECT("buffer of the right length", f->C_GetAttributeValue(session, key->handle, &attribute, 1), CKR_OK);
    REQUIRE("it holds the label and nothing after it",
            attribute.ulValueLen == right && memcmp(label, key->label, right) == 0 && label[right] == 0xA5);
    memset(label, 0xA5, sizeof label);
    attribute.ulValueLen = right - 1;
    EXPECT("buffer too short by one", f->C_GetAttributeValue(session, key->handle, &attribute, 1),
           CKR_BUFFER_TOO_SMALL);
    REQUIRE("the length says unavailable", attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION);
    REQUIRE("nothing is written past its end", label[right - 1] == 0xA5);
    attribute = (CK_ATTRIBUTE){CKA_LABEL, label, 0};
    EXPECT("buffer of length 0", f->C_GetAttributeValue(session, key->handle, &attribute, 1), CKR_BUFFER_TOO_SMALL);
    attribute = (CK_ATTRIBUTE){CKA_LABEL, label, ABSURD_LENGTH};
    EXPECT("buffer of length 2^40", f->C_GetAttributeValue(session, key->handle, &attribute, 1), CKR_OK);
    REQUIRE("the length is right", attribute.ulValueLen == right);
    attribute = (CK_ATTRIBUTE){CKA_LABEL, label, CK_UNAVAILABLE_INFORMATION};
    EXPECT("buffer of length ~0", f->C_GetAttributeValue(session, key->handle, &attribute, 1), CKR_OK,
           CKR_BUFFER_TOO_SMALL);
}

/* An attribute that cannot be had does not keep the others from being filled. */
static void check_mixed(Host *host, CK_SESSION_HANDLE session, const HostKey *key) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_OBJECT_CLASS class = 0;
    CK_KEY_TYPE type = 0;
    CK_BYTE label[256], secret[1024], small[1];
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class},      {0x7FFF1234UL, label, sizeof label},
        {CKA_PRIVATE_EXPONENT, secret, sizeof secret}, {CKA_LABEL, small, sizeof small},
        {CKA_KEY_TYPE, &type, sizeof type},
    };
    memset(secret, 0xA5, sizeof secret);
    EXPECT("unknown, sensitive and too small in one template",
           f->C_GetAttributeValue(session, key->handle, template, COUNT(template)), CKR_ATTRIBUTE_TYPE_INVALID,
           CKR_ATTRIBUTE_SENSITIVE, CKR_BUFFER_TOO_SMALL);
    REQUIRE("the first is filled", template[0].ulValueLen == sizeof class && class == CKO_PRIVATE_KEY);
    REQUIRE("the last is filled", template[4].ulValueLen == sizeof type && type == CKK_RSA);
    REQUIRE("the unknown one is unavailable", template[1].ulValueLen == CK_UNAVAILABLE_INFORMATION);
    REQUIRE("the sensitive one is unavailable", template[2].ulValueLen == CK_UNAVAILABLE_INFORMATION);
    REQUIRE("the sensitive one is not written", secret[0] == 0xA5 && secret[255] == 0xA5);
    REQUIRE("the one too small is unavailable", template[3].ulValueLen == CK_UNAVAILABLE_INFORMATION);
}

static void one(Host *host, CK_SESSION_HANDLE session, const char *text, CK_ATTRIBUTE attribute, CK_RV wanted) {
    CK_RV rv;
    check_begin(text);
    rv = host->functions->C_GetAttributeValue(session, check_key(host, true)->handle, &attribute, 1);
    check_end(rv, &wanted, 1);
    if (wanted != CKR_OK && attribute.ulValueLen != CK_UNAVAILABLE_INFORMATION)
        host_fail("%s: length 0x%lx instead of unavailable", text, attribute.ulValueLen);
}

void check_attributes(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_SESSION_HANDLE session = check_session(host);
    const HostKey *key = check_key(host, true);
    const CK_ULONG unknown[] = UNKNOWN_HANDLES;
    CK_BYTE buffer[1024];
    CK_ATTRIBUTE label = {CKA_LABEL, buffer, sizeof buffer};
    check_lengths(host, session, key);
    check_mixed(host, session, key);
    one(host, session, "private exponent", (CK_ATTRIBUTE){CKA_PRIVATE_EXPONENT, buffer, sizeof buffer},
        CKR_ATTRIBUTE_SENSITIVE);
    one(host, session, "length of the private exponent", (CK_ATTRIBUTE){CKA_PRIVATE_EXPONENT, NULL, 0},
        CKR_ATTRIBUTE_SENSITIVE);
    one(host, session, "prime", (CK_ATTRIBUTE){CKA_PRIME_1, buffer, sizeof buffer}, CKR_ATTRIBUTE_SENSITIVE);
    one(host, session, "attribute of another key type", (CK_ATTRIBUTE){CKA_EC_PARAMS, buffer, sizeof buffer},
        CKR_ATTRIBUTE_TYPE_INVALID);
    one(host, session, "attribute type ~0", (CK_ATTRIBUTE){CK_UNAVAILABLE_INFORMATION, NULL, 0},
        CKR_ATTRIBUTE_TYPE_INVALID);
    one(host, session, "class to an odd address", (CK_ATTRIBUTE){CKA_CLASS, buffer + 1, sizeof(CK_ULONG)}, CKR_OK);
    one(host, session, "class into 3 bytes", (CK_ATTRIBUTE){CKA_CLASS, buffer, 3}, CKR_BUFFER_TOO_SMALL);
    EXPECT("null template, count 1", f->C_GetAttributeValue(session, key->handle, NULL, 1), CKR_ARGUMENTS_BAD);
    EXPECT("null template, count ~0", f->C_GetAttributeValue(session, key->handle, NULL, CK_UNAVAILABLE_INFORMATION),
           CKR_ARGUMENTS_BAD);
    EXPECT("count 0", f->C_GetAttributeValue(session, key->handle, &label, 0), CKR_OK, CKR_ARGUMENTS_BAD);
    EXPECT("count ~0", f->C_GetAttributeValue(session, key->handle, &label, CK_UNAVAILABLE_INFORMATION),
           CKR_ARGUMENTS_BAD, CKR_HOST_MEMORY);
    EXPECT("count 2^40", f->C_GetAttributeValue(session, key->handle, &label, ABSURD_LENGTH), CKR_ARGUMENTS_BAD,
           CKR_HOST_MEMORY);
    for (size_t i = 0; i < COUNT(unknown); i++) {
        check_context("object 0x%lx", unknown[i]);
        EXPECT("C_GetAttributeValue", f->C_GetAttributeValue(session, unknown[i], &label, 1),
               CKR_OBJECT_HANDLE_INVALID);
    }
}
