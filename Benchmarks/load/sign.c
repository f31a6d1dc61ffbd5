/* SPDX-License-Identifier: Apache-2.0
 *
 * Work for a PKCS#11 module in a closed loop, as a multi-threaded host would have it.
 *
 *     sign MODULE TOKEN PIN KEY (sign | find) THREADS (--seconds S | --count N) [PAUSE_US]
 *
 * TOKEN and KEY are labels; KEY is an RSA key. `sign`: C_SignInit and C_Sign (CKM_RSA_PKCS over a SHA-256 DigestInfo).
 * `find`: a search for the key and four of its attributes. Each thread has a session of its own. PAUSE_US: how long each
 * thread sleeps before each time. Any error ends the run with status 1. The result is one line of JSON, times in
 * microseconds.
 */
#include "crew.h"
#include "fail.h"
#include "token.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct token token;
static const char *label;

struct signer {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    uint32_t number;
    CK_BYTE data[51];
};

static void sign(void *state)
{
    struct signer *signer = state;
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    CK_BYTE signature[512];
    CK_ULONG length = sizeof signature;
    signer->number++;
    memcpy(signer->data + 19, &signer->number, sizeof signer->number);
    token_check(token.functions->C_SignInit(signer->session, &mechanism, signer->key), "C_SignInit");
    token_check(
        token.functions->C_Sign(signer->session, signer->data, sizeof signer->data, signature, &length), "C_Sign");
}

static void find(void *state)
{
    struct signer *signer = state;
    CK_KEY_TYPE type;
    CK_BBOOL signs;
    CK_BYTE id[256], modulus[512];
    CK_ATTRIBUTE attributes[] = {{CKA_KEY_TYPE, &type, sizeof type}, {CKA_SIGN, &signs, sizeof signs},
        {CKA_ID, id, sizeof id}, {CKA_MODULUS, modulus, sizeof modulus}};
    CK_OBJECT_HANDLE key = token_key(&token, signer->session, label);
    token_check(token.functions->C_GetAttributeValue(signer->session, key, attributes, 4), "C_GetAttributeValue");
}

static void *begin(int number)
{
    static const CK_BYTE sha256[] = {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
        0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    struct signer *signer = calloc(1, sizeof *signer);
    if (!signer) fail("out of memory");
    signer->session = token_session(&token);
    signer->key = token_key(&token, signer->session, label);
    memcpy(signer->data, sha256, sizeof sha256);
    memset(signer->data + sizeof sha256, number, sizeof signer->data - sizeof sha256);
    /* The first signature of a thread opens its connection. */
    sign(signer);
    return signer;
}

static void end(void *state)
{
    struct signer *signer = state;
    token_check(token.functions->C_CloseSession(signer->session), "C_CloseSession");
    free(signer);
}

int main(int argc, char **argv)
{
    if (argc != 9 && argc != 10)
        fail("usage: sign MODULE TOKEN PIN KEY (sign | find) THREADS (--seconds S | --count N) [PAUSE_US]");
    label = argv[4];
    token = token_open(argv[1], argv[2], argv[3]);
    struct work work = {.begin = begin, .once = strcmp(argv[5], "find") == 0 ? find : sign, .end = end};
    if (argc == 10) work.pause_us = atol(argv[9]);
    crew_run(&work, atoi(argv[6]), limits_parse(argv[7], argv[8]));
    token_check(token.functions->C_Finalize(NULL), "C_Finalize");
    return 0;
}
