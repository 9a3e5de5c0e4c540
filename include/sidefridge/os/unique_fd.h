// unique_fd.h - a descriptor with one owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace sidefridge::os {

/// Owns:   one descriptor or none (-1), closed on destruction. Movable, not copyable.
/// Requires: every descriptor is opened close-on-exec; scripts inherit 0, 1 and 2 and nothing else.
class UniqueFd {
public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  /// The descriptor, borrowed; -1 when there is none.
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// Gives the descriptor away: the caller closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  /// Closes what is held and takes `fd` instead.
  void reset(int fd = -1) noexcept {
    const int old = std::exchange(fd_, fd);
    // Linux frees the number whatever close returns, so there is nothing to retry.
    if (old >= 0) ::close(old);
  }

private:
  int fd_ = -1;
};

}  // namespace sidefridge::os
