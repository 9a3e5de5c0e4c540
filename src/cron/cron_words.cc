// cron_words.cc - what an expression means, in plain words.
#include "sidefridge/cron/cron_words.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sidefridge/cron/cron_fields.h"
#include "sidefridge/text/join.h"

namespace sidefridge::cron {
namespace {

constexpr std::uint64_t all_of_sixty = (std::uint64_t{1} << 60) - 1;
constexpr std::uint32_t all_hours = (1U << 24) - 1;
constexpr std::uint32_t all_days = ~1U;
constexpr std::uint32_t all_months = 0x1ffe;
constexpr std::uint32_t all_weekdays = 0x7f;
constexpr std::uint32_t monday_to_friday = 0x3e;

constexpr int most_times_listed = 6;

using Words = std::vector<std::string>;

bool has(std::uint64_t bits, unsigned n) {
  return (bits >> n & 1) != 0;
}

std::vector<unsigned> values_of(std::uint64_t bits) {
  std::vector<unsigned> values;
  for (; bits != 0; bits &= bits - 1) values.push_back(static_cast<unsigned>(std::countr_zero(bits)));
  return values;
}

/// "a", "a and b", "a, b and c".
std::string enumerate(const Words& words) {
  return text::join(words, ", ", " and ");
}

std::string two_digits(unsigned n) {
  return (n < 10 ? "0" : "") + std::to_string(n);
}

std::string ordinal(unsigned n) {
  const bool teen = n / 10 == 1;
  const unsigned last = teen ? 0 : n % 10;
  return std::to_string(n) + (last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th");
}

/// Runs of three neighbours or more as "first to last".
template <class Name>
Words runs_of(std::uint64_t bits, Name name) {
  Words words;
  while (bits != 0) {
    const auto first = static_cast<unsigned>(std::countr_zero(bits));
    const auto length = static_cast<unsigned>(std::countr_one(bits >> first));
    bits &= ~(((std::uint64_t{1} << length) - 1) << first);
    if (length > 2) {
      words.push_back(name(first) + " to " + name(first + length - 1));
    } else {
      words.push_back(name(first));
      if (length == 2) words.push_back(name(first + 1));
    }
  }
  return words;
}

/// "minute 5", "minutes 0 to 9, 30 and 45".
std::string numbers(std::string_view unit, std::uint64_t bits) {
  const Words words = runs_of(bits, [](unsigned n) { return std::to_string(n); });
  return std::string(unit) + (std::popcount(bits) > 1 ? "s " : " ") + enumerate(words);
}

/// The step of values that are equally far apart from 0 on and go on so into the next minute or hour.
std::optional<unsigned> even_step(std::uint64_t bits) {
  for (const unsigned step : {2U, 3U, 4U, 5U, 6U, 10U, 12U, 15U, 20U, 30U}) {
    std::uint64_t stepped = 0;
    for (unsigned value = 0; value < 60; value += step) stepped |= std::uint64_t{1} << value;
    if (bits == stepped) return step;
  }
  return std::nullopt;
}

bool is_every_day(const CronExpression& expression) {
  const bool by_day = expression.days == all_days;
  const bool by_weekday = expression.weekdays == all_weekdays;
  switch (expression.day_rule) {
    case DayRule::every: return true;
    case DayRule::days: return by_day;
    case DayRule::weekdays: return by_weekday;
    case DayRule::either: return by_day || by_weekday;
  }
  return false;
}

/// The hours as they come one after the other, perhaps past midnight.
struct HourRun {
  unsigned first;
  unsigned last;
  unsigned step;
};

/// Past midnight only when every day matches: else the second half belongs to an earlier day than it seems.
std::optional<HourRun> run_of_hours(const CronExpression& expression) {
  const std::vector<unsigned> hours = values_of(expression.hours);
  if (hours.size() == 1) return HourRun{hours[0], hours[0], 1};
  const unsigned step = hours[1] - hours[0];
  bool even = true;
  for (std::size_t i = 1; i < hours.size(); ++i) even = even && hours[i] - hours[i - 1] == step;
  if (even) return HourRun{hours.front(), hours.back(), step};

  const std::uint32_t gap = ~expression.hours & all_hours;
  const auto gap_begin = static_cast<unsigned>(std::countr_zero(gap));
  const auto gap_length = static_cast<unsigned>(std::countr_one(gap >> gap_begin));
  const bool one_gap = gap_length == static_cast<unsigned>(std::popcount(gap));
  if (!one_gap || !is_every_day(expression) || expression.months != all_months) return std::nullopt;
  return HourRun{gap_begin + gap_length, gap_begin - 1, 1};
}

class TimeWords {
public:
  explicit TimeWords(const CronExpression& expression)
      : expression_(expression), with_seconds_(expression.seconds != 1), run_(run_of_hours(expression)) {}

  std::string text() const {
    const int minutes = std::popcount(expression_.minutes);
    const int seconds = std::popcount(expression_.seconds);
    if (std::popcount(expression_.hours) * minutes * seconds <= most_times_listed) return listed();
    if (minutes == 1 && seconds == 1 && expression_.hours != all_hours) return run_ ? hourly() : listed();
    return units() + hours();
  }

private:
  std::string clock(unsigned hour, unsigned minute, unsigned second) const {
    return two_digits(hour) + ":" + two_digits(minute) + (with_seconds_ ? ":" + two_digits(second) : "");
  }

  std::string listed() const {
    Words words;
    for (const unsigned hour : values_of(expression_.hours)) {
      for (const unsigned minute : values_of(expression_.minutes)) {
        for (const unsigned second : values_of(expression_.seconds)) words.push_back(clock(hour, minute, second));
      }
    }
    return "at " + enumerate(words) + (is_every_day(expression_) ? " every day" : "");
  }

  std::string hourly() const {
    const auto minute = static_cast<unsigned>(std::countr_zero(expression_.minutes));
    const auto second = static_cast<unsigned>(std::countr_zero(expression_.seconds));
    return (run_->step == 1 ? "every hour" : "every " + std::to_string(run_->step) + " hours") + " from " +
           clock(run_->first, minute, second) + " to " + clock(run_->last, minute, second);
  }

  /// What happens within the hours.
  std::string units() const {
    const auto minute_step = even_step(expression_.minutes);
    const auto second_step = even_step(expression_.seconds);
    const bool every_minute = expression_.minutes == all_of_sixty;
    if (!with_seconds_) {
      if (every_minute) return "every minute";
      if (minute_step) return "every " + std::to_string(*minute_step) + " minutes";
      return "at " + numbers("minute", expression_.minutes) + of_every_hour();
    }
    std::string text;
    if (expression_.seconds == all_of_sixty) {
      text = "every second";
    } else if (second_step) {
      text = "every " + std::to_string(*second_step) + " seconds";
    } else {
      text = "at " + numbers("second", expression_.seconds);
      if (every_minute) text += " of every minute";
    }
    return every_minute ? text : text + " in " + numbers("minute", expression_.minutes) + of_every_hour();
  }

  std::string of_every_hour() const {
    const bool one_run = run_ && run_->step == 1 && run_->first != run_->last;
    return expression_.hours == all_hours || one_run ? " of every hour" : "";
  }

  std::string hours() const {
    if (expression_.hours == all_hours) return "";
    if (run_ && run_->step == 1) return " between " + clock(run_->first, 0, 0) + " and " + clock(run_->last, 59, 59);
    return " in the hours " + enumerate(runs_of(expression_.hours, two_digits));
  }

  const CronExpression& expression_;
  bool with_seconds_;
  std::optional<HourRun> run_;
};

Words day_words(const CronExpression& expression) {
  Words words = runs_of(expression.days, [](unsigned day) { return "the " + ordinal(day); });
  for (unsigned n = 1; n <= 31; ++n) {
    if (!has(expression.nearest_weekdays, n)) continue;
    words.push_back("the weekday nearest the " + ordinal(n) + (n > 28 ? " (if there is one)" : ""));
  }
  for (unsigned before = 30; before > 0; --before) {
    if (!has(expression.last_days, 31 - before)) continue;
    words.push_back(before == 1 ? "the day before the last day"
                                : "the " + ordinal(before) + " day before the last day");
  }
  if (has(expression.nearest_weekdays, 0)) words.push_back("the last weekday");
  if (has(expression.last_days, 31)) words.push_back("the last day");
  return words;
}

Words weekday_words(const CronExpression& expression) {
  // From Monday on, as people count.
  constexpr std::array<unsigned, 7> week{1, 2, 3, 4, 5, 6, 0};
  Words words;
  if (expression.weekdays == all_weekdays) {
    words.push_back("every day of the week");
  } else if (expression.weekdays == monday_to_friday) {
    words.push_back("weekdays");
  } else {
    for (const unsigned weekday : week) {
      if (has(expression.weekdays, weekday)) words.push_back(std::string(weekday_names[weekday]) + "s");
    }
  }
  for (unsigned nth = 1; nth <= 5; ++nth) {
    for (const unsigned weekday : week) {
      if (!has(expression.nth_weekdays, 7 * (nth - 1) + weekday)) continue;
      words.push_back("the " + ordinal(nth) + " " + std::string(weekday_names[weekday]));
    }
  }
  for (const unsigned weekday : week) {
    if (has(expression.last_weekdays, weekday)) words.push_back("the last " + std::string(weekday_names[weekday]));
  }
  return words;
}

std::string month_words(const CronExpression& expression) {
  Words words;
  for (const unsigned month : values_of(expression.months)) words.emplace_back(month_names[month - 1]);
  return enumerate(words);
}

std::string date_words(const CronExpression& expression) {
  const bool every_month = expression.months == all_months;
  const std::string of_month = every_month ? " of the month" : " of " + month_words(expression);
  std::string in_month = every_month ? "" : " in " + month_words(expression);
  if (is_every_day(expression)) return in_month;

  const bool counted = expression.nth_weekdays != 0 || expression.last_weekdays != 0;
  switch (expression.day_rule) {
    case DayRule::every: break;
    case DayRule::days: return " on " + enumerate(day_words(expression)) + of_month;
    case DayRule::weekdays: return " on " + enumerate(weekday_words(expression)) + (counted ? of_month : in_month);
    case DayRule::either:
      return " on " + text::join(day_words(expression)) + " and on " + enumerate(weekday_words(expression)) +
             (counted ? " of the month" : "") + (every_month ? "" : "," + in_month + " only");
  }
  return "";
}

}  // namespace

std::string describe(const CronExpression& expression, const Zone& zone) {
  return TimeWords(expression).text() + date_words(expression) + ", " + zone.name();
}

}  // namespace sidefridge::cron
