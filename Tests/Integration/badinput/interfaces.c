/* C_GetFunctionList, C_GetInterfaceList, C_GetInterface: PKCS#11 3.0, 5.4.  SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "groups.h"

#include <string.h>

/* A host may call any of them without looking. */
static bool is_whole(const void *list, size_t size) {
    for (size_t at = offsetof(CK_FUNCTION_LIST, C_Initialize); at < size; at += sizeof(void *)) {
        void *function;
        memcpy(&function, (const char *)list + at, sizeof function);
        if (!function) return false;
    }
    return true;
}

static void check_list(const CK_INTERFACE *interface, unsigned number) {
    check_context("interface %u", number);
    if (!REQUIRE("has name and list", interface->pInterfaceName && interface->pFunctionList)) return;
    if (strcmp((const char *)interface->pInterfaceName, "PKCS 11") != 0) return;
    const CK_VERSION *version = interface->pFunctionList;
    size_t size = version->major < 3      ? sizeof(CK_FUNCTION_LIST)
                  : version->minor == 0 ? sizeof(CK_FUNCTION_LIST_3_0)
                                        : sizeof(CK_FUNCTION_LIST_3_2);
    host_note("interface %u: PKCS 11 %u.%u, flags 0x%lx", number, version->major, version->minor, interface->flags);
    REQUIRE("has no gap", is_whole(interface->pFunctionList, size));
}

static void check_interface_list(CK_C_GetInterfaceList get_list) {
    CK_INTERFACE interfaces[16];
    CK_ULONG count = 0, none = 0, room = COUNT(interfaces);
    EXPECT("C_GetInterfaceList(null, null)", get_list(NULL, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetInterfaceList(list, null)", get_list(interfaces, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetInterfaceList(null, count)", get_list(NULL, &count), CKR_OK);
    REQUIRE("there are interfaces", count > 0 && count <= COUNT(interfaces));
    EXPECT("C_GetInterfaceList, no room", get_list(interfaces, &none), CKR_BUFFER_TOO_SMALL);
    REQUIRE("the count that is needed is told", none == count);
    EXPECT("C_GetInterfaceList", get_list(interfaces, &room), CKR_OK);
    REQUIRE("the same count again", room == count);
    for (CK_ULONG i = 0; i < room && i < COUNT(interfaces); i++) check_list(&interfaces[i], (unsigned)i);
    check_context(NULL);
}

void check_interfaces(Host *host) {
    CK_FUNCTION_LIST *f = host->functions, *list = NULL;
    CK_C_GetInterface get = check_get_interface(host);
    CK_C_GetInterfaceList get_list = check_get_interface_list(host);
    CK_UTF8CHAR *name = (CK_UTF8CHAR *)"PKCS 11", *other = (CK_UTF8CHAR *)"Vendor Nobody";
    CK_VERSION v2 = {2, 40}, v3 = {3, 0}, v9 = {9, 9};
    CK_INTERFACE *found = NULL;

    REQUIRE("version of the function list is 2.40", f->version.major == 2 && f->version.minor == 40);
    REQUIRE("the function list has no gap", is_whole(f, sizeof *f));
    EXPECT("C_GetFunctionList(null)", f->C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetFunctionList from the list", f->C_GetFunctionList(&list), CKR_OK);
    REQUIRE("it is the same list", list == f);
    if (!REQUIRE("C_GetInterface and C_GetInterfaceList exist", get && get_list)) return;

    check_interface_list(get_list);
    EXPECT("C_GetInterface(null)", get(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetInterface, default", get(NULL, NULL, &found, 0), CKR_OK);
    EXPECT("C_GetInterface, 2.40", get(name, &v2, &found, 0), CKR_OK);
    REQUIRE("it is the list of C_GetFunctionList", found && found->pFunctionList == f);
    EXPECT("C_GetInterface, 3.0", get(name, &v3, &found, 0), CKR_OK);
    REQUIRE("its version is 3.0", found && ((CK_VERSION *)found->pFunctionList)->major == 3);
    EXPECT("C_GetInterface, any version", get(name, NULL, &found, 0), CKR_OK);
    EXPECT("C_GetInterface, version 9.9", get(name, &v9, &found, 0), CKR_ARGUMENTS_BAD, CKR_FUNCTION_FAILED);
    EXPECT("C_GetInterface, other name", get(other, NULL, &found, 0), CKR_ARGUMENTS_BAD, CKR_FUNCTION_FAILED);
    EXPECT("C_GetInterface, unknown flag", get(name, NULL, &found, 1UL << 40), CKR_ARGUMENTS_BAD,
           CKR_FUNCTION_FAILED);
}
