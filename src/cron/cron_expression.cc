// cron_expression.cc - cron's text as bit sets.
#include "sidefridge/cron/cron_expression.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include "sidefridge/cron/cron_fields.h"
#include "sidefridge/cron/month_days.h"
#include "sidefridge/text/quote.h"
#include "sidefridge/text/refusal.h"

namespace sidefridge::cron {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> macros{{{"@hourly", "0 * * * *"},
                                                                               {"@daily", "0 0 * * *"},
                                                                               {"@midnight", "0 0 * * *"},
                                                                               {"@weekly", "0 0 * * 0"},
                                                                               {"@monthly", "0 0 1 * *"},
                                                                               {"@yearly", "0 0 1 1 *"},
                                                                               {"@annually", "0 0 1 1 *"}}};

constexpr std::array<unsigned, 12> longest_month{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

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
  Error error = text::refusal(found, allowed);
  return field.empty() ? std::move(error) : std::move(error).with_context(field);
}

Error bad_item(const Field& field, std::string_view item) {
  return refusal(field.name, item.empty() ? "an empty list item" : text::in_quotes(item), field.allowed);
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
      return refusal(field.name, text::in_quotes(item), "a step of 1-" + std::to_string(field.size()) + " after the /");
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
    if (before < 1 || before > 30) return refusal(day_field.name, text::in_quotes(item), "L-1 to L-30");
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
    if (nth < 1 || nth > 5) return refusal(weekday_field.name, text::in_quotes(item), "1-5 after the #");
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
    return refusal(day_field.name,
                   text::in_quotes(texts[2]) + ", a date that never comes in month " + text::in_quotes(texts[3]),
                   days_there(expression));
  }
  return expression;
}

}  // namespace

Result<CronExpression> parse_cron(std::string_view text) {
  Fields fields = split(text);
  const std::string_view first = fields.texts[0];
  if (split_zone(text).zone) return refusal("time zone", text::in_quotes(first), "one, ahead of all else");
  if (first.starts_with('@')) {
    const auto known =
        std::find_if(macros.begin(), macros.end(), [&](const auto& m) { return same_word(m.first, first); });
    if (known == macros.end() || fields.count > 1) {
      return refusal("macro", text::in_quotes(text),
                     "@hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually, alone");
    }
    fields = split(known->second);
  }
  if (fields.count < 5 || fields.count > 6) {
    return refusal(
        "schedule",
        std::to_string(fields.count) + (fields.count == 1 ? " field in " : " fields in ") + text::in_quotes(text),
        "5 (minute, hour, day of month, month, day of week), 6 with the second first, or a macro such as @daily");
  }
  return parse_fields(fields);
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

}  // namespace sidefridge::cron
