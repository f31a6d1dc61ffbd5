/* SPDX-License-Identifier: Apache-2.0
 *
 * What it costs a host to load a PKCS#11 module: dlopen and C_GetFunctionList.
 *
 *     loading MODULE
 *
 * The result is one line of JSON: milliseconds, private memory in MiB, threads that were started. Nothing but the C
 * library is linked here, so that the module brings all that it needs.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* Memory that this process shares with no other one. */
static double private_mib(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long total = 0, kib;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Private_Clean: %ld", &kib) == 1 || sscanf(line, "Private_Dirty: %ld", &kib) == 1) total += kib;
    if (file) fclose(file);
    return (double)total / 1024;
}

static int threads(void)
{
    int count = -2; /* . and .. */
    DIR *directory = opendir("/proc/self/task");
    while (directory && readdir(directory)) count++;
    if (directory) closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: loading MODULE\n", stderr);
        return 1;
    }
    double memory = private_mib(), begin = now_ms();
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL), *list = NULL;
    unsigned long (*get_list)(void **) = NULL;
    if (library) *(void **)&get_list = dlsym(library, "C_GetFunctionList");
    if (!get_list || get_list(&list) != 0 || !list) {
        fprintf(stderr, "loading: %s\n", get_list ? "C_GetFunctionList fails" : dlerror());
        return 1;
    }
    double end = now_ms();
    printf("{\"milliseconds\": %.3f, \"private_mib\": %.2f, \"threads\": %d}\n", end - begin, private_mib() - memory,
        threads() - 1);
    return 0;
}
