/* SPDX-License-Identifier: Apache-2.0 */
#include "children.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

Child *children_shared(size_t count) {
    void *memory = mmap(NULL, count * sizeof(Child), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return memory;
}

void child_start(Child *child, const char *mode, ChildBody body, void *context) {
    memset(child, 0, sizeof *child);
    snprintf(child->mode, sizeof child->mode, "%s", mode);
    snprintf(child->phase, sizeof child->phase, "fork");
    host_phase("fork");
    pid_t pid = host_fork();
    if (pid < 0) host_fail("fork: %s", strerror(errno));
    if (pid != 0) {
        child->pid = pid;
        return;
    }
    host_share_phase(child->phase);
    host_forget_failures();
    int code = body(context);
    if (code == 0) host_phase("exit");
    exit(code);
}

/* All threads' stacks, for whoever has to mend the hang. */
static void show_stacks(pid_t pid) {
    const char *gdb = getenv("HOST_GDB");
    char number[16];
    if (!gdb) return;
    snprintf(number, sizeof number, "%d", (int)pid);
    pid_t debugger = vfork();
    if (debugger == 0) {
        execlp(gdb, gdb, "-batch", "-p", number, "-ex", "thread apply all bt 30", (char *)NULL);
        _exit(127);
    }
    if (debugger > 0) waitpid(debugger, NULL, 0);
}

static bool report(const Child *child, int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    if (WIFSIGNALED(status))
        host_fail("child %s (%d): killed by %s at: %s", child->mode, child->pid, strsignal(WTERMSIG(status)),
                  child->phase);
    else host_fail("child %s (%d): exit code %d at: %s", child->mode, child->pid, WEXITSTATUS(status), child->phase);
    return false;
}

unsigned children_await(Child *children, size_t count, unsigned deadline) {
    struct timespec now, pause = {0, 2000000};
    unsigned failed = 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    time_t until = now.tv_sec + (time_t)deadline;
    size_t left = 0;
    for (size_t i = 0; i < count; i++) left += children[i].pid > 0;
    while (left > 0 && now.tv_sec <= until) {
        for (size_t i = 0; i < count; i++) {
            int status;
            if (children[i].pid <= 0 || waitpid(children[i].pid, &status, WNOHANG) != children[i].pid) continue;
            failed += !report(&children[i], status);
            children[i].pid = 0;
            left--;
        }
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    for (size_t i = 0; i < count; i++) {
        if (children[i].pid <= 0) continue;
        host_fail("child %s (%d): hang at: %s", children[i].mode, children[i].pid, children[i].phase);
        show_stacks(children[i].pid);
        kill(children[i].pid, SIGKILL);
        waitpid(children[i].pid, NULL, 0);
        children[i].pid = 0;
        failed++;
    }
    return failed;
}
