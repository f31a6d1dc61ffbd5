/* Slots, tokens, mechanisms: PKCS#11 3.0, 5.5.  SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "groups.h"

#include <string.h>

static bool is_padded(const CK_UTF8CHAR *text, size_t size) { return memchr(text, 0, size) == NULL; }

static void check_texts(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_INFO info;
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO token;
    EXPECT("C_GetInfo", f->C_GetInfo(&info), CKR_OK);
    REQUIRE("texts of C_GetInfo are padded with blanks",
            is_padded(info.manufacturerID, sizeof info.manufacturerID) &&
                is_padded(info.libraryDescription, sizeof info.libraryDescription));
    EXPECT("C_GetSlotInfo", f->C_GetSlotInfo(host->slot, &slot), CKR_OK);
    REQUIRE("texts of C_GetSlotInfo are padded with blanks",
            is_padded(slot.slotDescription, sizeof slot.slotDescription) &&
                is_padded(slot.manufacturerID, sizeof slot.manufacturerID));
    EXPECT("C_GetTokenInfo", f->C_GetTokenInfo(host->slot, &token), CKR_OK);
    REQUIRE("texts of C_GetTokenInfo are padded with blanks",
            is_padded(token.label, sizeof token.label) && is_padded(token.model, sizeof token.model) &&
                is_padded(token.manufacturerID, sizeof token.manufacturerID) &&
                is_padded(token.serialNumber, sizeof token.serialNumber));
}

static void check_slot_list(CK_FUNCTION_LIST *f) {
    CK_SLOT_ID slots[64];
    CK_ULONG count = 0, room = COUNT(slots), none = 0, huge = CK_UNAVAILABLE_INFORMATION;
    EXPECT("C_GetSlotList(null, null)", f->C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetSlotList(list, null)", f->C_GetSlotList(CK_TRUE, slots, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetSlotList(null, count)", f->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
    REQUIRE("there are slots", count > 0 && count <= COUNT(slots));
    EXPECT("C_GetSlotList, no room", f->C_GetSlotList(CK_TRUE, slots, &none), CKR_BUFFER_TOO_SMALL);
    REQUIRE("the count that is needed is told", none == count);
    EXPECT("C_GetSlotList", f->C_GetSlotList(CK_TRUE, slots, &room), CKR_OK);
    REQUIRE("the same count again", room == count);
    EXPECT("C_GetSlotList, count ~0", f->C_GetSlotList(CK_TRUE, slots, &huge), CKR_OK);
    REQUIRE("the same count again", huge == count);
    room = COUNT(slots);
    EXPECT("C_GetSlotList, CK_BBOOL 0xff", f->C_GetSlotList(0xFF, slots, &room), CKR_OK);
    EXPECT("C_GetSlotList, CK_FALSE", f->C_GetSlotList(CK_FALSE, NULL, &count), CKR_OK);
}

static void check_mechanism_list(CK_FUNCTION_LIST *f, CK_SLOT_ID slot) {
    CK_MECHANISM_TYPE mechanisms[512];
    CK_ULONG count = 0, room = COUNT(mechanisms), one = 1;
    EXPECT("C_GetMechanismList(null, null)", f->C_GetMechanismList(slot, NULL, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetMechanismList(null, count)", f->C_GetMechanismList(slot, NULL, &count), CKR_OK);
    REQUIRE("there are mechanisms", count > 1 && count <= COUNT(mechanisms));
    EXPECT("C_GetMechanismList, too little room", f->C_GetMechanismList(slot, mechanisms, &one),
           CKR_BUFFER_TOO_SMALL);
    REQUIRE("the count that is needed is told", one == count);
    EXPECT("C_GetMechanismList", f->C_GetMechanismList(slot, mechanisms, &room), CKR_OK);
    REQUIRE("the same count again", room == count);
    for (CK_ULONG i = 0; i < room && i < COUNT(mechanisms); i++) {
        CK_MECHANISM_INFO info;
        CK_RV rv = f->C_GetMechanismInfo(slot, mechanisms[i], &info);
        if (rv != CKR_OK) host_fail("C_GetMechanismInfo of listed 0x%lx: %s", mechanisms[i], host_rv_text(rv));
        else if (info.ulMinKeySize > info.ulMaxKeySize) host_fail("0x%lx: least key size above most", mechanisms[i]);
    }
}

void check_slots(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    const CK_MECHANISM_TYPE unknown[] = {0x7FFFFFFFUL, CKM_VENDOR_DEFINED | 0x12345, CK_UNAVAILABLE_INFORMATION};
    CK_MECHANISM_INFO info;
    CK_SLOT_ID event;
    check_texts(host);
    check_slot_list(f);
    check_mechanism_list(f, host->slot);
    EXPECT("C_GetInfo(null)", f->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetSlotInfo(null)", f->C_GetSlotInfo(host->slot, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetTokenInfo(null)", f->C_GetTokenInfo(host->slot, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetMechanismInfo(null)", f->C_GetMechanismInfo(host->slot, CKM_RSA_PKCS, NULL), CKR_ARGUMENTS_BAD);
    for (size_t i = 0; i < COUNT(unknown); i++) {
        check_context("mechanism 0x%lx", unknown[i]);
        EXPECT("C_GetMechanismInfo", f->C_GetMechanismInfo(host->slot, unknown[i], &info), CKR_MECHANISM_INVALID);
    }
    check_context(NULL);
    EXPECT("C_WaitForSlotEvent without blocking", f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_NO_EVENT,
           CKR_FUNCTION_NOT_SUPPORTED);
    EXPECT("C_WaitForSlotEvent with pReserved", f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, host),
           CKR_ARGUMENTS_BAD, CKR_FUNCTION_NOT_SUPPORTED);
}
