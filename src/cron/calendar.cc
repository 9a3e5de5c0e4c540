// calendar.cc - jumps month, day, hour, minute, second to the next match of local clocks, then finds when they show it.
#include "sidefridge/cron/calendar.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>

#include "sidefridge/cron/month_days.h"

namespace sidefridge::cron {
namespace {

namespace chr = std::chrono;

constexpr chr::year last_year =
    chr::year_month_day(chr::floor<chr::days>(chr::floor<chr::seconds>(WallTime::max()))).year();

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
  const chr::weekday first_weekday(chr::sys_days(month / chr::day(1)));
  return matching_days(expression, static_cast<unsigned>((month / chr::last).day()), first_weekday.c_encoding());
}

// What local clocks show, as if they were UTC's.
using LocalTime = chr::local_seconds;

LocalTime shown(chr::sys_seconds at, chr::seconds offset) noexcept {
  return LocalTime((at + offset).time_since_epoch());
}

chr::sys_seconds instant_of(LocalTime local, chr::seconds offset) noexcept {
  return chr::sys_seconds(local.time_since_epoch() - offset);
}

/// The first match that is not before `from`. Knows nothing of zones.
std::optional<LocalTime> match_from(const CronExpression& expression, LocalTime from) noexcept {
  const auto today = chr::floor<chr::days>(from);
  const chr::year_month_day date(today);
  chr::year_month month = date.year() / date.month();
  if (has(expression.months, static_cast<unsigned>(month.month()))) {
    const std::uint64_t days = days_of(expression, month);
    const auto day = static_cast<unsigned>(date.day());
    if (has(days, day)) {
      if (const auto time = time_from(expression, from - today)) return today + *time;
    }
    if (const auto later = bit_from(days, day + 1)) return today + chr::days(*later - day) + first_time(expression);
  }
  for (;;) {
    const auto later = bit_from(expression.months, static_cast<unsigned>(month.month()) + 1);
    const chr::year year = later ? month.year() : month.year() + chr::years(1);
    if (year > last_year) return std::nullopt;
    month = year / chr::month(later.value_or(lowest_bit(expression.months)));
    if (const std::uint64_t days = days_of(expression, month); days != 0) {
      return chr::local_days(month / chr::day(lowest_bit(days))) + first_time(expression);
    }
  }
}

// No local clock is further from UTC, either way.
constexpr chr::seconds farthest = chr::hours(26);

/// The latest time that clocks showed up to and with `at`: earlier than they show now when they were set back.
LocalTime latest_shown(const Zone& zone, ZonePeriod period, chr::sys_seconds at) noexcept {
  LocalTime latest = shown(at, period.offset);
  // What was before this can have shown nothing later.
  const chr::sys_seconds horizon = at - 2 * farthest;
  while (period.begins_at > horizon) {
    const chr::sys_seconds before = period.begins_at - chr::seconds(1);
    period = zone.period_at(before);
    latest = std::max(latest, shown(before, period.offset));
  }
  return latest;
}

/// The first instant at which local clocks show this or more. Requires: they do not in `period` before `from`.
chr::sys_seconds first_shown(const Zone& zone, ZonePeriod period, chr::sys_seconds from, LocalTime wanted) noexcept {
  if (const chr::sys_seconds early = instant_of(wanted, farthest); early >= period.ends_at) {
    from = early;
    period = zone.period_at(from);
  }
  for (;;) {
    const chr::sys_seconds at = std::max(from, instant_of(wanted, period.offset));
    if (at < period.ends_at) return at;
    from = period.ends_at;
    period = zone.period_at(from);
  }
}

std::optional<chr::sys_seconds> next_of_day(const CronExpression& expression, const Zone& zone,
                                            chr::sys_seconds from) noexcept {
  const chr::sys_seconds before = from - chr::seconds(1);
  const ZonePeriod period = zone.period_at(before);
  const auto match = match_from(expression, latest_shown(zone, period, before) + chr::seconds(1));
  if (!match) return std::nullopt;
  return first_shown(zone, period, from, *match);
}

std::optional<chr::sys_seconds> next_of_real_time(const CronExpression& expression, const Zone& zone,
                                                  chr::sys_seconds from) noexcept {
  for (;;) {
    const ZonePeriod period = zone.period_at(from);
    auto match = match_from(expression, shown(from, period.offset));
    if (match && instant_of(*match, period.offset) < period.ends_at) return instant_of(*match, period.offset);
    if (period.ends_at == chr::sys_seconds::max()) return std::nullopt;
    from = period.ends_at;
    // The next period may repeat what was searched. What matches from there on tells how many periods are not worth it.
    match = match_from(expression, shown(from, -farthest));
    if (!match) return std::nullopt;
    from = std::max(from, instant_of(*match, farthest));
  }
}

}  // namespace

std::optional<WallTime> next(const CronExpression& expression, const Zone& zone, WallTime after) noexcept {
  // By hand, because chrono's floor() overflows near WallTime's beginning.
  chr::seconds whole = chr::duration_cast<chr::seconds>(after.time_since_epoch());
  if (after.time_since_epoch() % chr::seconds(1) < Duration::zero()) --whole;
  const chr::sys_seconds from(whole + chr::seconds(1));
  const auto at =
      expression.follows_real_time ? next_of_real_time(expression, zone, from) : next_of_day(expression, zone, from);
  if (!at || *at > chr::time_point_cast<chr::seconds>(WallTime::max())) return std::nullopt;
  return WallTime(*at);
}

}  // namespace sidefridge::cron
