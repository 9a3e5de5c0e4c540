// zone_period.h - a stretch of time with one offset from UTC.
#pragma once

#include <chrono>

namespace sidefridge::cron {

/// A stretch of time in which one offset from UTC holds.
struct ZonePeriod {
  std::chrono::sys_seconds begins_at;  // sys_seconds::min() when there is no earlier offset
  std::chrono::sys_seconds ends_at;  // the first instant that is no longer part; sys_seconds::max() when there is none
  std::chrono::seconds offset;       // what local clocks show less UTC, less than 26 hours either way

  friend bool operator==(const ZonePeriod&, const ZonePeriod&) = default;
};

}  // namespace sidefridge::cron
