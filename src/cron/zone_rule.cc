// zone_rule.cc - POSIX's TZ: its text, and its dates as instants.
#include "sidefridge/cron/zone_rule.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "sidefridge/text/quote.h"

namespace sidefridge::cron {
namespace {

namespace chr = std::chrono;
using chr::seconds;
using chr::sys_seconds;

constexpr int years_of_calendar = 400;  // then the Gregorian calendar repeats itself, weekdays and all
constexpr seconds calendar_length = chr::days(146'097);

chr::sys_days day_of(const ZoneRule::Date& date, int year_number) noexcept {
  const chr::year year(year_number);
  const chr::sys_days new_year(year / 1 / 1);
  switch (date.form) {
    case ZoneRule::Date::Form::day_of_year: return new_year + chr::days(date.day);
    case ZoneRule::Date::Form::day_of_common_year:
      return new_year + chr::days(date.day - (year.is_leap() && date.day > 31 + 28 ? 0 : 1));
    case ZoneRule::Date::Form::weekday_of_month: break;
  }
  const auto month = year / chr::month(date.month);
  const chr::weekday weekday(date.weekday);
  return date.week == 5 ? chr::sys_days(month / weekday[chr::last]) : chr::sys_days(month / weekday[date.week]);
}

sys_seconds daylight_begins(const ZoneRule& rule, int year) noexcept {
  return day_of(rule.daylight->begins, year) + rule.daylight->begins.time - rule.standard;
}

/// The end of what begins in `year`: in the south that is in the next one. It may be later than the next beginning.
sys_seconds daylight_ends(const ZoneRule& rule, int year) noexcept {
  const auto end_in = [&](int its_year) {
    return day_of(rule.daylight->ends, its_year) + rule.daylight->ends.time - rule.daylight->offset;
  };
  const sys_seconds same_year = end_in(year);
  return same_year > daylight_begins(rule, year) ? same_year : end_in(year + 1);
}

bool has_standard_time(const ZoneRule& rule) noexcept {
  for (int year = 1970; year < 1970 + years_of_calendar; ++year) {
    if (daylight_ends(rule, year) < daylight_begins(rule, year + 1)) return true;
  }
  return false;
}

sys_seconds saturating_add(sys_seconds at, seconds distance) noexcept {
  if (distance < seconds::zero()) {
    return at < sys_seconds::min() - distance ? sys_seconds::min() : at + distance;
  }
  return at > sys_seconds::max() - distance ? sys_seconds::max() : at + distance;
}

/// Takes a rule's text apart from left to right. What cannot be taken leaves the rest as it is.
class Reader {
public:
  explicit Reader(std::string_view text) noexcept : rest_(text) {}

  std::string_view rest() const noexcept { return rest_; }

  bool take(char c) noexcept {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<int> take_number(int low, int high) noexcept {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return std::nullopt;
    int value = 0;
    const auto [end, failure] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (failure != std::errc{} || value < low || value > high) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  /// An abbreviation: `CET` or `<+03>`. Nobody here shows it, so it is only checked.
  bool take_abbreviation() noexcept {
    const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    const auto is_quotable = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-'; };
    Reader ahead = *this;
    const bool quoted = ahead.take('<');
    const auto end = quoted ? std::find_if_not(ahead.rest_.begin(), ahead.rest_.end(), is_quotable)
                            : std::find_if_not(ahead.rest_.begin(), ahead.rest_.end(), is_letter);
    const auto length = static_cast<std::size_t>(end - ahead.rest_.begin());
    ahead.rest_.remove_prefix(length);
    if (length < 3 || (quoted && !ahead.take('>'))) return false;
    *this = ahead;
    return true;
  }

  /// `[+-]h[:m[:s]]`
  std::optional<seconds> take_time(int highest_hour) noexcept {
    Reader ahead = *this;
    const bool negative = ahead.take('-');
    if (!negative) ahead.take('+');
    const auto hour = ahead.take_number(0, highest_hour);
    if (!hour) return std::nullopt;
    seconds time = chr::hours(*hour);
    for (const seconds unit : {seconds(60), seconds(1)}) {
      if (!ahead.take(':')) break;
      const auto count = ahead.take_number(0, 59);
      if (!count) return std::nullopt;
      time += *count * unit;
    }
    *this = ahead;
    return negative ? -time : time;
  }

  /// `,Jn`, `,n` or `,Mm.w.d`, each perhaps with `/time`
  std::optional<ZoneRule::Date> take_date() noexcept {
    Reader ahead = *this;
    if (!ahead.take(',')) return std::nullopt;
    auto date = ahead.take_day();
    if (!date) return std::nullopt;
    date->time = chr::hours(2);
    if (ahead.take('/')) {
      const auto time = ahead.take_time(167);
      if (!time) return std::nullopt;
      date->time = *time;
    }
    *this = ahead;
    return date;
  }

private:
  std::optional<ZoneRule::Date> take_day() noexcept {
    using Form = ZoneRule::Date::Form;
    if (take('M')) {
      const auto month = take_number(1, 12);
      if (!month || !take('.')) return std::nullopt;
      const auto week = take_number(1, 5);
      if (!week || !take('.')) return std::nullopt;
      const auto weekday = take_number(0, 6);
      if (!weekday) return std::nullopt;
      return ZoneRule::Date{.form = Form::weekday_of_month,
                            .month = static_cast<std::uint8_t>(*month),
                            .week = static_cast<std::uint8_t>(*week),
                            .weekday = static_cast<std::uint8_t>(*weekday)};
    }
    const bool common = take('J');
    const auto day = take_number(common ? 1 : 0, 365);
    if (!day) return std::nullopt;
    return ZoneRule::Date{.form = common ? Form::day_of_common_year : Form::day_of_year,
                          .day = static_cast<std::uint16_t>(*day)};
  }

  std::string_view rest_;
};

}  // namespace

ZonePeriod ZoneRule::period_at(sys_seconds at) const noexcept {
  if (!daylight) return {sys_seconds::min(), sys_seconds::max(), standard};

  // Reckoned in the 400 years from 1970 on, where no calendar overflows, and told relative to `at`.
  seconds since = at.time_since_epoch() % calendar_length;
  if (since < seconds::zero()) since += calendar_length;
  const sys_seconds instant(since);
  const auto from_to = [&](sys_seconds begins_at, sys_seconds ends_at, seconds offset) {
    return ZonePeriod{saturating_add(at, begins_at - instant), saturating_add(at, ends_at - instant), offset};
  };

  // The last year whose daylight saving time has begun. Dates may stray eight days into the years beside theirs.
  int year = static_cast<int>(chr::year_month_day(chr::floor<chr::days>(instant)).year()) + 1;
  while (daylight_begins(*this, year) > instant) --year;
  const sys_seconds ends_at = daylight_ends(*this, year);
  if (instant >= ends_at) return from_to(ends_at, daylight_begins(*this, year + 1), standard);

  // Standard time may have no room between one year's daylight saving time and the next.
  int first = year;
  while (daylight_ends(*this, first - 1) >= daylight_begins(*this, first)) --first;
  int last = year;
  while (daylight_ends(*this, last) >= daylight_begins(*this, last + 1)) ++last;
  return from_to(daylight_begins(*this, first), daylight_ends(*this, last), daylight->offset);
}

Result<ZoneRule> parse_zone_rule(std::string_view text) {
  Reader reader(text);
  const auto refusal = [&](std::string_view expected) {
    const std::string where = reader.rest().empty() ? "at its end" : "at " + text::in_quotes(reader.rest());
    return Error{ErrorCode::invalid, "time zone rule " + text::in_quotes(text) + ": " + where + " there should be " +
                                         std::string(expected)};
  };
  constexpr std::string_view an_abbreviation = "an abbreviation of three letters or more, such as CET or <+03>";
  constexpr std::string_view an_offset = "an offset of 24 hours at most, such as -1 or 3:30";
  constexpr std::string_view a_date = "a date of daylight saving time, such as ,M3.5.0 or ,J60/3";

  ZoneRule rule;
  if (!reader.take_abbreviation()) return refusal(an_abbreviation);
  const auto west = reader.take_time(24);
  if (!west) return refusal(an_offset);
  rule.standard = -*west;
  if (reader.rest().empty()) return rule;

  if (!reader.take_abbreviation()) return refusal(an_abbreviation);
  seconds offset = rule.standard + chr::hours(1);
  if (!reader.rest().empty() && !reader.rest().starts_with(',')) {
    const auto daylight_west = reader.take_time(24);
    if (!daylight_west) return refusal(an_offset);
    offset = -*daylight_west;
  }
  const auto begins = reader.take_date();
  if (!begins) return refusal(a_date);
  const auto ends = reader.take_date();
  if (!ends) return refusal(a_date);
  if (!reader.rest().empty()) return refusal("nothing more");

  if (offset == rule.standard) return rule;
  rule.daylight = ZoneRule::Daylight{offset, *begins, *ends};
  if (!has_standard_time(rule)) return ZoneRule{offset, std::nullopt};
  return rule;
}

}  // namespace sidefridge::cron
