/*
 * What the C host programs of the tests share: loading a module, logging in, finding a key, signing with it and
 * checking the signature with OpenSSL, which knows nothing of the module.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef HOST_H
#define HOST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <openssl/evp.h>
#include <pkcs11.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { HOST_MAX_KEYS = 8, HOST_MAX_SIGNATURE = 1024, HOST_MAX_ID = 64 };

/* A private key of the token, and the public half that the test knows from elsewhere. */
typedef struct HostKey {
    const char *label;
    EVP_PKEY *public_key;
    bool rsa;
    CK_OBJECT_HANDLE handle;
    CK_BYTE id[HOST_MAX_ID];
    CK_ULONG id_length;
} HostKey;

/* A way to sign. `digest` is false where the mechanism signs what it gets; the data is then a SHA-256 digest. */
typedef struct HostScheme {
    const char *name;
    CK_MECHANISM_TYPE mechanism;
    bool rsa, pss, digest;
} HostScheme;

typedef struct Host {
    const char *module, *pin;
    void *library; /* null when the module is linked in (STATIC_MODULE) */
    CK_FUNCTION_LIST *functions;
    CK_SLOT_ID slot;
    size_t key_count;
    HostKey keys[HOST_MAX_KEYS];
    size_t scheme_count;
    const HostScheme *schemes[16]; /* those that the slot offers */
} Host;

/* Reads MODULE PIN LABEL PUBLIC_PEM [LABEL PUBLIC_PEM]...; returns the index of the first option. Exits on misuse. */
int host_arguments(Host *host, int argc, char **argv);

/* dlopen and C_GetFunctionList; dlclose. host_load exits with a message when the module cannot be loaded. */
void host_load(Host *host);
void host_unload(Host *host);

/* C_Initialize with null, or with CKF_OS_LOCKING_OK. */
CK_RV host_initialise(Host *host, bool os_locking);

/* Finds the first slot with an initialised token, and which schemes it offers. */
CK_RV host_find_slot(Host *host);

CK_RV host_open(Host *host, CK_SESSION_HANDLE *session);

/* Being logged in already counts as success, as it does for libp11. */
CK_RV host_login(Host *host, CK_SESSION_HANDLE session);

/* Finds one private key by class, label and, when it is known, id. CKR_OBJECT_HANDLE_INVALID when it is not one. */
CK_RV host_find(Host *host, CK_SESSION_HANDLE session, const HostKey *key, CK_OBJECT_HANDLE *found);

/* Finds all keys and keeps handle and id. */
CK_RV host_find_keys(Host *host, CK_SESSION_HANDLE session);

/* Everything from C_Initialize to the found keys; exits with a message on failure. */
CK_SESSION_HANDLE host_start(Host *host, bool os_locking);

/* The n-th scheme (counted round) for this kind of key; null when the slot has none. */
const HostScheme *host_scheme(const Host *host, const HostKey *key, unsigned n);

/*
 * Signs data made from `seed` in one part (`parts` 1) or more and verifies the result. CKR_SIGNATURE_INVALID when the
 * module said CKR_OK for something that is no signature of the data.
 */
CK_RV host_sign(Host *host, CK_SESSION_HANDLE session, const HostKey *key, CK_OBJECT_HANDLE handle,
                const HostScheme *scheme, unsigned parts, unsigned seed);

/* host_sign with the n-th scheme of every key; the first code that is not CKR_OK. */
CK_RV host_sign_all(Host *host, CK_SESSION_HANDLE session, unsigned n);

/* "CKR_OK"; null for a code that the standard does not know. */
const char *host_rv_name(CK_RV rv);

/* The same, never null: unknown codes as a number. Good until the thread's next call. */
const char *host_rv_text(CK_RV rv);

/* One line on standard output per check; host_exit_code is 1 once host_fail was called, else 0. */
void host_pass(const char *format, ...) __attribute__((format(printf, 1, 2)));
void host_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void host_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
int host_exit_code(void);
void host_forget_failures(void); /* in a child: those of the parent are not its own */

/* Passes when rv is CKR_OK. */
bool host_check(CK_RV rv, const char *what);

/* Writes down what the process is about to do, for the one who finds it hanging. */
void host_phase(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Where host_phase writes: HOST_PHASE_SIZE bytes, by default of this process, else shared with a parent. */
enum { HOST_PHASE_SIZE = 128 };
void host_share_phase(char *phase);

/* Ends the process with exit code 124 and its phase after so many seconds. Not inherited by a child. */
void host_watchdog(unsigned seconds);

/* fork() at a moment when no other thread is inside OpenSSL on behalf of the host itself. */
pid_t host_fork(void);

/* Threads of this process. */
unsigned host_thread_count(void);

#endif
