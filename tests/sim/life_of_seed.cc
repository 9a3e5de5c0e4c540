// life_of_seed.cc - lives as a seed has them: short ones in which much happens, and long ones whose years come cheaply.
#include <algorithm>
#include <array>
#include <random>
#include <span>

#include "tests/cron/cron_zones.h"
#include "tests/sim/life.h"

namespace sidefridge::sim {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<const char*>;

constexpr Duration day = 24h;
constexpr Duration year = 365 * day;

class Dice {
public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  int up_to(int limit) { return static_cast<int>(engine_() % (static_cast<std::uint64_t>(limit) + 1)); }
  bool one_in(int count) { return up_to(count - 1) == 0; }
  /// Whole milliseconds, mostly, of [0, limit]; small ones as likely as large ones.
  Duration time(Duration limit) {
    Duration most = limit;
    for (int halved = up_to(12); halved > 0; --halved) most /= 2;
    const Duration any(static_cast<Duration::rep>(engine_() % (static_cast<std::uint64_t>(most.count()) + 1)));
    return one_in(20) ? any : any - any % 1ms;
  }
  Duration moment(Duration limit) {
    return Duration(static_cast<Duration::rep>(engine_() % (static_cast<std::uint64_t>(limit.count()) + 1)));
  }
  template <class T>
  const T& of(const std::vector<T>& choices) {
    return choices[static_cast<std::size_t>(up_to(static_cast<int>(choices.size()) - 1))];
  }

private:
  std::mt19937_64 engine_;
};

/// What a life is about: how often there is a tick, and how long all else takes.
struct Pace {
  Texts schedules;
  Duration least_span;
  Duration most_span;
  Duration script;  // runs for so long, as a rule
  Duration step;    // of the clock
  int most_acts;
};

const std::vector<Pace>& paces() {
  static const std::vector<Pace> all{
      {{"* * * * * *", "*/2 * * * * *", "*/20 * * * * *", "5,6,50 * * * * *", "59 * * * * *", "* * * * *"},
       1min,
       30min,
       3s,
       2h,
       60},
      {{"* * * * *", "*/7 * * * *", "*/20 * * * *", "30 * * * *", "15 30 * * * *", "0 1-4 * * *", "0,30 0 2 * * *"},
       1h,
       3 * day,
       2min,
       8h,
       60},
      {{"0 3 * * *", "30 2 * * *", "0 */6 * * *", "@daily", "30 1,2,3 * * *", "15 2 * * 1-5", "*/30 2 * * *",
        "0 0 1 * *", "@weekly"},
       10 * day,
       year,
       30min,
       10 * day,
       50},
      {{"@weekly", "@monthly", "@yearly", "0 0 29 2 *", "30 2 * 3 sunL", "0 2 1 * *", "0 0 L * *", "30 2 * * sunL",
        "0 12 15W * *", "45 1 * 10 *"},
       2 * year,
       40 * year,
       2h,
       2 * year,
       40}};
  return all;
}

FakeScript random_script(Dice& dice, const Pace& pace) {
  FakeScript script;
  script.runs_for = dice.one_in(4) ? dice.time(60 * pace.script) : dice.time(pace.script);
  if (dice.one_in(5)) script.ends_with.code = 1 + dice.up_to(254);
  if (dice.one_in(20)) script.ends_with = {ExitStatus::Kind::signalled, 1 + dice.up_to(14)};
  script.ignores_term = dice.one_in(4);
  script.survives_kill = dice.one_in(8);
  script.stalls = dice.one_in(12);
  script.cannot_start = dice.one_in(15);
  script.feeds = dice.one_in(6) ? 1 + dice.up_to(1) : 0;
  script.fed_run_for = dice.one_in(8) ? dice.time(60 * pace.script) : script.runs_for + dice.time(pace.script);
  if (dice.one_in(4)) script.fed_end_with.code = 1 + dice.up_to(254);
  script.leaves_behind = dice.one_in(5) ? 1 + dice.up_to(2) : 0;
  script.left_ignore_term = dice.one_in(3);
  script.left_survive_kill = dice.one_in(6);
  script.version = static_cast<std::uint64_t>(1 + dice.up_to(3));
  return script;
}

/// Where clocks of one of the zones are about to change.
WallTime random_start(Dice& dice) {
  static const std::vector<std::chrono::sys_seconds> changes{
      std::chrono::sys_days(std::chrono::year(2026) / 3 / 29) + 1h,  // Berlin, Dublin
      std::chrono::sys_days(std::chrono::year(2026) / 10 / 25) + 1h,
      std::chrono::sys_days(std::chrono::year(2026) / 3 / 8) + 7h,  // New York
      std::chrono::sys_days(std::chrono::year(2026) / 11 / 1) + 6h,
      std::chrono::sys_days(std::chrono::year(2026) / 4 / 4) + 15h,    // Lord Howe
      std::chrono::sys_days(std::chrono::year(2011) / 12 / 30) + 10h,  // Apia
      std::chrono::sys_days(std::chrono::year(1993) / 8 / 21) + 12h,   // Kwajalein
      cron::restless_from};
  if (dice.one_in(3)) return WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 23)) + dice.moment(day);
  return WallTime(dice.of(changes)) - dice.time(2 * day);
}

