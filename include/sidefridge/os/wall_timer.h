// wall_timer.h - a one-shot absolute timer as a pollable descriptor.
#pragma once

#include <utility>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

/// A CLOCK_REALTIME timer that also notices when the wall clock is stepped.
/// Owns:   one timerfd, closed on destruction. Movable, not copyable.
/// Thread: loop thread only.  Blocks: never.
class WallTimer {
public:
  enum class Wake {
    nothing,        // spurious readiness; the deadline has not passed
    expired,        // the armed deadline has passed
    clock_changed,  // the wall clock was stepped: recompute, then arm() again
  };

  /// Opens a disarmed timer. Errors: EMFILE, ENFILE, ENOMEM (try again later).
  static Result<WallTimer> open();

  /// Fires once at `deadline`, or at the next poll if that is past. Replaces any earlier one.
  /// A step of the clock since the last drain() is not lost: the timer wakes at once with clock_changed.
  Result<void> arm(WallTime deadline);

  /// Fires no more, and does not wake for a step of the clock either, until arm().
  Result<void> disarm();

  /// Clears readiness. Requires: called exactly once per wake-up.
  Result<Wake> drain();

  /// The descriptor to poll for input. Borrowed: valid while *this lives.
  int fd() const noexcept { return fd_.get(); }

private:
  enum class StepWatch { on, unsupported };

  explicit WallTimer(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

  UniqueFd fd_;
  StepWatch step_watch_ = StepWatch::on;
  bool step_seen_ = false;  // arm() was told of a step; drain() owes it to the caller
};

}  // namespace sidefridge::os
