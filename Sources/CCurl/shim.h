/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CCURL_SHIM_H
#define CCURL_SHIM_H

#include <curl/curl.h>
#include <stddef.h>

/* Swift cannot call variadic C functions: one wrapper per argument type. */

static inline CURLcode CCurl_setopt_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode CCurl_setopt_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode CCurl_setopt_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode CCurl_setopt_pointer(CURL *handle, CURLoption option, const void *value) {
    return curl_easy_setopt(handle, option, value);
}

/* libcurl keeps the pointer, not the bytes: they must outlive the handle. */
static inline CURLcode CCurl_setopt_blob(CURL *handle, CURLoption option, const void *bytes, size_t count) {
    struct curl_blob blob = {(void *)bytes, count, CURL_BLOB_NOCOPY};
    return curl_easy_setopt(handle, option, &blob);
}

static inline CURLcode CCurl_setopt_write(CURL *handle, curl_write_callback callback) {
    return curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, callback);
}

static inline CURLcode CCurl_setopt_sockets(
    CURL *handle, curl_opensocket_callback open, curl_closesocket_callback close, void *context) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open);
    if (code == CURLE_OK) code = curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, context);
    if (code == CURLE_OK) code = curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, close);
    if (code == CURLE_OK) code = curl_easy_setopt(handle, CURLOPT_CLOSESOCKETDATA, context);
    return code;
}

static inline CURLcode CCurl_getinfo_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLcode CCurl_getinfo_offset(CURL *handle, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(handle, info, value);
}

/* The string belongs to the handle and lasts until its next transfer. */
static inline CURLcode CCurl_getinfo_string(CURL *handle, CURLINFO info, char **value) {
    return curl_easy_getinfo(handle, info, value);
}

/* The certificates belong to the handle. */
static inline CURLcode CCurl_getinfo_certificates(CURL *handle, struct curl_certinfo **value) {
    return curl_easy_getinfo(handle, CURLINFO_CERTINFO, value);
}

static inline CURLMcode CCurl_multi_setopt_long(CURLM *handle, CURLMoption option, long value) {
    return curl_multi_setopt(handle, option, value);
}

/* CURLVERSION_NOW is a macro that Swift does not see. */
static inline const curl_version_info_data *CCurl_version(void) { return curl_version_info(CURLVERSION_NOW); }

/*
 * Lets the handle trust the certificates of an X509_STORE and no others. The two OpenSSL declarations are repeated
 * here, so that this module does not define all of OpenSSL a second time.
 */
struct ssl_ctx_st;
struct x509_store_st;
void SSL_CTX_set1_cert_store(struct ssl_ctx_st *, struct x509_store_st *);

static inline CURLcode CCurl_use_store(CURL *handle, void *context, void *store) {
    (void)handle;
    SSL_CTX_set1_cert_store((struct ssl_ctx_st *)context, (struct x509_store_st *)store);
    return CURLE_OK;
}

static inline CURLcode CCurl_setopt_trust(CURL *handle, void *store) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, CCurl_use_store);
    if (code == CURLE_OK) code = curl_easy_setopt(handle, CURLOPT_SSL_CTX_DATA, store);
    return code;
}

#endif
