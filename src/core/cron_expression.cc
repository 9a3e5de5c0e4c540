// cron_expression.cc - cron's text as bit sets and back.
#include "sidefridge/core/cron_expression.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "sidefridge/core/quote.h"

namespace sidefridge::core {
namespace {

constexpr std::array<std::string_view, 12> month_names{"january",   "february", "march",    "april",
                                                       "may",       "june",     "july",     "august",
                                                       "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> weekday_names{"sunday",   "monday", "tuesday", "wednesday",
                                                        "thursday", "friday", "saturday"};

struct Field {
  std::string_view name;
  unsigned low;
  unsigned high;
  std::string_view allowed;
  std::span<const std::string_view> names{};  // whole; the first means `low`
  unsigned highest_written = high;            // 7 is a second way to write Sunday
  std::string_view all = "*";                 // each of these characters alone stands for the whole field

  constexpr unsigned size() const { return high - low + 1; }
};

constexpr Field second_field{"second", 0, 59, "0-59"};
constexpr Field minute_field{"minute", 0, 59, "0-59"};
constexpr Field hour_field{"hour", 0, 23, "0-23"};
constexpr Field day_field{
    .name = "day of month", .low = 1, .high = 31, .allowed = "1-31, also 1W to 31W, L, L-1 to L-30 or LW", .all = "*?"};
constexpr Field month_field{.name = "month", .low = 1, .high = 12, .allowed = "1-12 or jan-dec", .names = month_names};
constexpr Field weekday_field{.name = "day of week",
                              .low = 0,
                              .high = 6,
                              .allowed = "0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind",
                              .names = weekday_names,
                              .highest_written = 7,
                              .all = "*?"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> macros{{{"@hourly", "0 * * * *"},
                                                                               {"@daily", "0 0 * * *"},
                                                                               {"@midnight", "0 0 * * *"},
                                                                               {"@weekly", "0 0 * * 0"},
                                                                               {"@monthly", "0 0 1 * *"},
                                                                               {"@yearly", "0 0 1 1 *"},
                                                                               {"@annually", "0 0 1 1 *"}}};

constexpr std::array<unsigned, 12> longest_month{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

constexpr std::uint64_t bit(unsigned n) {
  return std::uint64_t{1} << n;
}

constexpr char lowered(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lowered(x) == lowered(y); });
}

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<unsigned> parse_value(const Field& field, std::string_view text) {
  if (const auto number = parse_number(text)) {
    if (*number < field.low || *number > field.highest_written) return std::nullopt;
    return number;
  }
  unsigned value = field.low;
  for (const std::string_view name : field.names) {
    if (same_word(text, name) || same_word(text, name.substr(0, 3))) return value;
    ++value;
  }
  return std::nullopt;
}

Error refusal(std::string_view field, std::string_view found, std::string_view allowed) {
  std::string text(field);
  if (!text.empty()) text += ": ";
  text += "found ";
  text += found;
  text += ", allowed: ";
  text += allowed;
  return Error{ErrorCode::invalid, std::move(text)};
}

Error bad_item(const Field& field, std::string_view item) {
  return refusal(field.name, item.empty() ? "an empty list item" : in_quotes(item), field.allowed);
}

/// One item of a list: `*`, `a`, `a-b`, each perhaps with `/n`.
Result<std::uint64_t> parse_item(const Field& field, std::string_view item) {
  const std::size_t slash = item.find('/');
  const std::string_view range = item.substr(0, slash);
  std::optional<unsigned> first = field.low;
  std::optional<unsigned> last = field.high;
  if (range.size() != 1 || field.all.find(range) == std::string_view::npos) {
    const std::size_t dash = range.find('-');
    first = parse_value(field, range.substr(0, dash));
    if (dash != std::string_view::npos) {
      last = parse_value(field, range.substr(dash + 1));
    } else if (slash == std::string_view::npos) {
      last = first;
    }
  }
  if (!first || !last) return bad_item(field, item);

  unsigned step = 1;
  if (slash != std::string_view::npos) {
    step = parse_number(item.substr(slash + 1)).value_or(0);
    if (step == 0 || step > field.size()) {
      return refusal(field.name, in_quotes(item), "a step of 1-" + std::to_string(field.size()) + " after the /");
    }
  }
  // A range that ends before it starts wraps around.
  const unsigned count = *last - *first + 1 + (*last < *first ? field.size() : 0);
  std::uint64_t bits = 0;
  for (unsigned i = 0; i < count; i += step) bits |= bit(field.low + (*first - field.low + i) % field.size());
  return bits;
}

/// What an item of one field alone may be: true when it was one and is now in the expression.
using OwnItem = Result<bool> (*)(CronExpression&, std::string_view item);

Result<bool> no_own_item(CronExpression&, std::string_view) {
  return false;
}

/// `L`, `L-n`, `LW`, `nW`.
Result<bool> parse_own_day(CronExpression& expression, std::string_view item) {
  if (same_word(item, "L")) {
    expression.last_days |= std::uint32_t{1} << 31;
    return true;
  }
  if (same_word(item, "LW")) {
    expression.nearest_weekdays |= 1;
    return true;
  }
  if (same_word(item.substr(0, 2), "L-")) {
    const unsigned before = parse_number(item.substr(2)).value_or(0);
    if (before < 1 || before > 30) return refusal(day_field.name, in_quotes(item), "L-1 to L-30");
    expression.last_days |= std::uint32_t{1} << (31 - before);
    return true;
  }
  if (item.empty() || lowered(item.back()) != 'w') return false;
  const auto day = parse_value(day_field, item.substr(0, item.size() - 1));
  if (!day) return bad_item(day_field, item);
  expression.nearest_weekdays |= std::uint32_t{1} << *day;
  return true;
}

/// `d#k`, `dL`.
Result<bool> parse_own_weekday(CronExpression& expression, std::string_view item) {
  if (const std::size_t hash = item.find('#'); hash != std::string_view::npos) {
    const auto weekday = parse_value(weekday_field, item.substr(0, hash));
    if (!weekday) return bad_item(weekday_field, item);
    const unsigned nth = parse_number(item.substr(hash + 1)).value_or(0);
    if (nth < 1 || nth > 5) return refusal(weekday_field.name, in_quotes(item), "1-5 after the #");
    expression.nth_weekdays |= bit(7 * (nth - 1) + *weekday % 7);
    return true;
  }
  if (item.size() < 2 || lowered(item.back()) != 'l') return false;
  const auto weekday = parse_value(weekday_field, item.substr(0, item.size() - 1));
  if (!weekday) return bad_item(weekday_field, item);
  expression.last_weekdays |= std::uint32_t{1} << *weekday % 7;
  return true;
}

/// Returns: what plain items stand for; all others are in the expression.
Result<std::uint64_t> parse_field(CronExpression& expression, const Field& field, std::string_view text,
                                  OwnItem parse_own_item = no_own_item) {
  std::uint64_t bits = 0;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const auto own = parse_own_item(expression, item);
    if (!own) return own.error();
    if (!*own) {
      const auto plain = parse_item(field, item);
      if (!plain) return plain.error();
      bits |= *plain;
    }
    if (comma == std::string_view::npos) return bits;
    text.remove_prefix(comma + 1);
  }
}

bool is_restricted(const Field& field, std::string_view text) {
  return text.size() != 1 || field.all.find(text) == std::string_view::npos;
}

DayRule day_rule_of(std::string_view days, std::string_view weekdays) {
  if (is_restricted(day_field, days)) {
    return is_restricted(weekday_field, weekdays) ? DayRule::either : DayRule::days;
  }
  return is_restricted(weekday_field, weekdays) ? DayRule::weekdays : DayRule::every;
}

// A month may begin on any weekday: each of them comes about, February 29 on each of them included.
bool ever_comes(const CronExpression& expression) {
  for (unsigned month = 1; month <= 12; ++month) {
    if ((expression.months & bit(month)) == 0) continue;
    for (unsigned length = month == 2 ? 28 : longest_month[month - 1]; length <= longest_month[month - 1]; ++length) {
      for (unsigned first_weekday = 0; first_weekday < 7; ++first_weekday) {
        if (matching_days(expression, length, first_weekday) != 0) return true;
      }
    }
  }
  return false;
}

/// Which days there are in the longest of the months.
std::string days_there(const CronExpression& expression) {
  unsigned longest = 0;
  for (unsigned month = 1; month <= 12; ++month) {
    if ((expression.months & bit(month)) != 0) longest = std::max(longest, longest_month[month - 1]);
  }
  std::string text = "1-" + std::to_string(longest);
  if (expression.last_days != 0) text += " or L-1 to L-" + std::to_string(longest - 1);
  return text + " there";
}

struct Fields {
  std::array<std::string_view, 6> texts;
  std::size_t count = 0;  // more than there is room for when there are too many
};

Fields split(std::string_view text) {
  Fields fields;
  for (;;) {
    const std::size_t start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) return fields;
    text.remove_prefix(start);
    const std::string_view field = text.substr(0, text.find_first_of(" \t"));
    if (fields.count < fields.texts.size()) fields.texts[fields.count] = field;
    ++fields.count;
    text.remove_prefix(field.size());
  }
}

