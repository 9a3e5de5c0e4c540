// time_format.cc - instants, durations and sizes to text and back.
#include "sidefridge/text/time_format.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>

#include "sidefridge/text/quote.h"
#include "sidefridge/text/refusal.h"

namespace sidefridge::text {
namespace {

namespace chr = std::chrono;

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// The last `width` decimal digits of a value that is not negative.
template <std::size_t width>
void put_digits(char* at, std::int64_t value) noexcept {
  for (std::size_t i = width; i > 0; --i) {
    at[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// Takes what it reads off the front of a text; after a failure the rest is whatever it was.
class Reader {
public:
  explicit Reader(std::string_view text) noexcept : rest_(text) {}

  bool empty() const noexcept { return rest_.empty(); }
  char peek() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }

  bool skip_one_of(std::string_view accepted) noexcept {
    if (rest_.empty() || accepted.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Exactly `width` digits whose value lies between `low` and `high`.
  std::optional<int> number(std::size_t width, int low, int high) noexcept {
    if (rest_.size() < width) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, width)) {
      if (!is_digit(c)) return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(width);
    if (value < low || value > high) return std::nullopt;
    return value;
  }

  /// As many digits as there are, one at least. Returns: nothing for none, and for what does not fit 64 bits.
  std::optional<std::uint64_t> digits() noexcept {
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (failure != std::errc{}) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  /// Everything up to the next digit or the end.
  std::string_view letters() noexcept {
    std::size_t length = 0;
    while (length < rest_.size() && !is_digit(rest_[length])) ++length;
    const std::string_view read = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return read;
  }

private:
  std::string_view rest_;
};

// ".125": nanoseconds; nothing where there is no digit after the point.
std::optional<Duration> read_fraction(Reader& reader) noexcept {
  if (!reader.skip_one_of(".")) return Duration{};
  if (!is_digit(reader.peek())) return std::nullopt;
  std::int64_t nanoseconds = 0;
  std::int64_t weight = 100'000'000;
  while (is_digit(reader.peek())) {
    nanoseconds += (reader.peek() - '0') * weight;
    weight /= 10;
    reader.skip_one_of("0123456789");
  }
  return Duration{nanoseconds};
}

// "Z" or "+01:00": how far local time is ahead of UTC.
std::optional<chr::minutes> read_offset(Reader& reader) noexcept {
  if (reader.skip_one_of("Zz")) return chr::minutes{};
  const bool ahead = reader.peek() == '+';
  if (!reader.skip_one_of("+-")) return std::nullopt;
  const auto hours = reader.number(2, 0, 23);
  if (!hours || !reader.skip_one_of(":")) return std::nullopt;
  const auto minutes = reader.number(2, 0, 59);
  if (!minutes) return std::nullopt;
  const chr::minutes offset = chr::hours(*hours) + chr::minutes(*minutes);
  return ahead ? offset : -offset;
}

std::optional<chr::sys_days> read_date(Reader& reader) noexcept {
  // One year of slack at either end of what 64 bits of nanoseconds hold.
  const auto year = reader.number(4, 1678, 2261);
  if (!year || !reader.skip_one_of("-")) return std::nullopt;
  const auto month = reader.number(2, 1, 12);
  if (!month || !reader.skip_one_of("-")) return std::nullopt;
  const auto day = reader.number(2, 1, 31);
  if (!day) return std::nullopt;
  const chr::year_month_day date{chr::year(*year), chr::month(static_cast<unsigned>(*month)),
                                 chr::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return chr::sys_days(date);
}

std::optional<Duration> read_time_of_day(Reader& reader) noexcept {
  const auto hour = reader.number(2, 0, 23);
  if (!hour || !reader.skip_one_of(":")) return std::nullopt;
  const auto minute = reader.number(2, 0, 59);
  if (!minute || !reader.skip_one_of(":")) return std::nullopt;
  const auto second = reader.number(2, 0, 59);
  if (!second) return std::nullopt;
  const auto fraction = read_fraction(reader);
  if (!fraction) return std::nullopt;
  return chr::hours(*hour) + chr::minutes(*minute) + chr::seconds(*second) + *fraction;
}

std::optional<WallTime> read_instant(Reader& reader) noexcept {
  const auto date = read_date(reader);
  if (!date || !reader.skip_one_of("Tt ")) return std::nullopt;
  const auto time_of_day = read_time_of_day(reader);
  if (!time_of_day) return std::nullopt;
  const auto offset = read_offset(reader);
  if (!offset || !reader.empty()) return std::nullopt;
  return WallTime(*date) + *time_of_day - *offset;
}

struct DurationUnit {
  std::string_view name;
  Duration length;
};

// Largest first, the order in which a text names them.
constexpr std::array duration_units{DurationUnit{"d", chr::days(1)}, DurationUnit{"h", chr::hours(1)},
                                    DurationUnit{"m", chr::minutes(1)}, DurationUnit{"s", chr::seconds(1)},
                                    DurationUnit{"ms", chr::milliseconds(1)}};

std::optional<Duration> read_duration(Reader& reader) noexcept {
  Duration total{};
  std::size_t next_unit = 0;
  bool alone = true;
  do {
    const auto count = reader.digits();
    if (!count) return std::nullopt;
    std::string_view name = reader.letters();
    if (name.empty() && alone) name = "s";
    alone = false;
    while (next_unit < duration_units.size() && duration_units[next_unit].name != name) ++next_unit;
    if (next_unit == duration_units.size()) return std::nullopt;
    const Duration length = duration_units[next_unit++].length;
    if (*count > static_cast<std::uint64_t>((longest_duration - total) / length)) return std::nullopt;
    total += length * static_cast<Duration::rep>(*count);
  } while (!reader.empty());
  return total;
}

struct SizeUnit {
  std::string_view name;
  unsigned shift;
};

constexpr std::array size_units{SizeUnit{"", 0},     SizeUnit{"Ki", 10},  SizeUnit{"KiB", 10},
                                SizeUnit{"Mi", 20},  SizeUnit{"MiB", 20}, SizeUnit{"Gi", 30},
                                SizeUnit{"GiB", 30}, SizeUnit{"Ti", 40},  SizeUnit{"TiB", 40}};

std::optional<std::uint64_t> read_size(Reader& reader) noexcept {
  const auto count = reader.digits();
  if (!count) return std::nullopt;
  const std::string_view name = reader.letters();
  if (!reader.empty()) return std::nullopt;
  for (const SizeUnit& unit : size_units) {
    if (unit.name != name) continue;
    if (*count > std::numeric_limits<std::uint64_t>::max() >> unit.shift) return std::nullopt;
    return *count << unit.shift;
  }
  return std::nullopt;
}

// "3 min 20 s", or "3 min" when nothing is left over.
std::string two_units(std::int64_t large, std::string_view large_unit, std::int64_t small,
                      std::string_view small_unit) {
  std::string out = std::to_string(large);
  out += ' ';
  out += large_unit;
  if (small == 0) return out;
  out += ' ';
  out += std::to_string(small);
  out += ' ';
  out += small_unit;
  return out;
}

}  // namespace

void append_rfc3339(std::string& out, WallTime at, Precision precision) {
  // By hand, because chrono's floor() to seconds or days overflows near WallTime's ends.
  std::int64_t since_epoch = at.time_since_epoch() / chr::seconds(1);
  std::int64_t nanoseconds = at.time_since_epoch().count() % 1'000'000'000;
  if (nanoseconds < 0) {
    nanoseconds += 1'000'000'000;
    --since_epoch;
  }
  const chr::sys_seconds whole{chr::seconds(since_epoch)};
  const auto day = chr::floor<chr::days>(whole);
  const chr::year_month_day date(day);
  const std::int64_t seconds = (whole - day).count();

  std::array<char, 24> text{};
  put_digits<4>(&text[0], static_cast<int>(date.year()));
  text[4] = '-';
  put_digits<2>(&text[5], static_cast<unsigned>(date.month()));
  text[7] = '-';
  put_digits<2>(&text[8], static_cast<unsigned>(date.day()));
  text[10] = 'T';
  put_digits<2>(&text[11], seconds / 3600);
  text[13] = ':';
  put_digits<2>(&text[14], seconds / 60 % 60);
  text[16] = ':';
  put_digits<2>(&text[17], seconds % 60);
  std::size_t length = 19;
  if (precision == Precision::milliseconds) {
    text[19] = '.';
    put_digits<3>(&text[20], nanoseconds / 1'000'000 % 1000);
    length = 23;
  }
  text[length++] = 'Z';
  out.append(text.data(), length);
}

std::string format_rfc3339(WallTime at, Precision precision) {
  std::string out;
  append_rfc3339(out, at, precision);
  return out;
}

std::string format_rfc3339(WallTime at, chr::seconds offset) {
  const auto minutes = chr::duration_cast<chr::minutes>(offset);
  std::string out;
  append_rfc3339(out, at + minutes, Precision::seconds);
  out.back() = minutes < chr::minutes(0) ? '-' : '+';
  std::array<char, 5> digits{};
  put_digits<2>(&digits[0], chr::abs(minutes).count() / 60);
  digits[2] = ':';
  put_digits<2>(&digits[3], chr::abs(minutes).count() % 60);
  out.append(digits.data(), digits.size());
  return out;
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  if (const auto at = read_instant(reader)) return *at;
  return refusal(in_quotes(text),
                 "a date and time with zone such as 2026-11-23T07:55:17Z or 2026-11-23T08:55:17+01:00");
}

std::string format_duration(Duration duration) {
  if (duration < Duration::zero()) {
    // The one value without a positive twin.
    if (duration == Duration::min()) duration += Duration(1);
    return "-" + format_duration(-duration);
  }
  const std::int64_t milliseconds = duration / chr::milliseconds(1);
  const std::int64_t seconds = milliseconds / 1000;
  if (seconds < 1) return std::to_string(milliseconds) + " ms";
  if (seconds < 60) {
    std::string out = std::to_string(seconds);
    if (const std::int64_t tenths = milliseconds / 100 % 10; tenths != 0) {
      out += '.';
      out += static_cast<char>('0' + tenths);
    }
    return out + " s";
  }
  const std::int64_t minutes = seconds / 60;
  if (minutes < 60) return two_units(minutes, "min", seconds % 60, "s");
  const std::int64_t hours = minutes / 60;
  if (hours < 24) return two_units(hours, "h", minutes % 60, "min");
  return two_units(hours / 24, "d", hours % 24, "h");
}

Result<Duration> parse_duration(std::string_view text) {
  Reader reader(text);
  if (const auto duration = read_duration(reader)) return *duration;
  return refusal(in_quotes(text), "250ms, 25s, 90m, 24h, 7d, 1h30m or whole seconds, up to 36500d");
}

Result<std::uint64_t> parse_size(std::string_view text) {
  Reader reader(text);
  if (const auto size = read_size(reader)) return *size;
  return refusal(in_quotes(text), "a number of bytes such as 65536, 512KiB, 64MiB, 1GiB or 1TiB (Ki, Mi, Gi, Ti too)");
}

}  // namespace sidefridge::text
