/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char context[64], current[HOST_PHASE_SIZE];

void check_context(const char *format, ...) {
    va_list arguments;
    context[0] = 0;
    if (!format) return;
    va_start(arguments, format);
    vsnprintf(context, sizeof context - 2, format, arguments);
    va_end(arguments);
    strcat(context, ": ");
}

void check_begin(const char *text) {
    snprintf(current, sizeof current, "%s%s", context, text);
    host_phase("%s", current);
}

bool check_end(CK_RV rv, const CK_RV *allowed, size_t count) {
    char names[512] = "";
    for (size_t i = 0; i < count; i++) {
        if (rv == allowed[i]) {
            host_pass("%s: %s", current, host_rv_text(rv));
            return true;
        }
        if (i > 0 && allowed[i] == allowed[i - 1]) continue;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", host_rv_text(allowed[i]));
    }
    host_fail("%s: %s, allowed: %s", current, host_rv_text(rv), names);
    return false;
}

bool check_fact(bool holds) {
    if (holds) host_pass("%s", current);
    else host_fail("%s", current);
    return holds;
}

CK_SESSION_HANDLE check_session(Host *host) {
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    CK_RV rv = host_open(host, &session);
    if (rv == CKR_OK) return session;
    host_fail("C_OpenSession: %s", host_rv_text(rv));
    exit(1);
}

const HostKey *check_key(Host *host, bool rsa) {
    for (size_t i = 0; i < host->key_count; i++)
        if (host->keys[i].rsa == rsa) return &host->keys[i];
    fprintf(stderr, "badinput needs one RSA and one EC key\n");
    exit(2);
}

#ifdef STATIC_MODULE
CK_C_GetInterface check_get_interface(Host *host) { return (void)host, C_GetInterface; }
CK_C_GetInterfaceList check_get_interface_list(Host *host) { return (void)host, C_GetInterfaceList; }
#else
CK_C_GetInterface check_get_interface(Host *host) {
    CK_C_GetInterface function;
    *(void **)&function = dlsym(host->library, "C_GetInterface");
    return function;
}

CK_C_GetInterfaceList check_get_interface_list(Host *host) {
    CK_C_GetInterfaceList function;
    *(void **)&function = dlsym(host->library, "C_GetInterfaceList");
    return function;
}
#endif

CK_FUNCTION_LIST_3_0 *check_list_3_0(Host *host) {
    CK_C_GetInterface get = check_get_interface(host);
    CK_VERSION version = {3, 0};
    CK_INTERFACE *interface = NULL;
    if (!get || get((CK_UTF8CHAR *)"PKCS 11", &version, &interface, 0) != CKR_OK || !interface) return NULL;
    return interface->pFunctionList;
}