Result<CronExpression> parse_fields(const Fields& fields) {
  const bool with_seconds = fields.count == 6;
  const std::span<const std::string_view, 5> texts(fields.texts.data() + (with_seconds ? 1 : 0), 5);
  CronExpression expression;
  const auto seconds = parse_field(expression, second_field, with_seconds ? fields.texts[0] : "0");
  if (!seconds) return seconds.error();
  const auto minutes = parse_field(expression, minute_field, texts[0]);
  if (!minutes) return minutes.error();
  const auto hours = parse_field(expression, hour_field, texts[1]);
  if (!hours) return hours.error();
  const auto days = parse_field(expression, day_field, texts[2], parse_own_day);
  if (!days) return days.error();
  const auto months = parse_field(expression, month_field, texts[3]);
  if (!months) return months.error();
  const auto weekdays = parse_field(expression, weekday_field, texts[4], parse_own_weekday);
  if (!weekdays) return weekdays.error();

  expression.seconds = *seconds;
  expression.minutes = *minutes;
  expression.hours = static_cast<std::uint32_t>(*hours);
  expression.days = static_cast<std::uint32_t>(*days);
  expression.months = static_cast<std::uint32_t>(*months);
  expression.weekdays = static_cast<std::uint32_t>(*weekdays);
  expression.day_rule = day_rule_of(texts[2], texts[4]);
  expression.follows_real_time =
      (with_seconds && fields.texts[0].starts_with('*')) || texts[0].starts_with('*') || texts[1].starts_with('*');
  if (!ever_comes(expression)) {
    return refusal(day_field.name, in_quotes(texts[2]) + ", a date that never comes in month " + in_quotes(texts[3]),
                   days_there(expression));
  }
  return expression;
}

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

