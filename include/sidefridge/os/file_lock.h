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

/// Locks on single bytes of one file (open file description locks, Linux 3.15). They belong to this object: two of one
/// process meet as those of strangers do, and nothing else that the process does with the file touches them. A child
/// has them, too, until it executes something or ends.
/// Owns:     one descriptor. Movable, not copyable.
/// Thread:   one thread at a time, not always the same one.
/// Blocks:   never.
class FileLock {
public:
  struct Acquired {};
  /// Somebody else has it. 0: its pid cannot be told: it is in another container, has only just taken the lock, or is
  /// this process with another object.
  struct HeldBy {
    pid_t pid;
  };
  using Attempt = std::variant<Acquired, HeldBy>;

  /// Opens the file, making it (0600) when missing. Errors: what the system says, with the path; io for what is no
  /// regular file.
  static Result<FileLock> open(std::string path);

  /// Opens an existing file, to look only. Errors: not_found when missing, else as open().
  static Result<FileLock> open_existing(std::string path);

  /// Takes the lock on one byte, of the first 65536; at once also when this object has it already.
  Result<Attempt> try_lock(std::uint32_t byte);

  /// Gives it back; nothing happens when it is not held.
  void unlock(std::uint32_t byte) noexcept;

  /// Whether the file is still the one at its path.
  bool is_current() const noexcept;

  /// Who else holds a byte, or nothing; this object's own locks are not seen. 0: as HeldBy.
  Result<std::optional<pid_t>> holder(std::uint32_t byte) const;

private:
  FileLock(UniqueFd fd, std::string path) noexcept : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
};

}  // namespace sidefridge::os
