/* What a host program says, and the watchdog.  SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static atomic_uint failures;
static char own_phase[HOST_PHASE_SIZE] = "start";
static char *phase = own_phase;

/* One write(2) per line and no buffer, so that a child cannot print its parent's lines again. */
static void say(const char *prefix, const char *format, va_list arguments) {
    char line[1024];
    int used = snprintf(line, sizeof line, "%s", prefix);
    int more = vsnprintf(line + used, sizeof line - (size_t)used - 1, format, arguments);
    size_t length = (size_t)used + (size_t)(more > 0 ? more : 0);
    if (length > sizeof line - 2) length = sizeof line - 2;
    line[length] = '\n';
    if (write(STDOUT_FILENO, line, length + 1) < 0) atomic_fetch_add(&failures, 1);
}

void host_pass(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("ok    ", format, arguments);
    va_end(arguments);
}

void host_fail(const char *format, ...) {
    va_list arguments;
    atomic_fetch_add(&failures, 1);
    va_start(arguments, format);
    say("FAIL  ", format, arguments);
    va_end(arguments);
}

void host_note(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("note  ", format, arguments);
    va_end(arguments);
}

void host_forget_failures(void) { atomic_store(&failures, 0); }

int host_exit_code(void) { return atomic_load(&failures) == 0 ? 0 : 1; }

bool host_check(CK_RV rv, const char *what) {
    if (rv == CKR_OK) host_pass("%s", what);
    else host_fail("%s: %s", what, host_rv_text(rv));
    return rv == CKR_OK;
}

void host_phase(const char *format, ...) {
    va_list arguments;
    if (gettid() != getpid()) return; /* only the main thread's phase is told */
    va_start(arguments, format);
    vsnprintf(phase, HOST_PHASE_SIZE, format, arguments);
    va_end(arguments);
}

void host_share_phase(char *shared) { phase = shared; }

static void bark(int signal_number) {
    static const char text[] = "FAIL  hang: the deadline passed while the host was at: ";
    (void)signal_number;
    ssize_t written = write(STDOUT_FILENO, text, sizeof text - 1);
    written += write(STDOUT_FILENO, phase, strnlen(phase, HOST_PHASE_SIZE));
    written += write(STDOUT_FILENO, "\n", 1);
    _exit(written < 0 ? 125 : 124);
}

void host_watchdog(unsigned seconds) {
    struct sigaction action = {.sa_handler = bark};
    sigaction(SIGALRM, &action, NULL);
    alarm(seconds);
}

unsigned host_thread_count(void) {
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return 0;
    for (struct dirent *entry; (entry = readdir(tasks));)
        if (entry->d_name[0] != '.') count++;
    closedir(tasks);
    return count;
}
