// mono_timer.h - a one-shot absolute timer that no step of the wall clock touches.
#pragma once

#include <utility>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

/// A CLOCK_MONOTONIC timer, for deadlines.
/// Owns:   one timerfd, closed on destruction. Movable, not copyable.
/// Thread: loop thread only.  Blocks: never.
class MonoTimer {
public:
  enum class Wake {
    nothing,  // spurious readiness; the deadline has not passed
    expired,  // the armed deadline has passed
  };

  /// Opens a disarmed timer. Errors: EMFILE, ENFILE, ENOMEM (try again later).
  static Result<MonoTimer> open();

  /// Fires once at `deadline`, or at the next poll if that is past. Replaces any earlier one.
  Result<void> arm(MonoTime deadline);

  /// Fires no more until arm().
  Result<void> disarm();

  /// Clears readiness. Requires: called exactly once per wake-up.
  Result<Wake> drain();

  /// The descriptor to poll for input. Borrowed: valid while *this lives.
  int fd() const noexcept { return fd_.get(); }

private:
  explicit MonoTimer(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace sidefridge::os
