/* Records what a process does to the files of one folder, for tests/faults/powercut.py. Preloaded with LD_PRELOAD.
 *
 * POWERCUT_DIR    folder to watch, absolute, without a slash at its end
 * POWERCUT_TRACE  file that records are appended to
 *
 * A record is: kind (char), inode (u64), offset or size (i64), length (u64), then `length` bytes: the data written, or
 * a path. It is appended after the call has succeeded, under a lock, so that the order of records is one in which the
 * calls may have happened. Writing through mmap is not seen (SQLite does that to its -shm, which no restart trusts).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;
static const char *folder;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("POWERCUT_TRACE");
    folder = getenv("POWERCUT_DIR");
    if (path && folder)
        trace = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int inside(const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    return trace >= 0 && path && length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static int watched(int fd, char *path, size_t size) {
    char link[64];
    ssize_t length;
    if (trace < 0 || fd == trace)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, size - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return inside(path);
}

static uint64_t inode(int fd) {
    struct stat status;
    return fstat(fd, &status) ? 0 : status.st_ino;
}

static void record(char kind, uint64_t ino, int64_t offset, const void *data, uint64_t length) {
    char head[25];
    struct iovec parts[2] = {{head, sizeof head}, {(void *)data, length}};
    head[0] = kind;
    memcpy(head + 1, &ino, 8);
    memcpy(head + 9, &offset, 8);
    memcpy(head + 17, &length, 8);
    if (writev(trace, parts, 2) != (ssize_t)(sizeof head + length))
        abort();
}

#define LOCKED(statement) do { pthread_mutex_lock(&lock); statement; pthread_mutex_unlock(&lock); } while (0)

static void opened(int fd, int flags) {
    char path[4096];
    if (fd >= 0 && (flags & (O_CREAT | O_TRUNC)) && watched(fd, path, sizeof path)) {
        record('o', inode(fd), 0, path, strlen(path));
        if (flags & O_TRUNC)
            record('t', inode(fd), 0, "", 0);
    }
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest; mode_t mode; int fd;                                                                             \
        va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest);                                              \
        LOCKED(fd = REAL(name)(path, flags, mode); opened(fd, flags));                                                 \
        return fd;                                                                                                     \
    }
#define OPENAT(name)                                                                                                   \
    int name(int at, const char *path, int flags, ...) {                                                               \
        va_list rest; mode_t mode; int fd;                                                                             \
        va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest);                                              \
        LOCKED(fd = REAL(name)(at, path, flags, mode); opened(fd, flags));                                             \
        return fd;                                                                                                     \
    }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)

#define PWRITE(name)                                                                                                   \
    ssize_t name(int fd, const void *data, size_t length, off64_t offset) {                                            \
        char path[4096]; ssize_t done;                                                                                 \
        LOCKED(done = REAL(name)(fd, data, length, offset);                                                            \
               if (done > 0 && watched(fd, path, sizeof path)) record('w', inode(fd), offset, data, done));            \
        return done;                                                                                                   \
    }
PWRITE(pwrite) PWRITE(pwrite64)

ssize_t write(int fd, const void *data, size_t length) {
    char path[4096];
    ssize_t done;
    LOCKED(done = REAL(write)(fd, data, length); if (done > 0 && watched(fd, path, sizeof path))
        record('w', inode(fd), lseek(fd, 0, SEEK_CUR) - done, data, done));
    return done;
}

#define TRUNCATE(name)                                                                                                 \
    int name(int fd, off64_t size) {                                                                                   \
        char path[4096]; int done;                                                                                     \
        LOCKED(done = REAL(name)(fd, size);                                                                            \
               if (!done && watched(fd, path, sizeof path)) record('t', inode(fd), size, "", 0));                      \
        return done;                                                                                                   \
    }
TRUNCATE(ftruncate) TRUNCATE(ftruncate64)

#define SYNC(name)                                                                                                     \
    int name(int fd) {                                                                                                 \
        char path[4096]; int done;                                                                                     \
        LOCKED(done = REAL(name)(fd);                                                                                  \
               if (!done && watched(fd, path, sizeof path)) record('s', inode(fd), 0, path, strlen(path)));            \
        return done;                                                                                                   \
    }
SYNC(fsync) SYNC(fdatasync)

int unlink(const char *path) {
    int done;
    LOCKED(done = REAL(unlink)(path); if (!done && inside(path)) record('u', 0, 0, path, strlen(path)));
    return done;
}

int unlinkat(int at, const char *path, int flags) {
    int done;
    LOCKED(done = REAL(unlinkat)(at, path, flags); if (!done && inside(path)) record('u', 0, 0, path, strlen(path)));
    return done;
}

static void renamed(char kind, const char *old, const char *new) {
    char both[8192];
    int length = snprintf(both, sizeof both, "%s\n%s", old, new);
    record(kind, 0, 0, both, length);
}

int rename(const char *old, const char *new) {
    int done;
    LOCKED(done = REAL(rename)(old, new); if (!done && inside(new)) renamed('r', old, new));
    return done;
}

int link(const char *old, const char *new) {
    int done;
    LOCKED(done = REAL(link)(old, new); if (!done && inside(new)) renamed('l', old, new));
    return done;
}

int linkat(int from, const char *old, int to, const char *new, int flags) {
    int done;
    LOCKED(done = REAL(linkat)(from, old, to, new, flags); if (!done && inside(new)) renamed('l', old, new));
    return done;
}
