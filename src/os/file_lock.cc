// file_lock.cc - open file description locks on single bytes, and beside them who holds them.
#include "sidefridge/os/file_lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace sidefridge::os {
namespace {

// The kernel does not tell who holds a lock of an open file description. So the holder of one on a byte takes a record
// lock, too, this far behind it, on which nothing else depends: the kernel names its holder, translates the pid into
// the asker's pid namespace, and forgets it when the process ends. Nothing is written, so a full disk hides nobody.
constexpr std::uint32_t names_begin = 1U << 16;

// A lock that was refused so often, each time by somebody who was gone when asked for, is held by somebody else.
constexpr int most_attempts = 100;

struct flock lock_on(std::uint32_t byte, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

// Does not wait for anybody, whatever lies there.
Result<UniqueFd> open_file(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat found {};
  const bool refused = !fd && errno != ELOOP && errno != EISDIR && errno != ENXIO;
  if (refused || (fd && ::fstat(fd.get(), &found) != 0)) return system_error("cannot open " + path, errno);
  if (!fd || !S_ISREG(found.st_mode)) return Error{ErrorCode::io, path + " is not a regular file; remove it"};
  return fd;
}

}  // namespace

Result<FileLock> FileLock::open(std::string path) {
  auto fd = open_file(path, O_RDWR | O_CREAT);
  if (!fd) return std::move(fd).error();
  return FileLock(std::move(*fd), std::move(path));
}

Result<FileLock> FileLock::open_existing(std::string path) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd) return std::move(fd).error();
  return FileLock(std::move(*fd), std::move(path));
}

Result<FileLock::Attempt> FileLock::try_lock(std::uint32_t byte) {
  // Who refuses us may be gone before we can ask for its pid: then the lock is free again.
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    struct flock wanted = lock_on(byte, F_WRLCK);
    if (::fcntl(fd_.get(), F_OFD_SETLK, &wanted) == 0) {
      struct flock name = lock_on(names_begin + byte, F_WRLCK);
      ::fcntl(fd_.get(), F_SETLK, &name);
      return Attempt(Acquired{});
    }
    if (errno != EAGAIN) return system_error("cannot lock " + path_, errno);
    auto found = holder(byte);
    if (!found) return std::move(found).error();
    if (*found) return Attempt(HeldBy{**found});
  }
  return Attempt(HeldBy{0});
}

void FileLock::unlock(std::uint32_t byte) noexcept {
  // The name first: the next holder puts its own there.
  struct flock name = lock_on(names_begin + byte, F_UNLCK);
  ::fcntl(fd_.get(), F_SETLK, &name);
  struct flock released = lock_on(byte, F_UNLCK);
  ::fcntl(fd_.get(), F_OFD_SETLK, &released);
}

bool FileLock::is_current() const noexcept {
  struct stat open_file {};
  struct stat named_file {};
  return ::fstat(fd_.get(), &open_file) == 0 && ::lstat(path_.c_str(), &named_file) == 0 &&
         open_file.st_dev == named_file.st_dev && open_file.st_ino == named_file.st_ino;
}

Result<std::optional<pid_t>> FileLock::holder(std::uint32_t byte) const {
  struct flock found = lock_on(byte, F_WRLCK);
  struct flock name = lock_on(names_begin + byte, F_WRLCK);
  if (::fcntl(fd_.get(), F_OFD_GETLK, &found) != 0 || ::fcntl(fd_.get(), F_GETLK, &name) != 0) {
    return system_error("cannot look at the lock on " + path_, errno);
  }
  if (found.l_type == F_UNLCK) return std::optional<pid_t>();
  // A record lock, as earlier versions took it, names its holder itself.
  if (found.l_pid >= 0) return std::optional(found.l_pid);
  return std::optional(name.l_type == F_UNLCK ? pid_t{0} : name.l_pid);
}

}  // namespace sidefridge::os
