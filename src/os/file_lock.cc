// file_lock.cc - POSIX record locks on single bytes.
#include "sidefridge/os/file_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

namespace sidefridge::os {
namespace {

struct flock lock_on(std::uint32_t byte, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

}  // namespace

Result<FileLock> FileLock::open(std::string path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return system_error("cannot open " + path, errno);
  return FileLock(std::move(fd), std::move(path));
}

Result<FileLock> FileLock::open_existing(std::string path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return system_error("cannot open " + path, errno);
  return FileLock(std::move(fd), std::move(path));
}

Result<FileLock::Attempt> FileLock::try_lock(std::uint32_t byte) {
  // Who refuses us may be gone before we can ask for its pid: then the lock is free again.
  for (;;) {
    struct flock wanted = lock_on(byte, F_WRLCK);
    if (::fcntl(fd_.get(), F_SETLK, &wanted) == 0) return Attempt(Acquired{});
    if (errno != EAGAIN && errno != EACCES) return system_error("cannot lock " + path_, errno);
    auto found = holder(byte);
    if (!found) return std::move(found).error();
    if (*found) return Attempt(HeldBy{**found});
  }
}

void FileLock::unlock(std::uint32_t byte) noexcept {
  struct flock released = lock_on(byte, F_UNLCK);
  ::fcntl(fd_.get(), F_SETLK, &released);
}

Result<std::optional<pid_t>> FileLock::holder(std::uint32_t byte) const {
  struct flock found = lock_on(byte, F_WRLCK);
  if (::fcntl(fd_.get(), F_GETLK, &found) != 0) return system_error("cannot look at the lock on " + path_, errno);
  if (found.l_type == F_UNLCK) return std::optional<pid_t>();
  return std::optional(found.l_pid);
}

}  // namespace sidefridge::os
