/*
 * What a module must leave alone in its host: threads, signals, OpenSSL's error queue, the environment, the descriptors
 * of a program that the host executes.
 *
 *   guest MODULE PIN LABEL PUBLIC_PEM [LABEL PUBLIC_PEM]...
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

extern char **environ;

/* Signals whose disposition is not the default one, as a bit mask; and the mask of the thread. */
typedef struct Signals {
    unsigned long handled;
    sigset_t blocked;
} Signals;

static Signals signals_now(void) {
    Signals now = {0};
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL) now.handled |= 1UL << number;
    }
    sigprocmask(SIG_BLOCK, NULL, &now.blocked);
    return now;
}

static bool same_signals(const Signals *one, const Signals *other) {
    for (int number = 1; number < 32; number++)
        if (sigismember(&one->blocked, number) != sigismember(&other->blocked, number)) return false;
    return one->handled == other->handled;
}

/* The pair of sockets by which libcurl wakes itself; Debian 12's has no FD_CLOEXEC, and nobody is at its other end. */
static bool is_wakeup_pair(int descriptor) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

/* Descriptors, apart from the standard ones, that a program started with exec would inherit. */
static unsigned inherited_descriptors(void) {
    unsigned count = 0;
    DIR *descriptors = opendir("/proc/self/fd");
    if (!descriptors) return 0;
    for (struct dirent *entry; (entry = readdir(descriptors));) {
        int number = atoi(entry->d_name);
        if (number > 2 && !(fcntl(number, F_GETFD) & FD_CLOEXEC) && !is_wakeup_pair(number)) count++;
    }
    closedir(descriptors);
    return count;
}

static size_t environment_size(void) {
    size_t size = 0;
    for (char **variable = environ; *variable; variable++) size += strlen(*variable) + 1;
    return size;
}

typedef struct Before {
    Signals signals;
    unsigned threads, descriptors;
    size_t environment;
} Before;

static void compare(const Before *before, const char *when) {
    Signals now = signals_now();
    if (same_signals(&before->signals, &now)) host_pass("%s: signals as before", when);
    else host_fail("%s: handlers 0x%lx, before 0x%lx", when, now.handled, before->signals.handled);
    unsigned threads = host_thread_count();
    if (threads == before->threads) host_pass("%s: threads: %u", when, threads);
    else host_fail("%s: %u threads, before %u", when, threads, before->threads);
    unsigned descriptors = inherited_descriptors();
    if (descriptors == before->descriptors) host_pass("%s: no new descriptor without FD_CLOEXEC", when);
    else host_fail("%s: %u descriptors without FD_CLOEXEC, before %u", when, descriptors, before->descriptors);
    unsigned long error = ERR_peek_error();
    if (error == 0) host_pass("%s: OpenSSL's error queue is empty", when);
    else host_fail("%s: OpenSSL's error queue holds %s", when, ERR_error_string(error, NULL));
    if (environment_size() == before->environment) host_pass("%s: environment as before", when);
    else host_fail("%s: the environment changed", when);
}

int main(int argc, char **argv) {
    Host host;
    host_arguments(&host, argc, argv);
    host_watchdog(60);
    ERR_clear_error();
    Before before = {signals_now(), host_thread_count(), inherited_descriptors(), environment_size()};
    host_load(&host);
    compare(&before, "after dlopen");
    CK_SESSION_HANDLE session = host_start(&host, true);
    compare(&before, "after login");
    for (unsigned n = 0; n < 4; n++) {
        CK_RV rv = host_sign_all(&host, session, n);
        if (rv != CKR_OK) host_fail("signing: %s", host_rv_text(rv));
    }
    compare(&before, "after signing");
    CK_BYTE wrong[] = "wrong", label[] = "nothing";
    CK_SESSION_HANDLE other;
    host_check(host_open(&host, &other), "C_OpenSession");
    host.functions->C_Logout(other);
    host.functions->C_Login(other, CKU_USER, wrong, sizeof wrong - 1);
    host.functions->C_FindObjectsInit(other, &(CK_ATTRIBUTE){CKA_LABEL, label, sizeof label - 1}, 1);
    compare(&before, "after a refused login");
    host_check(host.functions->C_Finalize(NULL), "C_Finalize");
    compare(&before, "after C_Finalize");
    host_unload(&host);
    compare(&before, "after dlclose");
    return host_exit_code();
}
