// random_test.cc - seeded lives of the daemon; the world checks its invariants after every event.
#include <gtest/gtest.h>

#include <random>

#include "sidefridge/cron/cron_expression.h"
#include "tests/sim/sim_world.h"

namespace sidefridge::sim {
namespace {

using namespace std::chrono_literals;
using core::Hook;

class Dice {
public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  int up_to(int limit) { return static_cast<int>(engine_() % static_cast<unsigned>(limit + 1)); }
  bool one_in(int count) { return up_to(count - 1) == 0; }

private:
  std::mt19937 engine_;
};

WallTime start_of(Dice& dice) {
  return WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 23)) + std::chrono::seconds(dice.up_to(86400));
}

FakeScript random_script(Dice& dice) {
  FakeScript script;
  script.runs_for = std::chrono::milliseconds(dice.one_in(4) ? dice.up_to(200'000) : dice.up_to(2'000));
  if (dice.one_in(5)) script.ends_with.code = dice.up_to(255);
  if (dice.one_in(20)) script.ends_with = {ExitStatus::Kind::signalled, 1 + dice.up_to(14)};
  script.ignores_term = dice.one_in(4);
  script.cannot_start = dice.one_in(15);
  script.leaves_behind = dice.one_in(5) ? dice.up_to(3) : 0;
  script.left_ignore_term = dice.one_in(3);
  return script;
}

core::Scheduler::Settings random_settings(Dice& dice) {
  const char* const schedules[] = {"* * * * *", "*/7 * * * *", "*/20 * * * * *", "0 * * * *", "30 3 * * *"};
  core::Scheduler::Settings settings;
  if (!dice.one_in(8)) {
    const std::string text = schedules[dice.up_to(4)];
    settings.schedule = cron::Schedule{text, cron::parse_cron(text).value(), cron::Zone()};
  }
  settings.grace = std::chrono::seconds(dice.up_to(40));
  if (dice.one_in(3)) settings.script_timeout = std::chrono::seconds(1 + dice.up_to(60));
  if (dice.one_in(3)) settings.run_timeout = std::chrono::seconds(1 + dice.up_to(120));
  if (dice.one_in(4)) settings.delay = std::chrono::seconds(dice.up_to(400));
  settings.run_on_start = dice.one_in(6);
  if (dice.one_in(3)) settings.retries = static_cast<std::uint32_t>(dice.up_to(4));
  settings.retry_delay = std::chrono::seconds(dice.up_to(60));
  return settings;
}

void fill(SimWorld& world, Dice& dice) {
  for (const Hook hook : core::all_hooks) {
    for (int i = dice.up_to(3); i > 0; --i) world.add(hook, std::to_string(i), random_script(dice));
  }
  // An install that fails ends most stories before they begin.
  if (!dice.one_in(10)) {
    for (int i = 1; i <= 3; ++i) world.remove(Hook::install_dependencies, std::to_string(i));
  }
}

void live(SimWorld& world, Dice& dice, SimStore& store) {
  for (int step = 0; step < 25 && !world.exit_code(); ++step) {
    switch (dice.up_to(9)) {
      case 0: world.step_wall_clock(std::chrono::milliseconds(dice.up_to(20'000'000) - 10'000'000)); break;
      case 1: world.reload(); break;
      case 2: store.foreign_run = !store.foreign_run; break;
      case 3:
        world.add(Hook::backups, std::to_string(dice.up_to(5)), random_script(dice));
        if (dice.one_in(3)) world.add(Hook::install_dependencies, "late", random_script(dice));
        world.touch();
        break;
      case 5: world.watch(dice.one_in(2) ? core::HooksWatched::By::events : core::HooksWatched::By::polling); break;
      case 4: world.advance(std::chrono::minutes(dice.up_to(90))); break;
      default: world.advance(std::chrono::milliseconds(dice.up_to(120'000)));
    }
  }
}

/// Whatever went before: told to end, the world ends within the grace and two patiences.
void end(SimWorld& world, const core::Scheduler::Settings& settings) {
  if (world.exit_code()) return;
  world.stop();
  world.advance(settings.grace + 2 * core::term_patience + 1s);
  EXPECT_TRUE(world.exit_code()) << "shutdown stays within its grace";
}

TEST(RandomLives, keep_every_invariant) {
  for (unsigned seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    SimStore store;
    const core::Scheduler::Settings settings = random_settings(dice);
    SimWorld world(settings, start_of(dice), store);
    fill(world, dice);
    world.start();
    live(world, dice, store);
    end(world, settings);
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(RandomLives, survive_the_failure_of_any_one_call) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    for (int nth = 1;; ++nth) {
      SCOPED_TRACE(std::to_string(seed) + ", failing call " + std::to_string(nth));
      Dice dice(seed);
      SimStore store;
      const core::Scheduler::Settings settings = random_settings(dice);
      SimWorld world(settings, start_of(dice), store);
      fill(world, dice);
      world.fail_call(nth);
      world.start();
      world.advance(3min);
      end(world, settings);
      if (::testing::Test::HasFailure()) return;
      if (!world.fault_is_spent()) break;  // there is no N-th call any more
    }
  }
}

TEST(RandomLives, survive_a_crash_after_any_action) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    bool crashed = true;
    for (int nth = 1; crashed && nth < 150; ++nth) {
      SCOPED_TRACE(std::to_string(seed) + ", crash at action " + std::to_string(nth));
      Dice dice(seed);
      SimStore store;
      const core::Scheduler::Settings settings = random_settings(dice);
      const WallTime start = start_of(dice);
      crashed = false;
      try {
        SimWorld world(settings, start, store);
        fill(world, dice);
        world.crash_at_action(nth);
        world.start();
        world.advance(3min);
        end(world, settings);
      } catch (const Crash&) {
        crashed = true;
      }
      SimWorld next(core::Scheduler::Settings{}, start + 24h, store);
      next.add(Hook::backups, "bkp");
      next.start();
      next.advance(1min);
      EXPECT_EQ(next.exit_code(), 0);
      for (const core::RunRecord& run : next.runs()) EXPECT_NE(run.outcome, core::Outcome::running);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace sidefridge::sim
