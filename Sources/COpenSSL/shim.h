/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* HKDF (RFC 5869) with SHA-256 and an empty salt: `length` bytes into `output`. 1: done. */
static inline int copenssl_hkdf_sha256(OSSL_LIB_CTX *library, const unsigned char *key, size_t key_length,
                                       const unsigned char *info, size_t info_length, unsigned char *output,
                                       size_t length)
{
    OSSL_PARAM params[4];
    EVP_KDF *kdf = EVP_KDF_fetch(library, OSSL_KDF_NAME_HKDF, NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    int result = 0;
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, key_length);
    params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_length);
    params[3] = OSSL_PARAM_construct_end();
    if (context) result = EVP_KDF_derive(context, output, length, params) > 0;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return result;
}

#endif