class Author {
public:
  explicit Author(std::uint64_t seed)
      : dice_(seed), pace_(paces()[dice_.one_in(40) ? 3 : static_cast<std::size_t>(dice_.up_to(2))]) {}

  Life write() {
    settings();
    const int hooks_with_scripts = 1 + dice_.up_to(4);
    for (int i = 0; i < hooks_with_scripts; ++i) put_script();
    if (dice_.one_in(6)) take_lanes();
    if (dice_.one_in(4)) add(act::RepeatAnswers{dice_.time(20s)});
    add(act::StartDaemon{});
    if (dice_.one_in(2)) add(act::WatchHooks{core::HooksWatched::By::events});
    for (int left = 3 + dice_.up_to(pace_.most_acts); left > 0 && after_ < life_.span; --left) {
      wait(left);
      if (after_ < life_.span) act_at_random();
    }
    return std::move(life_);
  }

private:
  void settings() {
    life_.start = random_start(dice_);
    life_.schedule = dice_.of(pace_.schedules);
    life_.zone = static_cast<std::size_t>(dice_.up_to(static_cast<int>(zones().size()) - 1));
    life_.span = pace_.least_span + dice_.moment(pace_.most_span - pace_.least_span);
    if (dice_.one_in(4)) life_.delay = dice_.time(100 * pace_.script);
    if (dice_.one_in(3)) life_.job.script_timeout = 1s + dice_.time(10 * pace_.script);
    if (dice_.one_in(3)) life_.job.run_timeout = 1s + dice_.time(20 * pace_.script);
    if (dice_.one_in(3)) life_.job.feed_timeout = 1s + dice_.time(20 * pace_.script);
    if (dice_.one_in(3)) life_.job.catch_up = dice_.time(pace_.most_span);
    life_.job.run_on_start = dice_.one_in(6);
    if (dice_.one_in(3)) life_.job.retries = static_cast<std::uint32_t>(dice_.up_to(4));
    life_.job.retry_delay = dice_.time(20 * pace_.script);
    life_.hooks.settle = dice_.one_in(4) ? dice_.time(5s) : core::HookSettings{}.settle;
    life_.hooks.poll = dice_.one_in(3) ? life_.span / (1 + dice_.up_to(500)) : Duration::zero();
    life_.grace = dice_.one_in(4) ? dice_.time(2min) : core::default_grace;
    if (!dice_.one_in(4)) life_.restarts_after = life_.span / (20 + dice_.up_to(1000));
  }

  // Much happens at once, or while something else does, or around a tick.
  void wait(int acts_left) {
    switch (dice_.up_to(6)) {
      case 0: return;
      case 1: return pass(dice_.time(100ms));
      case 2: return pass(dice_.time(20s));
      case 3: return pass(dice_.time(10 * pace_.script));
      case 4: {
        const auto tick = cron::next(schedule_of(schedule_.value_or(life_.schedule), life_.zone), wall());
        if (!tick) return;
        static const std::vector<Duration> around{-60ms, -50ms, -30ms, -1ms, -1ns, 0ns, 1ns, 1ms, 500ms, 2s};
        const Duration until = *tick - wall() + dice_.of(around);
        if (until > Duration::zero()) pass(until + (dice_.one_in(3) ? dice_.time(life_.delay) : Duration::zero()));
        return;
      }
      default: return pass(dice_.moment(2 * (life_.span - after_) / acts_left));
    }
  }

