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
constexpr Field day_field{.name = "day of month", .low = 1, .high = 31, .allowed = "1-31", .all = "*?"};
constexpr Field month_field{.name = "month", .low = 1, .high = 12, .allowed = "1-12 or jan-dec", .names = month_names};
constexpr Field weekday_field{.name = "day of week",
                              .low = 0,
                              .high = 6,
                              .allowed = "0-7 (0 and 7 are Sunday) or sun-sat",
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

// L, L-3, LW, 15W, friL, mon#2: other crons have these, so they deserve a word of their own.
bool is_extension(const Field& field, std::string_view item) {
  if (field.all.size() == 1 || item.empty()) return false;
  if (item.find('#') != std::string_view::npos || lowered(item.front()) == 'l') return true;
  const char last = lowered(item.back());
  return (last == 'l' || last == 'w') && parse_value(field, item.substr(0, item.size() - 1));
}

Error bad_item(const Field& field, std::string_view item) {
  if (item.empty()) return refusal(field.name, "an empty list item", field.allowed);
  if (is_extension(field, item)) {
    return refusal(field.name, in_quotes(item) + " (L, W and # are not supported)", field.allowed);
  }
  return refusal(field.name, in_quotes(item), field.allowed);
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

Result<std::uint64_t> parse_field(const Field& field, std::string_view text) {
  std::uint64_t bits = 0;
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto item = parse_item(field, text.substr(0, comma));
    if (!item) return item.error();
    bits |= *item;
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

/// The last day that any of the months can have.
unsigned longest_of(std::uint32_t months) {
  unsigned longest = 0;
  for (unsigned month = 1; month <= 12; ++month) {
    if ((months & bit(month)) != 0) longest = std::max(longest, longest_month[month - 1]);
  }
  return longest;
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
  const auto seconds = parse_field(second_field, with_seconds ? fields.texts[0] : "0");
  if (!seconds) return seconds.error();
  const auto minutes = parse_field(minute_field, texts[0]);
  if (!minutes) return minutes.error();
  const auto hours = parse_field(hour_field, texts[1]);
  if (!hours) return hours.error();
  const auto days = parse_field(day_field, texts[2]);
  if (!days) return days.error();
  const auto months = parse_field(month_field, texts[3]);
  if (!months) return months.error();
  const auto weekdays = parse_field(weekday_field, texts[4]);
  if (!weekdays) return weekdays.error();

  CronExpression expression;
  expression.seconds = *seconds;
  expression.minutes = *minutes;
  expression.hours = static_cast<std::uint32_t>(*hours);
  expression.days = static_cast<std::uint32_t>(*days);
  expression.months = static_cast<std::uint32_t>(*months);
  expression.weekdays = static_cast<std::uint32_t>(*weekdays);
  expression.day_rule = day_rule_of(texts[2], texts[4]);

  const unsigned longest = longest_of(expression.months);
  if (expression.day_rule == DayRule::days && static_cast<unsigned>(std::countr_zero(expression.days)) > longest) {
    return refusal(day_field.name, in_quotes(texts[2]) + ", a date that never comes in month " + in_quotes(texts[3]),
                   "1-" + std::to_string(longest) + " there");
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

std::string format_field(const Field& field, std::uint64_t bits) {
  const auto step = step_of(bits);
  if (!step || *step == 1) return list_of(bits);
  const auto first = static_cast<unsigned>(std::countr_zero(bits));
  const unsigned last = 63 - static_cast<unsigned>(std::countl_zero(bits));
  const std::string range = first == field.low && last + *step > field.high
                                ? std::string("*")
                                : std::to_string(first) + "-" + std::to_string(last);
  return range + "/" + std::to_string(*step);
}

/// A time or month field, where a full set may as well be a star.
std::string format_plain(const Field& field, std::uint64_t bits) {
  return std::popcount(bits) == static_cast<int>(field.size()) ? "*" : format_field(field, bits);
}

}  // namespace

Result<CronExpression> parse_cron(std::string_view text) {
  Fields fields = split(text);
  const std::string_view first = fields.texts[0];
  if (first.starts_with("TZ=") || first.starts_with("CRON_TZ=")) {
    return refusal("time zone", in_quotes(first), "none, schedules are in UTC");
  }
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
  std::string out;
  if (expression.seconds != bit(0)) out += format_plain(second_field, expression.seconds) + " ";
  out += format_plain(minute_field, expression.minutes) + " ";
  out += format_plain(hour_field, expression.hours) + " ";
  out += (days_count ? format_field(day_field, expression.days) : "*") + " ";
  out += format_plain(month_field, expression.months) + " ";
  out += weekdays_count ? format_field(weekday_field, expression.weekdays) : "*";
  return out;
}

}  // namespace sidefridge::core
