// years_test.cc - a thousand years of lives, each from its seed; with sanitizers forty.
//
// SIDEFRIDGE_SIM_SEED=n tells and plays the life of seed n alone; with SIDEFRIDGE_SIM_YEARS=m lives from that seed on,
// until they have lasted m years together.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/sim/life.h"

namespace sidefridge::sim {
namespace {

// The tests of a release (./tools/test --release) play the thousand.
constexpr std::uint64_t default_years = SIDEFRIDGE_SANITIZED ? 40 : 1000;
constexpr const char* build = SIDEFRIDGE_SANITIZED ? "with sanitizers" : "without sanitizers";

constexpr int most_tries = 2'000;

std::optional<std::uint64_t> number_from(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

struct Sum {
  Duration lasted{};
  std::uint64_t lives = 0;
  std::uint64_t daemons = 0;
  std::uint64_t runs = 0;
  std::uint64_t events = 0;
  std::uint64_t actions = 0;
  std::uint64_t crashes = 0;
  std::uint64_t faults = 0;
  std::uint64_t violations = 0;

  // Centuries do not fit into nanoseconds of 64 bits for ever: years are kept apart.
  std::uint64_t years = 0;

  void add(const Played& played) {
    constexpr Duration year = std::chrono::hours(8766);
    lasted += played.lasted;
    years += static_cast<std::uint64_t>(lasted / year);
    lasted %= year;
    ++lives;
    daemons += static_cast<std::uint64_t>(played.daemons);
    runs += played.runs;
    events += played.events;
    actions += played.actions;
    crashes += static_cast<std::uint64_t>(played.crashes);
    faults += static_cast<std::uint64_t>(played.faults);
    violations += played.violations.size();
  }
};

std::ostream& operator<<(std::ostream& out, const Sum& sum) {
  return out << sum.years << " years, " << sum.lives << " lives, " << sum.daemons << " daemons, " << sum.runs
             << " runs, " << sum.events << " events, " << sum.actions << " actions, " << sum.crashes << " crashes, "
             << sum.faults << " faults, " << sum.violations << " violations (" << build << ")";
}

std::uint64_t seed_played = 0;

// A check that fails ends the process: whose life it was must be known all the same.
void tell_seed(int) {
  std::cerr << "aborted in the life of SIDEFRIDGE_SIM_SEED=" << seed_played << "\n";
}

void fail(std::uint64_t seed, const Life& life, const Played& played) {
  const std::string what = played.violations.front();
  std::cout << "seed " << seed << ": " << what << "; looking for a shorter story" << std::endl;
  const auto goes_wrong = [](const Life& other) { return !play(other).violations.empty(); };
  const Life shortest = shrink(life, goes_wrong, most_tries);
  ADD_FAILURE() << "seed " << seed << ": " << what << "\nIn short: " << play(shortest).violations.front() << "\n"
                << story_of(shortest) << "To play this seed again: SIDEFRIDGE_SIM_SEED=" << seed
                << " sim_test --gtest_filter=Years.*";
}

TEST(Years, leave_one_record_for_each_tick_and_keep_every_promise) {
  const std::optional<std::uint64_t> seed = number_from("SIDEFRIDGE_SIM_SEED");
  const std::uint64_t years = number_from("SIDEFRIDGE_SIM_YEARS").value_or(seed ? 0 : default_years);
  auto* const before = std::signal(SIGABRT, tell_seed);
  Sum sum;
  seed_played = seed.value_or(1);
  do {
    const Life life = life_of(seed_played);
    if (seed && years == 0) std::cout << story_of(life) << std::flush;
    const Played played = play(life);
    sum.add(played);
    if (!played.violations.empty()) fail(seed_played, life, played);
    ++seed_played;
  } while (sum.years < years && sum.violations == 0);
  std::signal(SIGABRT, before);
  std::cout << sum << "\n";
}

}  // namespace
}  // namespace sidefridge::sim
