// mono_timer.cc - a timerfd on CLOCK_MONOTONIC.
#include "sidefridge/os/mono_timer.h"

#include <sys/timerfd.h>

#include <ctime>

#include "sidefridge/os/timer_fd.h"

namespace sidefridge::os {

Result<MonoTimer> MonoTimer::open() {
  Result<UniqueFd> fd = open_timer_fd(CLOCK_MONOTONIC);
  if (!fd) return std::move(fd).error();
  return MonoTimer(std::move(fd).value());
}

Result<void> MonoTimer::arm(MonoTime deadline) {
  const int refusal = set_timer_fd(fd_.get(), TFD_TIMER_ABSTIME, deadline.time_since_epoch());
  if (refusal != 0) return system_error("cannot arm a timer", refusal);
  return {};
}

Result<void> MonoTimer::disarm() {
  return clear_timer_fd(fd_.get());
}

Result<MonoTimer::Wake> MonoTimer::drain() {
  Result<TimerReading> reading = read_timer_fd(fd_.get());
  if (!reading) return std::move(reading).error();
  return *reading == TimerReading::expired ? Wake::expired : Wake::nothing;
}

}  // namespace sidefridge::os
