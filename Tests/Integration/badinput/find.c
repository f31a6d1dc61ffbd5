/* C_FindObjects*: PKCS#11 3.0, 5.7.7.  SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "groups.h"

#include <string.h>

enum { MOST = 4096 };

/*
 * Begins a search for one attribute and counts what is found. A value that no object can have may be refused or not be
 * found; `bad` says that it may be refused.
 */
static CK_ULONG search(Host *host, CK_SESSION_HANDLE session, const char *text, CK_ATTRIBUTE attribute, bool bad) {
    static CK_OBJECT_HANDLE objects[MOST];
    const CK_RV allowed[] = {CKR_OK, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ARGUMENTS_BAD};
    CK_ULONG count = 0;
    check_begin(text);
    CK_RV rv = host->functions->C_FindObjectsInit(session, &attribute, 1);
    if (!check_end(rv, allowed, bad ? COUNT(allowed) : 1) || rv != CKR_OK) return 0;
    host_check(host->functions->C_FindObjects(session, objects, MOST, &count), "C_FindObjects");
    host_check(host->functions->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    return count;
}

/* One object at a time and all at once are the same objects. */
static void check_paging(Host *host, CK_SESSION_HANDLE session) {
    static CK_OBJECT_HANDLE all[MOST];
    CK_FUNCTION_LIST *f = host->functions;
    CK_ULONG count = 0, one_count = 0, seen = 0;
    CK_OBJECT_HANDLE one;
    bool same = true;
    EXPECT("C_FindObjectsInit of everything", f->C_FindObjectsInit(session, NULL, 0), CKR_OK);
    EXPECT("C_FindObjects, room ~0", f->C_FindObjects(session, all, CK_UNAVAILABLE_INFORMATION, &count), CKR_OK);
    EXPECT("C_FindObjectsFinal", f->C_FindObjectsFinal(session), CKR_OK);
    REQUIRE("there are objects", count >= host->key_count && count <= MOST);
    EXPECT("C_FindObjectsInit again", f->C_FindObjectsInit(session, NULL, 0), CKR_OK);
    for (;;) {
        CK_RV rv = f->C_FindObjects(session, &one, 1, &one_count);
        if (rv != CKR_OK) host_fail("C_FindObjects of one: %s", host_rv_text(rv));
        if (rv != CKR_OK || one_count == 0) break;
        bool known = false;
        for (CK_ULONG i = 0; i < count && i < MOST; i++) known = known || all[i] == one;
        same = same && known;
        if (++seen > MOST) break;
    }
    EXPECT("C_FindObjects after the last", f->C_FindObjects(session, &one, 1, &one_count), CKR_OK);
    REQUIRE("one by one they are the same", same && seen == count && one_count == 0);
    EXPECT("C_FindObjectsFinal", f->C_FindObjectsFinal(session), CKR_OK);
}

void check_find(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_SESSION_HANDLE session = check_session(host), other = check_session(host);
    CK_OBJECT_HANDLE object;
    CK_ULONG count = 99;
    EXPECT("C_FindObjects without C_FindObjectsInit", f->C_FindObjects(session, &object, 1, &count),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("C_FindObjectsFinal without C_FindObjectsInit", f->C_FindObjectsFinal(session),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("C_FindObjectsInit", f->C_FindObjectsInit(session, NULL, 0), CKR_OK);
    EXPECT("C_FindObjectsInit twice", f->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
    EXPECT("C_FindObjects in another session", f->C_FindObjects(other, &object, 1, &count),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("C_FindObjects, null count", f->C_FindObjects(session, &object, 1, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_FindObjects, null list", f->C_FindObjects(session, NULL, 1, &count), CKR_ARGUMENTS_BAD);
    EXPECT("C_FindObjects, null list, ~0", f->C_FindObjects(session, NULL, CK_UNAVAILABLE_INFORMATION, &count),
           CKR_ARGUMENTS_BAD);
    f->C_FindObjectsFinal(session); /* whether these errors ended the search is not said */
    EXPECT("C_FindObjectsInit after C_FindObjectsFinal", f->C_FindObjectsInit(session, NULL, 0), CKR_OK);
    EXPECT("C_FindObjects, room 0", f->C_FindObjects(session, &object, 0, &count), CKR_OK, CKR_ARGUMENTS_BAD);
    f->C_FindObjectsFinal(session);
    EXPECT("C_FindObjectsFinal twice", f->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    check_paging(host, session);
}

void check_find_templates(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_SESSION_HANDLE session = check_session(host);
    const HostKey *key = check_key(host, true);
    CK_BYTE unaligned[1 + sizeof(CK_OBJECT_CLASS)];
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE by_class = {CKA_CLASS, &class, sizeof class};
    char *label = (char *)key->label;
    CK_ULONG found;

    EXPECT("null template, count 1", f->C_FindObjectsInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
    EXPECT("null template, count ~0", f->C_FindObjectsInit(session, NULL, CK_UNAVAILABLE_INFORMATION),
           CKR_ARGUMENTS_BAD);
    EXPECT("count ~0", f->C_FindObjectsInit(session, &by_class, CK_UNAVAILABLE_INFORMATION), CKR_ARGUMENTS_BAD,
           CKR_HOST_MEMORY);
    EXPECT("count 2^40", f->C_FindObjectsInit(session, &by_class, ABSURD_LENGTH), CKR_ARGUMENTS_BAD, CKR_HOST_MEMORY);

    found = search(host, session, "label", (CK_ATTRIBUTE){CKA_LABEL, label, strlen(label)}, false);
    REQUIRE("the label is found", found > 0);
    found = search(host, session, "label without its end", (CK_ATTRIBUTE){CKA_LABEL, label, strlen(label) - 1}, false);
    REQUIRE("a part of the label is not the label", found == 0);
    found = search(host, session, "label with NUL", (CK_ATTRIBUTE){CKA_LABEL, label, strlen(label) + 1}, false);
    REQUIRE("a label with NUL is another one", found == 0);
    memcpy(unaligned + 1, &class, sizeof class);
    found = search(host, session, "class at an odd address", (CK_ATTRIBUTE){CKA_CLASS, unaligned + 1, sizeof class},
                   false);
    REQUIRE("private keys are found", found >= host->key_count);
    found = search(host, session, "class of 3 bytes", (CK_ATTRIBUTE){CKA_CLASS, &class, 3}, true);
    REQUIRE("nothing matches a class of 3 bytes", found == 0);
    found = search(host, session, "class of 9 bytes", (CK_ATTRIBUTE){CKA_CLASS, unaligned, sizeof unaligned}, true);
    REQUIRE("nothing matches a class of 9 bytes", found == 0);
    class = CK_UNAVAILABLE_INFORMATION;
    found = search(host, session, "class ~0", by_class, true);
    REQUIRE("nothing matches class ~0", found == 0);
    found = search(host, session, "label of null, length 5", (CK_ATTRIBUTE){CKA_LABEL, NULL, 5}, true);
    REQUIRE("nothing matches null of length 5", found == 0);
    found = search(host, session, "id of null, length 2^40", (CK_ATTRIBUTE){CKA_ID, NULL, ABSURD_LENGTH}, true);
    REQUIRE("nothing matches null of length 2^40", found == 0);
    found = search(host, session, "label of length 2^40", (CK_ATTRIBUTE){CKA_LABEL, label, ABSURD_LENGTH}, true);
    REQUIRE("nothing matches a label of length 2^40", found == 0);
    found = search(host, session, "label of length ~0", (CK_ATTRIBUTE){CKA_LABEL, label, CK_UNAVAILABLE_INFORMATION},
                   true);
    REQUIRE("nothing matches a label of length ~0", found == 0);
    found = search(host, session, "unknown attribute", (CK_ATTRIBUTE){0x7FFF1234UL, label, 1}, true);
    REQUIRE("nothing has an unknown attribute", found == 0);
    search(host, session, "empty label", (CK_ATTRIBUTE){CKA_LABEL, NULL, 0}, false);
}