  void act_at_random() {
    switch (dice_.up_to(29)) {
      case 0:
      case 1:
      case 2: return step_clock();
      case 3: return add(act::TellOfStep{});
      case 4:
      case 5: return add(act::Reload{});
      case 6:
      case 7: return add(act::RequestRun{});
      case 8:
      case 9:
        put_script();
        if (!dice_.one_in(4)) add(act::TouchHooks{});
        return;
      case 10:
        add(act::RemoveScript{random_hook(), random_name()});
        if (!dice_.one_in(4)) add(act::TouchHooks{});
        return;
      case 11: return add(act::TouchHooks{});
      case 12:
        return add(act::WatchHooks{dice_.one_in(2) ? core::HooksWatched::By::events : core::HooksWatched::By::polling});
      case 13:
      case 14:
        if (dice_.one_in(8)) return add(act::SpoilSchedule{});
        schedule_ = dice_.of(pace_.schedules);
        return add(act::ChangeSchedule{*schedule_});
      case 15:
      case 16: return take_lanes();
      case 17: return add(act::RepeatAnswers{dice_.one_in(2) ? std::nullopt : std::optional(dice_.time(pace_.script))});
      case 18:
      case 19:
        add(act::FailStore{1 + dice_.up_to(12), dice_.one_in(3) ? MemoryStore::Lasts::on : MemoryStore::Lasts::once});
        return;
      case 20: return add(act::MendStore{});
      case 21: return add(act::FailAction{1 + dice_.up_to(5)});
      case 22:
        if (dice_.one_in(2)) return add(act::Kill{});
        return add(act::KillAtAction{1 + dice_.up_to(60)});
      case 23:
      case 24:
        add(act::Terminate{});
        if (!dice_.one_in(3)) return;
        pass(dice_.time(30s));
        return add(act::Terminate{});
      case 25: return add(act::BeginForeignRun{});
      case 26:
        if (dice_.one_in(3)) return add(act::KillForeignRun{});
        return add(act::EndForeignRun{});
      case 27:
        if (dice_.one_in(3)) return add(act::RemoveVariables{});
        return add(act::StartSecondDaemon{});
      case 28:
        if (dice_.one_in(3)) return add(act::StartOnce{});
        return add(act::StartDaemon{});
      default: return add(act::StartDaemon{});
    }
  }

  // Of any size and sign; far ones are rare where they mean very many ticks.
  void step_clock() {
    Duration by = dice_.one_in(6) ? dice_.time(10 * pace_.step) : dice_.time(pace_.step);
    if (dice_.one_in(6))
      by = core::clock_step_limit + (dice_.one_in(2) ? 1ms : Duration::zero()) - 1ms * dice_.up_to(2);
    // Less than what is noticed by itself, which adds up.
    if (dice_.one_in(5)) by = dice_.time(1s);
    if (dice_.one_in(2)) by = -by;
    // Where the calendars of all zones are known.
    if (wall() + by < WallTime(std::chrono::sys_days(std::chrono::year(1971) / 1 / 1))) by = -by;
    if (wall() + by > WallTime(std::chrono::sys_days(std::chrono::year(2200) / 1 / 1))) by = -by;
    add(act::StepClock{by});
    stepped_ += by;
    if (dice_.one_in(3)) return;
    if (dice_.one_in(2)) pass(dice_.time(pace_.script));
    add(act::TellOfStep{});
  }

  void take_lanes() {
    const act::Lane lane = dice_.one_in(2) ? act::Lane::hooks : act::Lane::store;
    std::optional<Duration> takes = dice_.one_in(2) ? Duration::zero() : dice_.time(dice_.one_in(3) ? 100s : 200ms);
    if (dice_.one_in(12)) takes.reset();
    add(act::SlowLane{lane, takes});
  }

  core::Hook random_hook() {
    // An install that fails ends most stories before they begin.
    if (dice_.one_in(10)) return core::Hook::install_dependencies;
    return core::all_hooks[static_cast<std::size_t>(1 + dice_.up_to(3))];
  }
  std::string random_name() { return std::to_string(1 + dice_.up_to(2)); }

  void put_script() { add(act::PutScript{random_hook(), random_name(), random_script(dice_, pace_)}); }

  void add(Deed deed) { life_.acts.push_back({after_, std::move(deed)}); }
  void pass(Duration by) { after_ += by; }
  WallTime wall() const { return life_.start + after_ + stepped_; }

  Dice dice_;
  const Pace& pace_;
  Life life_;
  std::optional<std::string> schedule_;  // as changed
  Duration after_{};
  Duration stepped_{};
};

}  // namespace

Life life_of(std::uint64_t seed) {
  return Author(seed).write();
}

}  // namespace sidefridge::sim
