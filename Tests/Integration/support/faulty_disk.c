/* Loaded into a program with LD_PRELOAD: calls that read, write or flush files below the directory FAULTY_DISK_DATA fail with
 * the error number that a file named after the call holds in the directory FAULTY_DISK_CONTROL.
 *
 * A directory FAULTY_DISK_FLUSHED gets a copy of each file below FAULTY_DISK_DATA as it was when it was flushed last: what a
 * power cut leaves at the least.
 *
 * With FAULTY_DISK_KILL=N the program is killed instead of its Nth call that changes a file or a directory. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The errno with which the call shall fail; 0: it shall not. */
static int fault(const char *call, int descriptor)
{
    const char *data = getenv("FAULTY_DISK_DATA"), *control = getenv("FAULTY_DISK_CONTROL");
    char name[4096], target[4096], digits[16] = "";
    if (!data || !control)
        return 0;
    snprintf(name, sizeof name, "%s/%s", control, call);
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t count = read(file, digits, sizeof digits - 1);
    close(file);
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(name, target, sizeof target - 1);
    if (count <= 0 || length < 0 || (size_t)length < strlen(data) || memcmp(target, data, strlen(data)) != 0)
        return 0;
    return atoi(digits);
}

static void count_down(void)
{
    static atomic_int calls;
    const char *number = getenv("FAULTY_DISK_KILL");
    if (number && atomic_fetch_add(&calls, 1) + 1 == atoi(number))
        raise(SIGKILL);
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

#define FAIL(call)                                  \
    do {                                            \
        int kept = errno, number = fault(call, fd); \
        errno = number ? number : kept;             \
        if (number)                                 \
            return -1;                              \
    } while (0)

/* Called after a flush. Copies are made one after the other, and appear whole. */
static void keep_flushed(int descriptor)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char bytes[65536];
    const char *data = getenv("FAULTY_DISK_DATA"), *flushed = getenv("FAULTY_DISK_FLUSHED");
    char link[64], path[4096], copy[4096], new[4096 + 8];
    struct stat status;
    if (!data || !flushed)
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0 || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    path[length] = 0;
    if (strncmp(path, data, strlen(data)) != 0)
        return;
    snprintf(copy, sizeof copy, "%s/%s", flushed, strrchr(path, '/') + 1);
    snprintf(new, sizeof new, "%s.new", copy);
    pthread_mutex_lock(&lock);
    int from = open(path, O_RDONLY | O_CLOEXEC), to = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t count = 0;
    while (from >= 0 && to >= 0 && (count = read(from, bytes, sizeof bytes)) > 0)
        if (REAL(ssize_t, write, int, const void *, size_t)(to, bytes, count) != count)
            abort();
    close(from);
    close(to);
    if (REAL(int, rename, const char *, const char *)(new, copy) != 0)
        abort();
    pthread_mutex_unlock(&lock);
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset)
{
    FAIL("pread");
    return REAL(ssize_t, pread, int, void *, size_t, off_t)(fd, bytes, count, offset);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset)
{
    FAIL("pread");
    return REAL(ssize_t, pread64, int, void *, size_t, off64_t)(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    count_down();
    FAIL("pwrite");
    return REAL(ssize_t, pwrite, int, const void *, size_t, off_t)(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    count_down();
    FAIL("pwrite");
    return REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, bytes, count, offset);
}

int fsync(int fd)
{
    count_down();
    FAIL("fsync");
    int result = REAL(int, fsync, int)(fd);
    if (result == 0)
        keep_flushed(fd);
    return result;
}

int fdatasync(int fd)
{
    count_down();
    FAIL("fsync");
    int result = REAL(int, fdatasync, int)(fd);
    if (result == 0)
        keep_flushed(fd);
    return result;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    count_down();
    FAIL("write");
    return REAL(ssize_t, write, int, const void *, size_t)(fd, bytes, count);
}

int ftruncate(int fd, off_t length)
{
    count_down();
    FAIL("ftruncate");
    return REAL(int, ftruncate, int, off_t)(fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    count_down();
    FAIL("ftruncate");
    return REAL(int, ftruncate64, int, off64_t)(fd, length);
}

int rename(const char *from, const char *to)
{
    count_down();
    return REAL(int, rename, const char *, const char *)(from, to);
}

int unlink(const char *path)
{
    count_down();
    return REAL(int, unlink, const char *)(path);
}

int link(const char *from, const char *to)
{
    count_down();
    return REAL(int, link, const char *, const char *)(from, to);
}
