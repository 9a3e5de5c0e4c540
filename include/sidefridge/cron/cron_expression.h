// cron_expression.h - cron's text as bit sets and back; month_days.h and calendar.h say which days and instants they
// mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sidefridge/base/result.h"

namespace sidefridge::cron {

/// Which of the two day fields decide. A field is unrestricted only as `*` or `?`: `*/2` is a restriction, as in
/// Kubernetes' CronJob (cronie alone thinks otherwise).
enum class DayRule : std::uint8_t {
  every,     // neither is restricted
  days,      // the day of the month alone
  weekdays,  // the day of the week alone
  either,    // both are restricted: a day matches when one of them does (crontab(5))
};

/// A parsed schedule: bit n of a field is set when it matches the value n.
/// Requires: made by parse_cron(), which leaves no field empty and no date that never comes.
struct CronExpression {
  std::uint64_t seconds = 1;  // 0-59; second 0 alone unless the text has six fields
  std::uint64_t minutes = 0;  // 0-59
  std::uint32_t hours = 0;    // 0-23
  std::uint32_t months = 0;   // 1-12

  // The day of the month: what is set in any of these matches.
  std::uint32_t days = 0;              // 1-31
  std::uint32_t last_days = 0;         // bit 31 is L, the last day; 30 is L-1; 1 is L-30
  std::uint32_t nearest_weekdays = 0;  // bit n is nW, the day of Monday to Friday nearest the n-th; 0 is LW

  // The day of the week, Sunday is 0: what is set in any of these matches.
  std::uint64_t nth_weekdays = 0;   // bit 7 * (k - 1) + d is d#k, the k-th of the month
  std::uint32_t weekdays = 0;       // 0-6
  std::uint32_t last_weekdays = 0;  // bit d is dL, the last of the month

  DayRule day_rule = DayRule::every;

  /// How daylight saving is met. True, when the second, the minute or the hour starts with `*`: it fires by real time,
  /// as often as clocks show a match. False: the times of day are fixed, and each comes once a day (cron(8) of Debian).
  bool follows_real_time = false;

  friend bool operator==(const CronExpression&, const CronExpression&) = default;
};

/// Reads five fields (minute, hour, day of month, month, day of week), six (seconds first) or a macro such as @daily.
/// Errors: invalid; the text names the field, what was found and what is allowed. A leading TZ= is split_zone()'s.
Result<CronExpression> parse_cron(std::string_view text);

/// A schedule's text, and the time zone written ahead of it.
struct ZonedText {
  std::optional<std::string_view> zone;  // nothing: none is named; empty for a bare `TZ=`
  std::string_view rest;                 // for parse_cron()
};

/// Parts "CRON_TZ=Europe/Berlin 0 3 * * *", or the same with TZ=, behind the zone.
/// Returns: views into `text`. Whether there is such a zone is not looked at.
ZonedText split_zone(std::string_view text) noexcept;

}  // namespace sidefridge::cron
