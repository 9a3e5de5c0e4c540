// cron_format.cc - bit sets as cron's text.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sidefridge/core/cron_expression.h"
#include "sidefridge/core/cron_fields.h"

namespace sidefridge::core {
namespace {

/// `5`, `1-5`, `1,2,7-9`: runs of neighbours.
std::string list_of(std::uint64_t bits) {
  std::string out;
  while (bits != 0) {
    const auto first = static_cast<unsigned>(std::countr_zero(bits));
    const auto length = static_cast<unsigned>(std::countr_one(bits >> first));
    bits &= ~((bit(length) - 1) << first);
    if (!out.empty()) out += ',';
    out += std::to_string(first);
    if (length == 1) continue;
    out += length == 2 ? ',' : '-';
    out += std::to_string(first + length - 1);
  }
  return out;
}

/// The distance between neighbours when there are three values or more and all are equally far apart, else nothing.
std::optional<unsigned> step_of(std::uint64_t bits) {
  if (std::popcount(bits) < 3) return std::nullopt;
  unsigned previous = static_cast<unsigned>(std::countr_zero(bits));
  std::optional<unsigned> step;
  for (std::uint64_t rest = bits & (bits - 1); rest != 0; rest &= rest - 1) {
    const auto value = static_cast<unsigned>(std::countr_zero(rest));
    if (step && value - previous != *step) return std::nullopt;
    step = value - previous;
    previous = value;
  }
  return step;
}

/// `5`, `1,2`, `1-5`, `10-30/10`: never with a star.
std::string format_plain(std::uint64_t bits) {
  const auto step = step_of(bits);
  if (!step || *step == 1) return list_of(bits);
  const auto first = static_cast<unsigned>(std::countr_zero(bits));
  const unsigned last = 63 - static_cast<unsigned>(std::countl_zero(bits));
  return std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(*step);
}

/// What `*/step` stands for.
std::uint64_t star_bits(const Field& field, unsigned step) {
  std::uint64_t bits = 0;
  for (unsigned value = field.low; value <= field.high; value += step) bits |= bit(value);
  return bits;
}

/// The smallest step of which `*/step` is part of the set. Requires: the lowest value is.
unsigned star_step_of(const Field& field, std::uint64_t bits) {
  unsigned step = 1;
  while ((star_bits(field, step) & ~bits) != 0) ++step;
  return step;
}

/// `*`, `*/15`, `*/20,5`. Requires: the lowest value is set.
std::string format_with_star(const Field& field, std::uint64_t bits) {
  const unsigned step = star_step_of(field, bits);
  const std::uint64_t rest = bits & ~star_bits(field, step);
  return (step == 1 ? "*" : "*/" + std::to_string(step)) + (rest == 0 ? "" : "," + list_of(rest));
}

bool is_star_and_step(const Field& field, std::uint64_t bits) {
  if ((bits & bit(field.low)) == 0) return false;
  const unsigned step = star_step_of(field, bits);
  return star_bits(field, step) == bits && (step == 1 || std::popcount(bits) > 2);
}

/// A field where it does not matter whether it starts with `*`.
std::string format_freely(const Field& field, std::uint64_t bits) {
  return is_star_and_step(field, bits) ? format_with_star(field, bits) : format_plain(bits);
}

/// The seconds (unless they are 0 alone and need no saying), minutes and hours. Whether one of them starts with `*`
/// means something: when one has to, it is the one that looks best.
std::string format_time(const CronExpression& expression) {
  struct TimeField {
    const Field& field;
    std::uint64_t bits;
    int by_star;  // how many of its values a star and a step stand for
  };
  std::array<TimeField, 3> fields{{{minute_field, expression.minutes, 0},
                                   {hour_field, expression.hours, 0},
                                   {second_field, expression.seconds, 0}}};
  bool has_star = false;
  const TimeField* starred = nullptr;
  for (TimeField& each : fields) {
    if (is_star_and_step(each.field, each.bits)) has_star = true;
    if ((each.bits & 1) == 0) continue;
    each.by_star = std::popcount(star_bits(each.field, star_step_of(each.field, each.bits)));
    if (starred == nullptr || each.by_star > starred->by_star) starred = &each;
  }
  const auto text_of = [&](const TimeField& each) {
    if (!expression.follows_real_time) return format_plain(each.bits);
    if (!has_star && &each == starred) return format_with_star(each.field, each.bits);
    return format_freely(each.field, each.bits);
  };
  std::string out;
  if (const std::string seconds = text_of(fields[2]); seconds != "0") out += seconds + " ";
  return out + text_of(fields[0]) + " " + text_of(fields[1]);
}

void add_item(std::string& list, std::string_view item) {
  if (!list.empty()) list += ',';
  list += item;
}

std::string format_days(const CronExpression& expression) {
  std::string out;
  if (expression.days != 0) {
    // A star alone would not be a restriction.
    const bool all = expression.days == star_bits(day_field, 1);
    out = all ? list_of(expression.days) : format_freely(day_field, expression.days);
  }
  for (unsigned before = 0; before <= 30; ++before) {
    if ((expression.last_days & bit(31 - before)) == 0) continue;
    add_item(out, before == 0 ? "L" : "L-" + std::to_string(before));
  }
  for (unsigned day = 1; day <= 31; ++day) {
    if ((expression.nearest_weekdays & bit(day)) != 0) add_item(out, std::to_string(day) + "W");
  }
  if ((expression.nearest_weekdays & 1) != 0) add_item(out, "LW");
  return out;
}

std::string format_weekdays(const CronExpression& expression) {
  std::string out;
  if (expression.weekdays != 0) {
    const bool all = expression.weekdays == star_bits(weekday_field, 1);
    out = all ? list_of(expression.weekdays) : format_freely(weekday_field, expression.weekdays);
  }
  for (unsigned i = 0; i < 35; ++i) {
    if ((expression.nth_weekdays & bit(i)) == 0) continue;
    add_item(out, std::to_string(i % 7) + "#" + std::to_string(i / 7 + 1));
  }
  for (unsigned weekday = 0; weekday < 7; ++weekday) {
    if ((expression.last_weekdays & bit(weekday)) != 0) add_item(out, std::to_string(weekday) + "L");
  }
  return out;
}

}  // namespace

std::string format_cron(const CronExpression& expression) {
  const bool days_count = expression.day_rule == DayRule::days || expression.day_rule == DayRule::either;
  const bool weekdays_count = expression.day_rule == DayRule::weekdays || expression.day_rule == DayRule::either;
  return format_time(expression) + " " + (days_count ? format_days(expression) : "*") + " " +
         format_freely(month_field, expression.months) + " " + (weekdays_count ? format_weekdays(expression) : "*");
}

}  // namespace sidefridge::core
