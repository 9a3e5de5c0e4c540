// timer_fd.h - the timerfd that WallTimer and MonoTimer share.
#pragma once

#include <ctime>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

/// What reading a timerfd says.
enum class TimerReading { nothing, expired, cancelled };

/// A disarmed timerfd on `clock`, non-blocking and close-on-exec.
Result<UniqueFd> open_timer_fd(clockid_t clock);

/// Arms for the instant `since_epoch` of its clock. `flags` as in timerfd_settime(2).
/// Returns: 0 or an errno value.
int set_timer_fd(int fd, int flags, Duration since_epoch) noexcept;

/// Disarms; a step of the clock wakes it no more.
Result<void> clear_timer_fd(int fd);

/// Clears readiness.
Result<TimerReading> read_timer_fd(int fd);

}  // namespace sidefridge::os
