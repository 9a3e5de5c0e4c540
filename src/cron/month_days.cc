// month_days.cc - weeks rotated into months, all days at once.
#include "sidefridge/cron/month_days.h"

#include "sidefridge/cron/cron_fields.h"

namespace sidefridge::cron {
namespace {

// Five weeks of seven bits each.
constexpr std::uint64_t five_weeks = 0x1020'4081;
constexpr std::uint64_t all_weeks = (std::uint64_t{1} << 35) - 1;

/// Seven weekdays a week, made into 35 days of the month (bit 1 is the first).
std::uint64_t to_days(std::uint64_t weeks, unsigned first_weekday) noexcept {
  // Each week is rotated so that its bit 0 is the weekday of the first.
  const std::uint64_t kept = (bit(7 - first_weekday) - 1) * five_weeks;
  return ((weeks >> first_weekday & kept) | (weeks << (7 - first_weekday) & ~kept & all_weeks)) << 1;
}

std::uint64_t nearest_weekdays_of(const CronExpression& expression, unsigned length, unsigned first_weekday) noexcept {
  constexpr std::uint64_t monday_to_friday = 0b011'1110;
  constexpr std::uint64_t saturday = 0b100'0000;
  constexpr std::uint64_t sunday = 0b000'0001;
  const std::uint64_t whole = bit(length + 1) - 2;
  const std::uint64_t wanted =
      (expression.nearest_weekdays & whole) | ((expression.nearest_weekdays & 1) != 0 ? bit(length) : 0);

  const std::uint64_t on_saturday = wanted & to_days(saturday * five_weeks, first_weekday);
  const std::uint64_t on_sunday = wanted & to_days(sunday * five_weeks, first_weekday);
  std::uint64_t found = wanted & to_days(monday_to_friday * five_weeks, first_weekday);
  // The Friday before, the Monday after; at an end of the month the other one.
  found |= (on_saturday & ~bit(1)) >> 1 | (on_sunday & ~bit(length)) << 1;
  if ((on_saturday & bit(1)) != 0) found |= bit(3);
  if ((on_sunday & bit(length)) != 0) found |= bit(length - 2);
  return found;
}

}  // namespace

std::uint32_t matching_days(const CronExpression& expression, unsigned length, unsigned first_weekday) noexcept {
  const std::uint64_t whole = bit(length + 1) - 2;
  std::uint64_t by_day = expression.days | std::uint64_t{expression.last_days} >> (31 - length);
  if (expression.nearest_weekdays != 0) by_day |= nearest_weekdays_of(expression, length, first_weekday);

  std::uint64_t by_weekday = to_days(expression.weekdays * five_weeks | expression.nth_weekdays, first_weekday);
  if (expression.last_weekdays != 0) {
    const std::uint64_t last_week = bit(length + 1) - bit(length - 6);
    by_weekday |= to_days(expression.last_weekdays * five_weeks, first_weekday) & last_week;
  }

  std::uint64_t matching = whole;
  switch (expression.day_rule) {
    case DayRule::every: break;
    case DayRule::days: matching &= by_day; break;
    case DayRule::weekdays: matching &= by_weekday; break;
    case DayRule::either: matching &= by_day | by_weekday; break;
  }
  return static_cast<std::uint32_t>(matching);
}

}  // namespace sidefridge::cron
