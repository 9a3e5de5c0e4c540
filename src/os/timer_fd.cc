// timer_fd.cc - timerfd_create(2) and its kin.
#include "sidefridge/os/timer_fd.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>

namespace sidefridge::os {

Result<UniqueFd> open_timer_fd(clockid_t clock) {
  UniqueFd fd(::timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!fd) return system_error("cannot open a timer", errno);
  return fd;
}

int set_timer_fd(int fd, int flags, Duration since_epoch) noexcept {
  // Zero would disarm and a negative time is refused; both mean "long past".
  const Duration when = std::max(since_epoch, Duration{1});
  const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
  itimerspec spec{};
  spec.it_value.tv_sec = seconds.count();
  spec.it_value.tv_nsec = (when - seconds).count();
  return ::timerfd_settime(fd, flags, &spec, nullptr) == 0 ? 0 : errno;
}

Result<void> clear_timer_fd(int fd) {
  const itimerspec never{};
  if (::timerfd_settime(fd, 0, &never, nullptr) != 0) return system_error("cannot disarm a timer", errno);
  return {};
}

Result<TimerReading> read_timer_fd(int fd) {
  std::uint64_t expirations = 0;
  if (::read(fd, &expirations, sizeof expirations) >= 0) return TimerReading::expired;
  if (errno == EAGAIN) return TimerReading::nothing;
  if (errno == ECANCELED) return TimerReading::cancelled;
  return system_error("cannot read a timer", errno);
}

}  // namespace sidefridge::os
