/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <dlfcn.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int host_arguments(Host *host, int argc, char **argv) {
    int next = 3;
    memset(host, 0, sizeof *host);
    while (next + 1 < argc && strncmp(argv[next], "--", 2) != 0) {
        if (host->key_count == HOST_MAX_KEYS) break;
        HostKey *key = &host->keys[host->key_count];
        FILE *file = fopen(argv[next + 1], "r");
        key->label = argv[next];
        key->public_key = file ? PEM_read_PUBKEY(file, NULL, NULL, NULL) : NULL;
        if (file) fclose(file);
        if (!key->public_key) {
            fprintf(stderr, "%s: no readable PEM public key\n", argv[next + 1]);
            exit(2);
        }
        key->rsa = EVP_PKEY_get_base_id(key->public_key) == EVP_PKEY_RSA;
        host->key_count++;
        next += 2;
    }
    if (host->key_count == 0) {
        fprintf(stderr, "usage: %s MODULE PIN LABEL PUBLIC_PEM [LABEL PUBLIC_PEM]... [options]\n", argv[0]);
        exit(2);
    }
    host->module = argv[1];
    host->pin = argv[2];
    return next;
}

void host_load(Host *host) {
    CK_C_GetFunctionList get_list = NULL;
#ifdef STATIC_MODULE
    get_list = C_GetFunctionList;
#else
    host->library = dlopen(host->module, RTLD_NOW | RTLD_LOCAL);
    if (host->library) *(void **)&get_list = dlsym(host->library, "C_GetFunctionList");
    if (!get_list) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
#endif
    CK_RV rv = get_list(&host->functions);
    if (rv != CKR_OK || !host->functions) {
        fprintf(stderr, "C_GetFunctionList: %s\n", host_rv_text(rv));
        exit(2);
    }
}

void host_unload(Host *host) {
    if (host->library) dlclose(host->library);
    host->library = NULL;
    host->functions = NULL;
}

CK_RV host_initialise(Host *host, bool os_locking) {
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    return host->functions->C_Initialize(os_locking ? &arguments : NULL);
}

static const HostScheme all_schemes[] = {
    {"RSA-PKCS", CKM_RSA_PKCS, true, false, false},
    {"SHA256-RSA-PKCS", CKM_SHA256_RSA_PKCS, true, false, true},
    {"RSA-PKCS-PSS", CKM_RSA_PKCS_PSS, true, true, false},
    {"SHA256-RSA-PKCS-PSS", CKM_SHA256_RSA_PKCS_PSS, true, true, true},
    {"ECDSA", CKM_ECDSA, false, false, false},
    {"ECDSA-SHA256", CKM_ECDSA_SHA256, false, false, true},
};

CK_RV host_find_slot(Host *host) {
    CK_SLOT_ID slots[16];
    CK_ULONG count = sizeof slots / sizeof *slots;
    CK_RV rv = host->functions->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK) return rv;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (host->functions->C_GetTokenInfo(slots[i], &info) != CKR_OK) continue;
        if (!(info.flags & CKF_TOKEN_INITIALIZED)) continue;
        host->slot = slots[i];
        host->scheme_count = 0;
        for (size_t n = 0; n < sizeof all_schemes / sizeof *all_schemes; n++) {
            CK_MECHANISM_INFO mechanism;
            rv = host->functions->C_GetMechanismInfo(slots[i], all_schemes[n].mechanism, &mechanism);
            if (rv == CKR_OK && mechanism.flags & CKF_SIGN) host->schemes[host->scheme_count++] = &all_schemes[n];
        }
        return CKR_OK;
    }
    return CKR_TOKEN_NOT_PRESENT;
}

CK_RV host_open(Host *host, CK_SESSION_HANDLE *session) {
    return host->functions->C_OpenSession(host->slot, CKF_SERIAL_SESSION, NULL, NULL, session);
}

CK_RV host_login(Host *host, CK_SESSION_HANDLE session) {
    CK_RV rv = host->functions->C_Login(session, CKU_USER, (CK_UTF8CHAR *)host->pin, strlen(host->pin));
    return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

CK_RV host_find(Host *host, CK_SESSION_HANDLE session, const HostKey *key, CK_OBJECT_HANDLE *found) {
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_LABEL, (void *)key->label, strlen(key->label)},
        {CKA_ID, (void *)key->id, key->id_length},
    };
    CK_OBJECT_HANDLE objects[2];
    CK_ULONG count = 0;
    CK_RV rv = host->functions->C_FindObjectsInit(session, template, key->id_length ? 3 : 2);
    if (rv != CKR_OK) return rv;
    rv = host->functions->C_FindObjects(session, objects, 2, &count);
    CK_RV final = host->functions->C_FindObjectsFinal(session);
    if (rv != CKR_OK) return rv;
    if (final != CKR_OK) return final;
    if (count != 1) return CKR_OBJECT_HANDLE_INVALID;
    *found = objects[0];
    return CKR_OK;
}

CK_RV host_find_keys(Host *host, CK_SESSION_HANDLE session) {
    for (size_t i = 0; i < host->key_count; i++) {
        HostKey *key = &host->keys[i];
        CK_RV rv = host_find(host, session, key, &key->handle);
        if (rv != CKR_OK) return rv;
        CK_ATTRIBUTE id = {CKA_ID, key->id, sizeof key->id};
        rv = host->functions->C_GetAttributeValue(session, key->handle, &id, 1);
        if (rv != CKR_OK) return rv;
        key->id_length = id.ulValueLen;
    }
    return CKR_OK;
}

static void must(CK_RV rv, const char *what) {
    if (rv == CKR_OK) return;
    host_fail("%s: %s", what, host_rv_text(rv));
    exit(1);
}

CK_SESSION_HANDLE host_start(Host *host, bool os_locking) {
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    must(host_initialise(host, os_locking), "C_Initialize");
    must(host_find_slot(host), "a slot with a token");
    must(host_open(host, &session), "C_OpenSession");
    must(host_login(host, session), "C_Login");
    must(host_find_keys(host, session), "finding the keys");
    return session;
}

const HostScheme *host_scheme(const Host *host, const HostKey *key, unsigned n) {
    const HostScheme *fitting[16];
    unsigned count = 0;
    for (size_t i = 0; i < host->scheme_count; i++)
        if (host->schemes[i]->rsa == key->rsa) fitting[count++] = host->schemes[i];
    return count ? fitting[n % count] : NULL;
}
