// file_lock.h - locks that the kernel releases when their process ends, however it ends.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "sidefridge/base/result.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

/// Locks on single bytes of one file (POSIX record locks: they alone name their holder). They belong to the process,
/// not to this object, and a child does not inherit them.
/// Owns:     one descriptor. Movable, not copyable.
/// Requires: one object a file and process: when any descriptor of the file is closed, all the process's locks on it
///           are gone, and locks of the same process never meet each other.
/// Blocks:   never.
class FileLock {
public:
  struct Acquired {};
  /// Somebody else has it. 0: a process that this one cannot see, in another container.
  struct HeldBy {
    pid_t pid;
  };
  using Attempt = std::variant<Acquired, HeldBy>;

  /// Opens the file, making it (0600) when missing. Errors: what the system says, with the path.
  static Result<FileLock> open(std::string path);

  /// Opens an existing file, to look only. Errors: not_found when missing.
  static Result<FileLock> open_existing(std::string path);

  /// Takes the lock on one byte; at once also when this process has it already.
  Result<Attempt> try_lock(std::uint32_t byte);

  /// Gives it back; nothing happens when it is not held.
  void unlock(std::uint32_t byte) noexcept;

  /// Who else holds a byte, or nothing; this process's own locks are not seen.
  Result<std::optional<pid_t>> holder(std::uint32_t byte) const;

private:
  FileLock(UniqueFd fd, std::string path) noexcept : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
};

}  // namespace sidefridge::os