Result<CronExpression> parse_cron(std::string_view text) {
  Fields fields = split(text);
  const std::string_view first = fields.texts[0];
  if (split_zone(text).zone) return refusal("time zone", in_quotes(first), "one, ahead of all else");
  if (first.starts_with('@')) {
    const auto known =
        std::find_if(macros.begin(), macros.end(), [&](const auto& m) { return same_word(m.first, first); });
    if (known == macros.end() || fields.count > 1) {
      return refusal("macro", in_quotes(text),
                     "@hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually, alone");
    }
    fields = split(known->second);
  }
  if (fields.count < 5 || fields.count > 6) {
    return refusal(
        "schedule", std::to_string(fields.count) + " fields in " + in_quotes(text),
        "5 (minute, hour, day of month, month, day of week), 6 with the second first, or a macro such as @daily");
  }
  return parse_fields(fields);
}

std::string format_cron(const CronExpression& expression) {
  const bool days_count = expression.day_rule == DayRule::days || expression.day_rule == DayRule::either;
  const bool weekdays_count = expression.day_rule == DayRule::weekdays || expression.day_rule == DayRule::either;
  return format_time(expression) + " " + (days_count ? format_days(expression) : "*") + " " +
         format_freely(month_field, expression.months) + " " + (weekdays_count ? format_weekdays(expression) : "*");
}

ZonedText split_zone(std::string_view text) noexcept {
  const std::size_t start = text.find_first_not_of(" \t");
  std::string_view rest = start == std::string_view::npos ? std::string_view() : text.substr(start);
  for (const std::string_view key : {"TZ=", "CRON_TZ="}) {
    if (!rest.starts_with(key)) continue;
    rest.remove_prefix(key.size());
    const std::string_view zone = rest.substr(0, rest.find_first_of(" \t"));
    rest.remove_prefix(zone.size());
    return {zone, rest};
  }
  return {std::nullopt, text};
}

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

}  // namespace sidefridge::core
