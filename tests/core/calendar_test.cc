// calendar_test.cc - when an expression fires: a table of known answers, and a clock that walks minute by minute.
#include "sidefridge/core/calendar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/core/time_format.h"

namespace sidefridge::core {
namespace {

std::string next_text(std::string_view expression, std::string_view from) {
  const auto parsed = parse_cron(expression);
  const auto after = parse_rfc3339(from);
  if (!parsed || !after) return "unreadable row";
  const auto at = next(*parsed, *after);
  return at ? format_rfc3339(*at, Precision::milliseconds) : "never";
}

TEST(Calendar, knows_the_next_instant) {
  const struct {
    std::string_view expression, from, expected;
  } rows[] = {
      // Strictly later, and always a whole second.
      {"* * * * *", "2026-11-23T07:55:00Z", "2026-11-23T07:56:00.000Z"},
      {"* * * * *", "2026-11-23T07:55:59.999999999Z", "2026-11-23T07:56:00.000Z"},
      {"* * * * *", "2026-11-23T07:55:00.000000001Z", "2026-11-23T07:56:00.000Z"},
      {"* * * * *", "2026-11-23T07:54:59.999999999Z", "2026-11-23T07:55:00.000Z"},
      {"0 3 * * *", "2026-11-23T03:00:00Z", "2026-11-24T03:00:00.000Z"},
      {"0 3 * * *", "2026-11-23T02:59:59Z", "2026-11-23T03:00:00.000Z"},
      {"* * * * * *", "2026-11-23T07:55:59Z", "2026-11-23T07:56:00.000Z"},
      {"*/10 * * * * *", "2026-11-23T23:59:50Z", "2026-11-24T00:00:00.000Z"},
      {"30 15 * * * *", "2026-11-23T07:15:30Z", "2026-11-23T08:15:30.000Z"},
      {"30 15 * * * *", "2026-11-23T07:15:29.5Z", "2026-11-23T07:15:30.000Z"},
      // Carrying over into the hour, the day, the month, the year.
      {"15 */6 * * *", "2026-11-23T06:15:00Z", "2026-11-23T12:15:00.000Z"},
      {"15 */6 * * *", "2026-11-23T18:15:00Z", "2026-11-24T00:15:00.000Z"},
      {"59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00.000Z"},
      {"0 0 1 * *", "2026-12-15T00:00:00Z", "2027-01-01T00:00:00.000Z"},
      {"0 22-2 * * *", "2026-11-23T23:00:00Z", "2026-11-24T00:00:00.000Z"},
      // Months of other lengths, leap years, and the century that has none.
      {"0 0 31 * *", "2026-11-01T00:00:00Z", "2026-12-31T00:00:00.000Z"},
      {"0 0 30 * *", "2027-01-31T00:00:00Z", "2027-03-30T00:00:00.000Z"},
      {"0 0 29 2 *", "2026-11-23T00:00:00Z", "2028-02-29T00:00:00.000Z"},
      {"0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00.000Z"},
      {"0 0 29 2 *", "1999-01-01T00:00:00Z", "2000-02-29T00:00:00.000Z"},
      // Days: either field when both are restricted; */2 is a restriction.
      {"0 0 * * mon", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00.000Z"},
      {"0 0 * * 0", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00.000Z"},
      {"0 0 * * 7", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00.000Z"},
      {"0 0 13 * fri", "2026-11-23T00:00:00Z", "2026-11-27T00:00:00.000Z"},
      {"0 0 13 * fri", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00.000Z"},
      {"0 0 */2 * mon", "2026-11-23T00:00:00Z", "2026-11-25T00:00:00.000Z"},
      {"0 0 */2 * mon", "2026-11-29T00:00:00Z", "2026-11-30T00:00:00.000Z"},
      {"0 0 */2 * *", "2026-11-29T00:00:00Z", "2026-12-01T00:00:00.000Z"},
      {"0 0 31 2 mon", "2026-11-23T00:00:00Z", "2027-02-01T00:00:00.000Z"},
      {"0 0 ? * fri-mon", "2026-11-23T00:00:00Z", "2026-11-27T00:00:00.000Z"},
      // Before 1970, and the ends of time.
      {"0 0 1 1 *", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00.000Z"},
      {"* * * * *", "1969-12-31T23:58:59.5Z", "1969-12-31T23:59:00.000Z"},
      {"0 0 1 1 *", "2261-06-01T00:00:00Z", "2262-01-01T00:00:00.000Z"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(next_text(row.expression, row.from), row.expected) << row.expression << " from " << row.from;
  }
}

TEST(Calendar, says_never_beyond_what_a_wall_time_holds) {
  const auto yearly = *parse_cron("@yearly");
  const WallTime last(std::chrono::sys_days(std::chrono::year(2262) / 1 / 1));
  EXPECT_EQ(next(yearly, last), std::nullopt);
  EXPECT_EQ(next(*parse_cron("* * * * * *"), WallTime::max()), std::nullopt);
  EXPECT_EQ(next(*parse_cron("0 0 29 2 *"), WallTime::max() - std::chrono::days(365)), std::nullopt);
}

TEST(Calendar, counts_from_the_beginning_of_wall_time) {
  const auto at = next(*parse_cron("* * * * *"), WallTime::min());
  ASSERT_TRUE(at.has_value());
  EXPECT_EQ(format_rfc3339(*at), "1677-09-21T00:13:00Z");
}

// The oracle: plain tables of what matches, and a civil clock that only knows how to take one step. Nothing of it is
// shared with the code under test.

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

struct Civil {
  int year, month, day, weekday, hour, minute, second;

  void to_next_day() {
    second = minute = hour = 0;
    weekday = (weekday + 1) % 7;
    if (++day <= month_length(year, month)) return;
    day = 1;
    if (++month <= 12) return;
    month = 1;
    ++year;
  }

  void to_next_minute() {
    second = 0;
    if (++minute < 60) return;
    minute = 0;
    if (++hour == 24) to_next_day();
  }

  void to_next_second() {
    if (++second == 60) to_next_minute();
  }

  WallTime instant() const {
    return std::chrono::sys_days(std::chrono::year(year) / month / day) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + std::chrono::seconds(second);
  }
};

using Random = std::mt19937_64;

int pick(Random& random, int low, int high) {
  return low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1));
}

// A random field: its text, and which values it stands for.
struct OracleField {
  std::string text;
  bool matches[60] = {};  // not std::array: its operator[] is a call in a debug build
  bool restricted = true;
};

OracleField random_field(Random& random, int low, int high, bool rare) {
  OracleField field;
  const auto set = [&](int value) { field.matches[value] = true; };
  if (pick(random, 0, 2) == 0) {
    field.text = "*";
    field.restricted = false;
    for (int value = low; value <= high; ++value) set(value);
    return field;
  }
  const int items = rare ? 1 : pick(random, 1, 3);
  for (int item = 0; item < items; ++item) {
    if (item > 0) field.text += ',';
    const int first = pick(random, low, high);
    const int last = pick(random, low, high);
    const int step = pick(random, 1, high - low + 1);
    switch (rare ? 0 : pick(random, 0, 4)) {
      case 0:
        field.text += std::to_string(first);
        set(first);
        break;
      case 1:
        field.text += std::to_string(first) + "-" + std::to_string(last);
        for (int value = first;; value = value == high ? low : value + 1) {
          set(value);
          if (value == last) break;
        }
        break;
      case 2:
        field.text += "*/" + std::to_string(step);
        for (int value = low; value <= high; value += step) set(value);
        break;
      case 3:
        field.text += std::to_string(first) + "/" + std::to_string(step);
        for (int value = first; value <= high; value += step) set(value);
        break;
      default:
        field.text += std::to_string(std::min(first, last)) + "-" + std::to_string(std::max(first, last)) + "/" +
                      std::to_string(step);
        for (int value = std::min(first, last); value <= std::max(first, last); value += step) set(value);
        break;
    }
  }
  return field;
}

struct OracleExpression {
  OracleField second, minute, hour, day, month, weekday;

  bool day_matches(const Civil& at) const {
    if (!month.matches[at.month]) return false;
    const bool by_day = day.matches[at.day];
    const bool by_weekday = weekday.matches[at.weekday];
    return day.restricted && weekday.restricted ? by_day || by_weekday : by_day && by_weekday;
  }

  bool minute_matches(const Civil& at) const { return hour.matches[at.hour] && minute.matches[at.minute]; }

  /// The first match later than `at`; nothing when none comes within nine years.
  std::optional<Civil> next(Civil at) const {
    const int give_up = at.year + 9;
    at.to_next_second();
    while (at.year < give_up) {
      if (!day_matches(at)) {
        at.to_next_day();
      } else if (!minute_matches(at)) {
        at.to_next_minute();
      } else if (!second.matches[at.second]) {
        at.to_next_second();
      } else {
        return at;
      }
    }
    return std::nullopt;
  }
};

TEST(Calendar, agrees_with_a_clock_that_walks_minute_by_minute) {
  Random random(20261123);
  int compared = 0;
  int never = 0;
  for (int round = 0; round < 20'000; ++round) {
    const bool rare = pick(random, 0, 7) == 0;
    const bool with_seconds = pick(random, 0, 3) == 0;
    OracleExpression oracle;
    oracle.minute = random_field(random, 0, 59, rare);
    oracle.hour = random_field(random, 0, 23, rare);
    oracle.day = random_field(random, 1, 31, rare);
    oracle.month = random_field(random, 1, 12, rare);
    oracle.weekday = random_field(random, 0, 6, rare);
    oracle.second.matches[0] = true;
    std::string text = oracle.minute.text + " " + oracle.hour.text + " " + oracle.day.text + " " + oracle.month.text +
                       " " + oracle.weekday.text;
    if (with_seconds) {
      oracle.second = random_field(random, 0, 59, rare);
      text = oracle.second.text + " " + text;
    }

    Civil at{};
    at.year = pick(random, 1970, 2200);
    at.month = pick(random, 1, 12);
    at.day = pick(random, 1, month_length(at.year, at.month));
    at.weekday = weekday_of(at.year, at.month, at.day);
    at.hour = pick(random, 0, 23);
    at.minute = pick(random, 0, 59);
    at.second = pick(random, 0, 59);

    const auto parsed = parse_cron(text);
    if (!parsed) {
      // The one thing that is refused in what we generate.
      ASSERT_NE(parsed.error().text.find("never comes"), std::string::npos) << text << ": " << parsed.error().text;
      ASSERT_FALSE(oracle.next(at).has_value()) << text;
      ++never;
      continue;
    }
    if (round % 4 == 0) {
      ASSERT_EQ(*parse_cron(format_cron(*parsed)), *parsed) << text << " became " << format_cron(*parsed);
    }
    // Every second time once more, from an instant at which it fires.
    for (int hop = 0; hop <= round % 2; ++hop) {
      const WallTime from = at.instant();
      const auto expected = oracle.next(at);
      ASSERT_TRUE(expected.has_value()) << text << " from " << format_rfc3339(from);
      const auto found = next(*parsed, from);
      ASSERT_TRUE(found.has_value()) << text << " from " << format_rfc3339(from);
      ASSERT_EQ(*found, expected->instant())
          << text << " from " << format_rfc3339(from) << " found " << format_rfc3339(*found);
      at = *expected;
      ++compared;
    }
  }
  EXPECT_GT(compared, 29'000);
  EXPECT_GT(never, 0);
}

}  // namespace
}  // namespace sidefridge::core
