/* Signing through the module, and checking the signature through OpenSSL.  SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* OpenSSL's locks are not made for fork: the host's own use of them is kept out of the way of host_fork. */
static pthread_mutex_t openssl_lock = PTHREAD_MUTEX_INITIALIZER;

pid_t host_fork(void) {
    pthread_mutex_lock(&openssl_lock);
    pid_t child = fork();
    pthread_mutex_unlock(&openssl_lock);
    return child;
}

/* r and s of equal width, as PKCS#11 has them, to the DER that OpenSSL verifies. */
static int ecdsa_der(const CK_BYTE *raw, size_t length, unsigned char *der) {
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)(length / 2), NULL);
    BIGNUM *s = BN_bin2bn(raw + length / 2, (int)(length / 2), NULL);
    unsigned char *end = der;
    int written = 0;
    if (signature && r && s && length % 2 == 0 && ECDSA_SIG_set0(signature, r, s)) {
        written = i2d_ECDSA_SIG(signature, &end);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(signature);
    return written;
}

static bool verify(const HostKey *key, const HostScheme *scheme, const CK_BYTE *data, size_t length,
                   const CK_BYTE *signature, size_t signature_length) {
    unsigned char der[HOST_MAX_SIGNATURE + 16];
    if (!key->rsa) {
        int der_length = ecdsa_der(signature, signature_length, der);
        if (der_length <= 0) return false;
        signature = der;
        signature_length = (size_t)der_length;
    } else if (signature_length != (size_t)EVP_PKEY_get_size(key->public_key)) {
        return false;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL;
    bool good = context && EVP_DigestVerifyInit(context, &parameters, EVP_sha256(), NULL, key->public_key) == 1;
    if (good && scheme->pss) {
        good = EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, SHA256_DIGEST_LENGTH) == 1;
    }
    good = good && EVP_DigestVerify(context, signature, signature_length, data, length) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

/* What a mechanism without digest signs: the SHA-256 digest; for PKCS#1 v1.5 with the DigestInfo of RFC 8017, 9.2. */
static size_t digested(const HostScheme *scheme, const CK_BYTE *data, size_t length, CK_BYTE *out) {
    static const CK_BYTE digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                          0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    size_t prefix = scheme->rsa && !scheme->pss ? sizeof digest_info : 0;
    memcpy(out, digest_info, prefix);
    pthread_mutex_lock(&openssl_lock);
    SHA256(data, length, out + prefix);
    pthread_mutex_unlock(&openssl_lock);
    return prefix + SHA256_DIGEST_LENGTH;
}

CK_RV host_sign(Host *host, CK_SESSION_HANDLE session, const HostKey *key, CK_OBJECT_HANDLE handle,
                const HostScheme *scheme, unsigned parts, unsigned seed) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, SHA256_DIGEST_LENGTH};
    CK_MECHANISM mechanism = {scheme->mechanism, scheme->pss ? &pss : NULL, scheme->pss ? sizeof pss : 0};
    CK_BYTE data[200], digest[64], signature[HOST_MAX_SIGNATURE];
    CK_ULONG signature_length = sizeof signature;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (CK_BYTE)(seed >> (i % 4 * 8)) ^ (CK_BYTE)(i * 7);

    CK_RV rv = f->C_SignInit(session, &mechanism, handle);
    if (rv != CKR_OK) return rv;
    if (!scheme->digest) {
        size_t length = digested(scheme, data, sizeof data, digest);
        rv = f->C_Sign(session, digest, length, signature, &signature_length);
    } else if (parts <= 1) {
        rv = f->C_Sign(session, data, sizeof data, signature, &signature_length);
    } else {
        size_t done = 0;
        for (unsigned part = 1; part <= parts && rv == CKR_OK; part++) {
            size_t until = sizeof data * part / parts;
            rv = f->C_SignUpdate(session, data + done, until - done);
            done = until;
        }
        if (rv == CKR_OK) rv = f->C_SignFinal(session, signature, &signature_length);
    }
    if (rv != CKR_OK) return rv;
    pthread_mutex_lock(&openssl_lock);
    bool good = verify(key, scheme, data, sizeof data, signature, signature_length);
    pthread_mutex_unlock(&openssl_lock);
    return good ? CKR_OK : CKR_SIGNATURE_INVALID;
}

CK_RV host_sign_all(Host *host, CK_SESSION_HANDLE session, unsigned n) {
    for (size_t i = 0; i < host->key_count; i++) {
        const HostKey *key = &host->keys[i];
        const HostScheme *scheme = host_scheme(host, key, n);
        if (!scheme) return CKR_MECHANISM_INVALID;
        host_phase("sign with %s, %s", key->label, scheme->name);
        CK_RV rv = host_sign(host, session, key, key->handle, scheme, 1 + n % 3, n);
        if (rv != CKR_OK) return rv;
    }
    return CKR_OK;
}
