// cron_oracle.h - when an expression fires, found by walking the clocks of a zone. Nothing of it is shared with the
// code under test but what an expression is made of, and Zone::period_at().
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "sidefridge/base/time.h"
#include "sidefridge/cron/cron_expression.h"
#include "sidefridge/cron/zone.h"

namespace sidefridge::cron::oracle {

constexpr bool leap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

constexpr int month_length(int year, int month) {
  constexpr std::array lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : lengths[static_cast<std::size_t>(month - 1)];
}

// Sakamoto's method; Sunday is 0.
constexpr int weekday_of(int year, int month, int day) {
  constexpr std::array shifts{0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
  if (month < 3) --year;
  return (year + year / 4 - year / 100 + year / 400 + shifts[static_cast<std::size_t>(month - 1)] + day) % 7;
}

/// A date that knows how to take one step.
struct Date {
  int year, month, day, weekday;

  void to_next() {
    weekday = (weekday + 1) % 7;
    if (++day <= month_length(year, month)) return;
    day = 1;
    if (++month <= 12) return;
    month = 1;
    ++year;
  }
};

/// What matches, as plain tables: not std::array, whose operator[] is a call in a debug build.
struct Rules {
  bool second[60] = {};
  bool minute[60] = {};
  bool hour[24] = {};
  bool day[32] = {};
  bool month[13] = {};
  bool weekday[7] = {};
  std::vector<int> before_last;          // L-n; 0 is L
  std::vector<int> nearest;              // nW; 0 is LW
  std::vector<std::pair<int, int>> nth;  // d#k; k is 0 for dL
  bool day_restricted = false;
  bool weekday_restricted = false;
  bool real_time = false;

  bool day_matches(const Date& date) const {
    if (!month[date.month]) return false;
    if (!day_restricted && !weekday_restricted) return true;
    return (day_restricted && by_day(date)) || (weekday_restricted && by_weekday(date));
  }

private:
  bool by_day(const Date& date) const {
    if (day[date.day]) return true;
    const int length = month_length(date.year, date.month);
    for (const int n : before_last) {
      if (date.day + n == length) return true;
    }
    for (const int n : nearest) {
      const int wanted = n == 0 ? length : n;
      if (wanted > length) continue;
      int closest = 0;
      for (int other = 1; other <= length; ++other) {
        const int weekday_then = weekday_of(date.year, date.month, other);
        if (weekday_then == 0 || weekday_then == 6) continue;
        if (closest == 0 || std::abs(other - wanted) < std::abs(closest - wanted)) closest = other;
      }
      if (closest == date.day) return true;
    }
    return false;
  }

  bool by_weekday(const Date& date) const {
    if (weekday[date.weekday]) return true;
    for (const auto& [weekday_wanted, k] : nth) {
      if (weekday_wanted != date.weekday) continue;
      int before = 0;
      for (int other = date.day - 7; other > 0; other -= 7) ++before;
      if (k == 0 ? date.day + 7 > month_length(date.year, date.month) : before + 1 == k) return true;
    }
    return false;
  }
};

/// The tables of what parse_cron() made.
inline Rules rules_of(const CronExpression& expression) {
  Rules rules;
  const auto fill = [](bool* table, int low, int high, std::uint64_t bits) {
    for (int value = low; value <= high; ++value) table[value] = (bits >> value & 1) != 0;
  };
  fill(rules.second, 0, 59, expression.seconds);
  fill(rules.minute, 0, 59, expression.minutes);
  fill(rules.hour, 0, 23, expression.hours);
  fill(rules.day, 1, 31, expression.days);
  fill(rules.month, 1, 12, expression.months);
  fill(rules.weekday, 0, 6, expression.weekdays);
  for (int n = 0; n <= 30; ++n) {
    if ((expression.last_days >> (31 - n) & 1) != 0) rules.before_last.push_back(n);
  }
  for (int n = 0; n <= 31; ++n) {
    if ((expression.nearest_weekdays >> n & 1) != 0) rules.nearest.push_back(n);
  }
  for (int d = 0; d <= 6; ++d) {
    for (int k = 1; k <= 5; ++k) {
      if ((expression.nth_weekdays >> (7 * (k - 1) + d) & 1) != 0) rules.nth.emplace_back(d, k);
    }
    if ((expression.last_weekdays >> d & 1) != 0) rules.nth.emplace_back(d, 0);
  }
  rules.day_restricted = expression.day_rule == DayRule::days || expression.day_rule == DayRule::either;
  rules.weekday_restricted = expression.day_rule == DayRule::weekdays || expression.day_rule == DayRule::either;
  rules.real_time = expression.follows_real_time;
  return rules;
}

/// Seconds since 1970 began, in UTC or as local clocks show it.
using Seconds = std::int64_t;

/// A clock on the wall at `local`, which walks on to the first match before `end`.
/// Returns: how far it went; nothing when there is no match.
inline std::optional<Seconds> walk(const Rules& rules, Seconds local, Seconds end) {
  constexpr Seconds day = 86'400;
  const Seconds days = local >= 0 ? local / day : (local - day + 1) / day;
  const std::chrono::year_month_day civil{std::chrono::sys_days(std::chrono::days(days))};
  Date date{static_cast<int>(civil.year()), static_cast<int>(static_cast<unsigned>(civil.month())),
            static_cast<int>(static_cast<unsigned>(civil.day())), 0};
  date.weekday = weekday_of(date.year, date.month, date.day);
  int time = static_cast<int>(local - days * day);
  const Seconds begin = local;
  while (local < end) {
    int step = 1;
    if (!rules.day_matches(date)) {
      step = static_cast<int>(day) - time;
    } else if (!rules.hour[time / 3600]) {
      step = 3600 - time % 3600;
    } else if (!rules.minute[time / 60 % 60]) {
      step = 60 - time % 60;
    } else if (rules.second[time % 60]) {
      return local - begin;
    }
    local += step;
    time += step;
    if (time == day) {
      time = 0;
      date.to_next();
    }
  }
  return std::nullopt;
}

/// How far ahead the walk goes: past the 40 years from one February 29 on a given weekday to the next.
constexpr std::chrono::days patience{45 * 366};

/// The first instant later than `after` at which it fires; nothing when none comes within `patience`.
inline std::optional<std::chrono::sys_seconds> next(const Rules& rules, const Zone& zone,
                                                    std::chrono::sys_seconds after) {
  using std::chrono::seconds;
  const auto give_up = after + patience;
  const auto local_at = [](const ZonePeriod& period, std::chrono::sys_seconds at) -> Seconds {
    return (at.time_since_epoch() + period.offset).count();
  };

  // For a job of fixed times: up to where local clocks have been. They can be behind that for 52 hours at the most.
  Seconds been = 0;
  if (!rules.real_time) {
    auto at = after - std::chrono::days(5);
    been = local_at(zone.period_at(at), at);
    for (;;) {
      const ZonePeriod period = zone.period_at(at);
      if (period.ends_at > after) {
        been = std::max(been, local_at(period, after));
        break;
      }
      been = std::max(been, local_at(period, period.ends_at - seconds(1)));
      at = period.ends_at;
    }
  }

  auto at = after + seconds(1);
  while (at < give_up) {
    const ZonePeriod period = zone.period_at(at);
    const auto end = std::min(period.ends_at, give_up);
    Seconds local = local_at(period, at);
    if (!rules.real_time) {
      // What was jumped over is made good at once; what comes again has been.
      if (local > been + 1 && walk(rules, been + 1, local)) return at;
      if (local <= been) {
        at = std::min(end, at + seconds(been + 1 - local));
        local = local_at(period, at);
      }
    }
    const Seconds local_end = local_at(period, end);
    if (const auto far = walk(rules, local, local_end)) return at + seconds(*far);
    been = std::max(been, local_end - 1);
    at = end;
  }
  return std::nullopt;
}

}  // namespace sidefridge::cron::oracle
