// system_clock.cc - clock_gettime(2), here and nowhere else.
#include "sidefridge/os/system_clock.h"

#include <chrono>
#include <ctime>

namespace sidefridge::os {
namespace {

Duration read_clock(clockid_t clock) noexcept {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds{time.tv_sec} + Duration{time.tv_nsec};
}

}  // namespace

Now sample_now() noexcept {
  return Now{WallTime{read_clock(CLOCK_REALTIME)}, MonoTime{read_clock(CLOCK_MONOTONIC)}};
}

}  // namespace sidefridge::os
