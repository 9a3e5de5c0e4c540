// cron_fields.h - what the fields of a cron expression may hold, for those who read and write them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace sidefridge::cron {

// Read in any case.
inline constexpr std::array<std::string_view, 12> month_names{"January",   "February", "March",    "April",
                                                              "May",       "June",     "July",     "August",
                                                              "September", "October",  "November", "December"};
inline constexpr std::array<std::string_view, 7> weekday_names{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                               "Thursday", "Friday", "Saturday"};

/// One of the six: its values, and how they are written.
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

inline constexpr Field second_field{"second", 0, 59, "0-59"};
inline constexpr Field minute_field{"minute", 0, 59, "0-59"};
inline constexpr Field hour_field{"hour", 0, 23, "0-23"};
inline constexpr Field day_field{
    .name = "day of month", .low = 1, .high = 31, .allowed = "1-31, also 1W to 31W, L, L-1 to L-30 or LW", .all = "*?"};
inline constexpr Field month_field{
    .name = "month", .low = 1, .high = 12, .allowed = "1-12 or jan-dec", .names = month_names};
inline constexpr Field weekday_field{.name = "day of week",
                                     .low = 0,
                                     .high = 6,
                                     .allowed = "0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind",
                                     .names = weekday_names,
                                     .highest_written = 7,
                                     .all = "*?"};

/// The set of `n` alone.
constexpr std::uint64_t bit(unsigned n) {
  return std::uint64_t{1} << n;
}

}  // namespace sidefridge::cron
