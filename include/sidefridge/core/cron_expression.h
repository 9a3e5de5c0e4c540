// cron_expression.h - cron's text as bit sets and back; calendar.h says which instants they mean.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sidefridge/core/result.h"

namespace sidefridge::core {

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
  std::uint64_t seconds = 1;   // 0-59; second 0 alone unless the text has six fields
  std::uint64_t minutes = 0;   // 0-59
  std::uint32_t hours = 0;     // 0-23
  std::uint32_t days = 0;      // 1-31
  std::uint32_t months = 0;    // 1-12
  std::uint32_t weekdays = 0;  // 0-6, Sunday is 0
  DayRule day_rule = DayRule::every;

  friend bool operator==(const CronExpression&, const CronExpression&) = default;
};

/// Reads five fields (minute, hour, day of month, month, day of week), six (seconds first) or a macro such as @daily.
/// Errors: invalid; the text names the field, what was found and what is allowed.
Result<CronExpression> parse_cron(std::string_view text);

/// The canonical text of an expression: parse_cron() of it gives the same expression back.
std::string format_cron(const CronExpression& expression);

}  // namespace sidefridge::core
