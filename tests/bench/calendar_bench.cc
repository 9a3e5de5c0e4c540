// calendar_bench.cc - what next() costs for each kind of expression, against clocks that walk.
//
//     calendar_bench [CALLS]
//
// Every kind is asked from the same instants, spread over 2020 to 2060 in a zone with daylight saving; the median of
// seven rounds is printed, beside the target.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "../cron/cron_oracle.h"
#include "../cron/cron_zones.h"
#include "sidefridge/cron/calendar.h"
#include "sidefridge/cron/cron_expression.h"

namespace {

namespace cron = sidefridge::cron;
using std::chrono::sys_seconds;

struct Kind {
  const char* name;
  const char* expression;
  double target_ns;
};

constexpr double common = 200;
constexpr double worst = 20'000;

constexpr std::array<Kind, 12> kinds{{
    {"every minute", "* * * * *", common},
    {"every 15 minutes", "*/15 * * * *", common},
    {"every 10 seconds", "*/10 * * * * *", common},
    {"daily", "30 2 * * *", common},
    {"working hours", "*/20 9-17 * * mon-fri", common},
    {"weekly", "0 3 * * sun", common},
    {"monthly", "0 3 1 * *", common},
    {"last day", "0 3 L * *", common},
    {"weekday or day", "0 4 1,15W,L-2 * mon#2,friL", common},
    {"leap day", "0 0 29 2 *", worst},
    {"fifth Monday of February", "0 0 * 2 mon#5", worst},
    {"never: always in a gap", "*/60 2 * 3 sunL", 10 * worst},
}};

/// Keeps the compiler from leaving out what nobody reads.
volatile std::int64_t sink;

template <class Next>
double nanoseconds_of_a_call(const std::vector<sys_seconds>& instants, Next next) {
  std::vector<double> rounds;
  for (int round = 0; round < 7; ++round) {
    std::int64_t sum = 0;
    const auto before = std::chrono::steady_clock::now();
    for (const sys_seconds instant : instants) sum += next(instant);
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - before;
    sink = sum;
    rounds.push_back(taken.count() / static_cast<double>(instants.size()));
  }
  std::nth_element(rounds.begin(), rounds.begin() + 3, rounds.end());
  return rounds[3];
}

std::vector<sys_seconds> random_instants(std::size_t count) {
  std::mt19937_64 random(20261123);
  constexpr std::int64_t year_2020 = 1'577'836'800;
  constexpr std::int64_t forty_years = std::int64_t{40} * 365 * 86'400;
  std::vector<sys_seconds> instants;
  for (std::size_t i = 0; i < count; ++i) {
    instants.emplace_back(
        std::chrono::seconds(year_2020 + static_cast<std::int64_t>(random() % std::uint64_t{forty_years})));
  }
  return instants;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t calls = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20'000;
  if (calls == 0) {
    std::fprintf(stderr, "usage: calendar_bench [CALLS]\n");
    return 2;
  }
  const std::vector<sys_seconds> instants = random_instants(calls);
  const std::vector<sys_seconds> few = random_instants(std::max<std::size_t>(calls / 500, 1));
  const cron::Zone zone = cron::berlin();
  std::printf("next() in %s, ns a call: ours, target, walking clocks\n", zone.name().c_str());
  for (const Kind& kind : kinds) {
    const cron::CronExpression expression = cron::parse_cron(kind.expression).value();
    const cron::oracle::Rules rules = cron::oracle::rules_of(expression);
    const double ours = nanoseconds_of_a_call(instants, [&](sys_seconds from) {
      const auto at = cron::next(expression, zone, from);
      return at ? at->time_since_epoch().count() : 0;
    });
    const double walking = nanoseconds_of_a_call(few, [&](sys_seconds from) {
      const auto at = cron::oracle::next(rules, zone, from);
      return at ? at->time_since_epoch().count() : 0;
    });
    std::printf("  %-26s %-28s %8.0f %s %8.0f %10.0f\n", kind.name, kind.expression, ours,
                ours <= kind.target_ns ? "<=" : "> ", kind.target_ns, walking);
  }
}
