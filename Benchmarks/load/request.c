/* SPDX-License-Identifier: Apache-2.0
 *
 * The same request again and again with bare libcurl: what the module's signatures are compared with.
 *
 *     request PORT CA_FILE REQUEST_FILE THREADS (--seconds S | --count N)
 *
 * REQUEST_FILE holds the bytes of one HTTP/1.1 POST with a body. The server is 127.0.0.1 and its certificate is
 * verified. Each thread has an easy handle and thereby a kept-alive connection of its own. Anything but an answer 200
 * ends the run with status 1. The result is one line of JSON, times in microseconds.
 */
#define _GNU_SOURCE
#include "crew.h"
#include "fail.h"
#include "file.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char url[256];
static const char *ca_file;
static const char *body;
static struct curl_slist *headers;

struct client {
    CURL *easy;
    char answer[65536];
    size_t received;
};

static size_t receive(char *bytes, size_t size, size_t count, void *context)
{
    struct client *client = context;
    if (size * count > sizeof client->answer - client->received) return 0;
    memcpy(client->answer + client->received, bytes, size * count);
    client->received += size * count;
    return size * count;
}

/* Takes the request apart: the path goes into `url`, all headers but those that libcurl makes itself into `headers`. */
static void parse(char *request, const char *port)
{
    char *end = strstr(request, "\r\n\r\n");
    char path[128];
    if (!end || sscanf(request, "POST %127s HTTP/1.1\r\n", path) != 1) fail("the request file holds no HTTP/1.1 POST");
    body = end + 4;
    *end = 0;
    snprintf(url, sizeof url, "https://127.0.0.1:%s%s", port, path);
    char *rest;
    strtok_r(request, "\r\n", &rest);
    for (char *line; (line = strtok_r(NULL, "\r\n", &rest));) {
        if (strncasecmp(line, "Host:", 5) == 0 || strncasecmp(line, "Content-Length:", 15) == 0) continue;
        headers = curl_slist_append(headers, line);
        if (!headers) fail("out of memory");
    }
}

static void once(void *state)
{
    struct client *client = state;
    long status = 0;
    client->received = 0;
    CURLcode code = curl_easy_perform(client->easy);
    if (code != CURLE_OK) fail(curl_easy_strerror(code));
    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) return;
    fprintf(stderr, "%.*s\n", (int)client->received, client->answer);
    fail("the answer is not 200");
}

static void *begin(int number)
{
    (void)number;
    struct client *client = calloc(1, sizeof *client);
    if (!client || !(client->easy = curl_easy_init())) fail("out of memory");
    curl_easy_setopt(client->easy, CURLOPT_URL, url);
    curl_easy_setopt(client->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(client->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(client->easy, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(client->easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(client->easy, CURLOPT_WRITEDATA, client);
    curl_easy_setopt(client->easy, CURLOPT_TIMEOUT, 30L);
    once(client);
    return client;
}

static void end(void *state)
{
    struct client *client = state;
    curl_easy_cleanup(client->easy);
    free(client);
}

int main(int argc, char **argv)
{
    if (argc != 7) fail("usage: request PORT CA_FILE REQUEST_FILE THREADS (--seconds S | --count N)");
    size_t length;
    ca_file = argv[2];
    curl_global_init(CURL_GLOBAL_ALL);
    parse(file_read(argv[3], &length), argv[1]);
    struct work work = {.begin = begin, .once = once, .end = end};
    crew_run(&work, atoi(argv[4]), limits_parse(argv[5], argv[6]));
    return 0;
}
