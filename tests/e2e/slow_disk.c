// slow_disk.c - a disk that takes its time, loaded into a program by LD_PRELOAD: no sync and no write to a place of a
// file goes on while somebody has a lock (flock) on the file that $SLOW_DISK names, and no write to a copy of hooks
// while somebody has one on that of $SLOW_WRITES, nor is a folder watched while there is one on that of $SLOW_WATCHES.
// What has to wait says so first, by a file of that name and ".waits". Not loaded into what the program starts.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct gate {
  char path[PATH_MAX];
  char waits[PATH_MAX + 8];
};

static struct gate disk;
static struct gate writes;
static struct gate watches;

static void set_up(struct gate* gate, const char* name) {
  const char* path = getenv(name);
  if (path != NULL) {
    snprintf(gate->path, sizeof gate->path, "%s", path);
    snprintf(gate->waits, sizeof gate->waits, "%s.waits", path);
  }
  unsetenv(name);
}

__attribute__((constructor)) static void begin(void) {
  set_up(&disk, "SLOW_DISK");
  set_up(&writes, "SLOW_WRITES");
  set_up(&watches, "SLOW_WATCHES");
  unsetenv("LD_PRELOAD");
}

static void pass(const struct gate* gate) {
  if (gate->path[0] == '\0') return;
  const int error = errno;
  const int fd = open(gate->path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0) {
    close(open(gate->waits, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    while (flock(fd, LOCK_SH) != 0 && errno == EINTR) continue;
  }
  if (fd >= 0) close(fd);
  errno = error;
}

int fsync(int fd) {
  pass(&disk);
  return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  pass(&disk);
  return (int)syscall(SYS_fdatasync, fd);
}

int msync(void* begin_of, size_t bytes, int flags) {
  pass(&disk);
  return (int)syscall(SYS_msync, begin_of, bytes, flags);
}

ssize_t pwrite(int fd, const void* from, size_t bytes, off_t offset) {
  pass(&disk);
  return syscall(SYS_pwrite64, fd, from, bytes, offset);
}

ssize_t pwrite64(int fd, const void* from, size_t bytes, off64_t offset) {
  pass(&disk);
  return syscall(SYS_pwrite64, fd, from, bytes, offset);
}

ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t offset) {
  pass(&disk);
  return syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

ssize_t pwritev64(int fd, const struct iovec* parts, int count, off64_t offset) {
  pass(&disk);
  return syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

static int is_copy_of_hooks(int fd) {
  char link[64];
  char path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return strstr(path, "/hooks/") != NULL;
}

ssize_t write(int fd, const void* from, size_t bytes) {
  if (is_copy_of_hooks(fd)) pass(&writes);
  return syscall(SYS_write, fd, from, bytes);
}

int inotify_add_watch(int fd, const char* path, uint32_t mask) {
  pass(&watches);
  return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}
