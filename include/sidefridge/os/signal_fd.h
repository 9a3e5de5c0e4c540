// signal_fd.h - the daemon's signals as a pollable descriptor.
#pragma once

#include <cstdint>
#include <utility>

#include "sidefridge/base/result.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

/// Which signals were seen; how often each came the kernel does not tell.
class SignalSet {
public:
  void add(int signal_number) noexcept { bits_ |= bit(signal_number); }
  bool has(int signal_number) const noexcept { return (bits_ & bit(signal_number)) != 0; }
  bool empty() const noexcept { return bits_ == 0; }

private:
  static std::uint64_t bit(int signal_number) noexcept { return std::uint64_t{1} << (signal_number - 1); }
  std::uint64_t bits_ = 0;
};

/// Takes TERM, INT, HUP, USR1 and CHLD for the process.
/// Owns:   one signalfd, closed on destruction; the signals stay blocked. Movable, not copyable.
/// Thread: loop thread only.  Blocks: never.
class SignalFd {
public:
  /// Blocks the five signals, ignores PIPE and XFSZ (the write then fails with EPIPE or EFBIG) and no other, whatever
  /// was inherited, for good: the process lives with it (spawn() undoes both for children).
  /// Requires: called before any other thread starts, since threads inherit the mask.
  /// Errors: EMFILE, ENFILE, ENOMEM.
  static Result<SignalFd> open();

  /// Reads until empty. Returns: the signals that came since the last call.
  Result<SignalSet> drain();

  /// Whether TERM or INT is waiting to be drained. Takes nothing.
  bool stop_is_pending() const noexcept;

  /// The descriptor to poll for input. Borrowed: valid while *this lives.
  int fd() const noexcept { return fd_.get(); }

private:
  explicit SignalFd(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace sidefridge::os
