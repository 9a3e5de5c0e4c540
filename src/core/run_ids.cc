// run_ids.cc - the instant, and a count.
#include "sidefridge/core/run_ids.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace sidefridge::core {

std::string RunIds::make(WallTime at) {
  using namespace std::chrono;
  const auto instant = floor<milliseconds>(at);  // in nanoseconds, the first day there is would have no beginning
  const auto day = floor<days>(instant);
  const year_month_day date(day);
  const hh_mm_ss<milliseconds> time(instant - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d%02u%02u-%02d%02d%02d-%03d-%04x", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()), next_++);
  return text.data();
}

}  // namespace sidefridge::core
