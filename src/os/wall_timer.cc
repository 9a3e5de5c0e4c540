// wall_timer.cc - TFD_TIMER_CANCEL_ON_SET, and what to do where it tells arm() instead of drain().
#include "sidefridge/os/wall_timer.h"

#include <sys/timerfd.h>

#include <cerrno>
#include <ctime>

#include "sidefridge/os/timer_fd.h"

namespace sidefridge::os {

Result<WallTimer> WallTimer::open() {
  Result<UniqueFd> fd = open_timer_fd(CLOCK_REALTIME);
  if (!fd) return std::move(fd).error();
  return WallTimer(std::move(fd).value());
}

Result<void> WallTimer::arm(WallTime deadline) {
  const auto set = [this](Duration since_epoch) {
    const int step_flag = step_watch_ == StepWatch::on ? TFD_TIMER_CANCEL_ON_SET : 0;
    return set_timer_fd(fd_.get(), TFD_TIMER_ABSTIME | step_flag, since_epoch);
  };
  const Duration at_once{};

  int refusal = set(step_seen_ ? at_once : deadline.time_since_epoch());
  if (refusal == EINVAL && step_watch_ == StepWatch::on) {
    // Some sandboxes know no CANCEL_ON_SET; ticks then come by the old time until the next arm().
    step_watch_ = StepWatch::unsupported;
    refusal = set(deadline.time_since_epoch());
  }
  if (refusal == ECANCELED) {
    // The clock was stepped since the last drain(). The kernel has armed the timer, but it reports a step only once,
    // and has just done so: wake the caller, and tell it in drain(). A second step meanwhile changes nothing.
    step_seen_ = true;
    refusal = set(at_once);
  }
  if (refusal != 0 && refusal != ECANCELED) return system_error("cannot arm a wall clock timer", refusal);
  return {};
}

Result<void> WallTimer::disarm() {
  step_seen_ = false;
  return clear_timer_fd(fd_.get());
}

Result<WallTimer::Wake> WallTimer::drain() {
  Result<TimerReading> reading = read_timer_fd(fd_.get());
  if (!reading) return std::move(reading).error();
  if (std::exchange(step_seen_, false)) return Wake::clock_changed;
  switch (*reading) {
    case TimerReading::nothing: return Wake::nothing;
    case TimerReading::expired: return Wake::expired;
    case TimerReading::cancelled: return Wake::clock_changed;
  }
  return Wake::nothing;
}

}  // namespace sidefridge::os
