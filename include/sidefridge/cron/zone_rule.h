// zone_rule.h - a time zone that does the same every year, as POSIX's TZ writes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/cron/zone_period.h"

namespace sidefridge::cron {

/// One offset for ever, or daylight saving time between two dates of each year.
/// Requires: made by parse_zone_rule(), or no daylight.
struct ZoneRule {
  /// A day of each year and a time on it.
  struct Date {
    enum class Form : std::uint8_t {
      day_of_year,         // n: 0-365, February 29 counts
      day_of_common_year,  // Jn: 1-365, February 29 never counts
      weekday_of_month,    // Mm.w.d: weekday d (0 is Sunday) of month m for the w-th time; w = 5 is the last
    };
    Form form;
    std::uint16_t day = 0;
    std::uint8_t month = 0;
    std::uint8_t week = 0;
    std::uint8_t weekday = 0;
    std::chrono::seconds time{};  // since midnight of the clocks that show the offset until then; -167 to 167 hours
  };
  struct Daylight {
    std::chrono::seconds offset;
    Date begins;
    Date ends;
  };

  std::chrono::seconds standard{};
  std::optional<Daylight> daylight;  // absent too when its offset is the standard one or it never ends

  /// The period that holds at an instant, in the way of Zone::period_at().
  ZonePeriod period_at(std::chrono::sys_seconds at) const noexcept;
};

/// Reads "CET-1CEST,M3.5.0,M10.5.0/3": POSIX's TZ (XBD 8.3) with the hours -167 to 167 of RFC 9636, section 3.3.2.
/// Daylight saving time without its dates ("EST5EDT"), where every system thinks of other ones, is refused.
/// Errors: invalid; the text says where and what was expected.
Result<ZoneRule> parse_zone_rule(std::string_view text);

}  // namespace sidefridge::cron
