// time.h - the two clocks of the program as values; core never reads either.
#pragma once

#include <chrono>
#include <cstdint>

namespace sidefridge {

/// Units: nanoseconds.
using Duration = std::chrono::nanoseconds;

/// An instant of CLOCK_REALTIME: nanoseconds since 1970-01-01T00:00:00Z, without leap seconds. Names end in `_at`.
using WallTime = std::chrono::sys_time<Duration>;

/// The clock of MonoTime. It has no now(): instants come in as arguments.
struct MonoClock {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonoClock, Duration>;
  static constexpr bool is_steady = true;
};

/// An instant of CLOCK_MONOTONIC. Names end in `_deadline` where something is due then.
using MonoTime = MonoClock::time_point;

/// Both clocks, sampled together once per loop turn.
struct Now {
  WallTime wall;
  MonoTime mono;
};

}  // namespace sidefridge
