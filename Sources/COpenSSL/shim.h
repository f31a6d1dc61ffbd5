/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_dispatch.h>
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

/* OpenSSL puts these names together from two strings, which Swift does not import. */
#define COPENSSL_RSA_FACTOR1 "rsa-factor1"
#define COPENSSL_RSA_FACTOR2 "rsa-factor2"
#define COPENSSL_RSA_EXPONENT1 "rsa-exponent1"
#define COPENSSL_RSA_EXPONENT2 "rsa-exponent2"
#define COPENSSL_RSA_COEFFICIENT1 "rsa-coefficient1"

/* Swift cannot call variadic C functions. */
static inline void COpenSSL_put_error(
    unsigned long code, const char *file, int line, const char *function, const char *data) {
    ERR_new();
    ERR_set_debug(file, line, function);
    if (data != NULL && *data != '\0') {
        ERR_set_error(ERR_GET_LIB(code), ERR_GET_REASON(code), "%s", data);
    } else {
        ERR_set_error(ERR_GET_LIB(code), ERR_GET_REASON(code), NULL);
    }
}

#endif
