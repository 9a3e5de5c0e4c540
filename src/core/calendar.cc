// calendar.cc - jumps month, day, hour, minute, second to the next instant of an expression.
#include "sidefridge/core/calendar.h"

#include <bit>
#include <chrono>
#include <cstdint>

namespace sidefridge::core {
namespace {

namespace chr = std::chrono;

constexpr int last_year =
    static_cast<int>(chr::year_month_day(chr::floor<chr::days>(chr::floor<chr::seconds>(WallTime::max()))).year());

bool has(std::uint64_t bits, unsigned n) noexcept {
  return (bits >> n & 1) != 0;
}

/// The lowest set bit that is not below `from`. Requires: from < 64.
std::optional<unsigned> bit_from(std::uint64_t bits, unsigned from) noexcept {
  const std::uint64_t rest = bits >> from;
  if (rest == 0) return std::nullopt;
  return from + static_cast<unsigned>(std::countr_zero(rest));
}

unsigned lowest_bit(std::uint64_t bits) noexcept {
  return static_cast<unsigned>(std::countr_zero(bits));
}

chr::seconds time_of_day(unsigned hour, unsigned minute, unsigned second) noexcept {
  return chr::hours(hour) + chr::minutes(minute) + chr::seconds(second);
}

chr::seconds first_time(const CronExpression& expression) noexcept {
  return time_of_day(lowest_bit(expression.hours), lowest_bit(expression.minutes), lowest_bit(expression.seconds));
}

/// The first time of day that is not before `from`.
std::optional<chr::seconds> time_from(const CronExpression& expression, chr::seconds from) noexcept {
  const chr::hh_mm_ss split(from);
  const auto hour = static_cast<unsigned>(split.hours().count());
  const auto minute = static_cast<unsigned>(split.minutes().count());
  const auto second = static_cast<unsigned>(split.seconds().count());
  if (has(expression.hours, hour)) {
    if (has(expression.minutes, minute)) {
      if (const auto later = bit_from(expression.seconds, second)) return time_of_day(hour, minute, *later);
    }
    if (const auto later = bit_from(expression.minutes, minute + 1)) {
      return time_of_day(hour, *later, lowest_bit(expression.seconds));
    }
  }
  if (const auto later = bit_from(expression.hours, hour + 1)) {
    return time_of_day(*later, lowest_bit(expression.minutes), lowest_bit(expression.seconds));
  }
  return std::nullopt;
}

/// The days of one month that match, as bits 1-31.
std::uint64_t days_of(const CronExpression& expression, chr::year_month month) noexcept {
  const chr::year_month_day first = month / chr::day(1);
  const auto length = static_cast<unsigned>((month / chr::last).day());
  const std::uint64_t whole = ((std::uint64_t{1} << length) - 1) << 1;

  // The week six times over, then shifted so that bit 1 is the weekday of the month's first day.
  constexpr std::uint64_t six_weeks = 0x8'1020'4081;
  const std::uint64_t by_weekday = expression.weekdays * six_weeks >> chr::weekday(first).c_encoding() << 1;

  switch (expression.day_rule) {
    case DayRule::every: return whole;
    case DayRule::days: return whole & expression.days;
    case DayRule::weekdays: return whole & by_weekday;
    case DayRule::either: return whole & (expression.days | by_weekday);
  }
  return 0;
}

/// The first match that is not before `from`. Knows nothing of zones: both are the same clock on the wall.
std::optional<chr::sys_seconds> match_from(const CronExpression& expression, chr::sys_seconds from) noexcept {
  const auto today = chr::floor<chr::days>(from);
  const chr::year_month_day date(today);
  int year = static_cast<int>(date.year());
  unsigned month = static_cast<unsigned>(date.month());
  unsigned day = static_cast<unsigned>(date.day());

  if (has(expression.months, month) && has(days_of(expression, date.year() / date.month()), day)) {
    if (const auto time = time_from(expression, from - today)) return today + *time;
  }
  ++day;
  while (year <= last_year) {
    const auto matching_month = bit_from(expression.months, month);
    if (!matching_month) {
      ++year;
      month = 1;
      day = 1;
      continue;
    }
    if (*matching_month != month) day = 1;
    month = *matching_month;
    const auto year_month = chr::year(year) / chr::month(month);
    if (const auto matching_day = bit_from(days_of(expression, year_month), day)) {
      return chr::sys_days(year_month / chr::day(*matching_day)) + first_time(expression);
    }
    ++month;
    day = 1;
  }
  return std::nullopt;
}

}  // namespace

std::optional<WallTime> next(const CronExpression& expression, WallTime after) noexcept {
  // By hand, because chrono's floor() overflows near WallTime's beginning.
  chr::seconds whole = chr::duration_cast<chr::seconds>(after.time_since_epoch());
  if (after.time_since_epoch() % chr::seconds(1) < Duration::zero()) --whole;
  const auto match = match_from(expression, chr::sys_seconds(whole + chr::seconds(1)));
  if (!match || *match > chr::time_point_cast<chr::seconds>(WallTime::max())) return std::nullopt;
  return WallTime(*match);
}

}  // namespace sidefridge::core
