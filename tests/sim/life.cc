// life.cc - plays a life act by act, tells it, and cuts it down.
#include "tests/sim/life.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "sidefridge/base/check.h"
#include "sidefridge/base/overloaded.h"
#include "sidefridge/cron/cron_expression.h"
#include "sidefridge/text/time_format.h"
#include "tests/cron/cron_zones.h"

namespace sidefridge::sim {
namespace {

using namespace std::chrono_literals;
using core::RunBook;

constexpr int foreign_once_pid = 4712;
constexpr int second_daemon_pid = 4713;

const std::vector<cron::Zone>& zones() {
  static const std::vector<cron::Zone> all = cron::all_test_zones();
  return all;
}

}  // namespace

cron::Schedule schedule_of(const std::string& text, std::size_t zone) {
  auto expression = cron::parse_cron(text);
  check(expression.ok(), "the schedule of a life can be read");
  return {text, *expression, zones()[zone]};
}

// ---- playing

namespace {

class Player {
public:
  explicit Player(const Life& life) : life_(life), schedule_(life.schedule), wall_(life.start) {}

  Played play() {
    for (const Act& act : life_.acts) {
      pass_until(std::min(act.after, life_.span));
      if (!well()) return give();
      std::visit([this](const auto& deed) { guarded([&] { carry_out(deed); }); }, act.deed);
      notice_end();
    }
    pass_until(life_.span);
    end_well();
    return give();
  }

private:
  bool well() const { return played_.violations.empty(); }

  Played give() {
    played_.lasted = elapsed_;
    return std::move(played_);
  }

  core::Scheduler::Settings settings() const {
    core::Scheduler::Settings settings;
    settings.schedule = schedule_of(schedule_, life_.zone);
    settings.delay = life_.delay;
    settings.job = life_.job;
    settings.hooks = life_.hooks;
    settings.grace = life_.grace;
    // Apart from those of the daemons before it, as random ones are.
    settings.id_seed = static_cast<std::uint64_t>(played_.daemons) * 7919;
    return settings;
  }

  // ---- time

  void pass_until(Duration until) {
    while (elapsed_ < until && well()) {
      Duration next = until;
      if (!world_ && life_.restarts_after) {
        const Duration restart = std::max(gone_since_ + *life_.restarts_after, elapsed_ + 1ns);
        next = std::min(next, restart);
        pass(next - elapsed_);
        if (next == restart) guarded([&] { start(settings()); });
      } else {
        pass(next - elapsed_);
      }
      notice_end();
    }
  }

  void pass(Duration by) {
    if (!world_) {
      wall_ += by;
      elapsed_ += by;
      return;
    }
    const MonoTime before = world_->now().mono;
    guarded([&] { world_->advance(by); });
    const Duration passed = world_->now().mono - before;
    elapsed_ += passed;
    wall_ = world_->now().wall;
    notice_end();
    if (passed < by && !world_) pass(by - passed);
  }

  template <class Doing>
  void guarded(const Doing& doing) {
    try {
      doing();
    } catch (const Crash&) {
      ++played_.crashes;
      crashed_ = true;
    }
  }

  // ---- daemons

  void start(core::Scheduler::Settings settings) {
    if (world_) return;
    const auto owner = settings.schedule ? RunBook::Owner::daemon : RunBook::Owner::once;
    gone_since_ = elapsed_;
    auto opened = open_book(store_, owner, wall_);
    if (!opened) {
      const bool foreign = opened.error().code == ErrorCode::busy && foreign_;
      if (!foreign && !store_.folder.fault_struck()) violated("a daemon cannot start: " + opened.error().text);
      return;
    }
    ++played_.daemons;
    world_ = std::make_unique<SimWorld>(std::move(settings), wall_, store_, *std::move(opened));
    world_->forget_as_you_go();
    world_->scripts = tree_;
    world_->store_takes = [this] { return store_takes_; };
    world_->hooks_take = [this] { return hooks_take_; };
    world_->comes_twice = [this] { return comes_twice_; };
    if (kill_at_action_ > 0) world_->crash_at_action(std::exchange(kill_at_action_, 0));
    world_->start();
  }

  /// Takes note of a daemon that is gone, and of what it left.
  void notice_end() {
    if (!world_) return;
    for (const std::string& violation : world_->violations()) violated(violation);
    if (!crashed_ && !world_->exit_code() && well()) return;
    wall_ = world_->now().wall;
    played_.events += world_->events();
    played_.actions += world_->actions();
    if (world_->gave_up_records()) store_.ledger.forgive_gaps();
    world_.reset();
    crashed_ = false;
    gone_since_ = elapsed_;
    if (!well()) return;
    for (const std::string& complaint : store_.ledger.end(store_.folder.history())) violated(complaint);
  }

  void violated(const std::string& what) { played_.violations.push_back(what); }

  // ---- acts

  void carry_out(const act::StartDaemon&) { start(settings()); }
  void carry_out(const act::StartOnce&) {
    core::Scheduler::Settings once = settings();
    once.schedule.reset();
    start(std::move(once));
  }
  void carry_out(const act::Kill&) {
    if (world_) throw Crash{};
  }
  void carry_out(const act::KillAtAction& deed) {
    if (world_) {
      world_->crash_at_action(deed.count);
    } else {
      kill_at_action_ = deed.count;
    }
  }
  void carry_out(const act::Terminate&) {
    if (world_) world_->stop();
  }
  void carry_out(const act::Reload&) {
    if (world_) world_->reload();
  }
  void carry_out(const act::RequestRun&) {
    if (world_) world_->request_run();
  }
  void carry_out(const act::StepClock& deed) {
    wall_ += deed.by;
    if (world_) world_->step_wall_clock_untold(deed.by);
  }
  void carry_out(const act::TellOfStep&) {
    if (world_) world_->tell_of_step();
  }
  void carry_out(const act::PutScript& deed) {
    tree_[deed.hook][deed.name] = deed.script;
    if (world_) world_->scripts = tree_;
  }
  void carry_out(const act::RemoveScript& deed) {
    tree_[deed.hook].erase(deed.name);
    if (world_) world_->scripts = tree_;
  }
  void carry_out(const act::TouchHooks&) {
    if (world_) world_->touch();
  }
  void carry_out(const act::WatchHooks& deed) {
    if (world_) world_->watch(deed.by);
  }
  void carry_out(const act::ChangeSchedule& deed) {
    schedule_ = deed.text;
    if (world_) world_->change_schedule(schedule_of(schedule_, life_.zone));
  }
  void carry_out(const act::SpoilSchedule&) {
    if (world_) world_->spoil_schedule();
  }
  void carry_out(const act::SlowLane& deed) {
    (deed.lane == act::Lane::store ? store_takes_ : hooks_take_) = deed.takes;
  }
  void carry_out(const act::RepeatAnswers& deed) { comes_twice_ = deed.later; }
  void carry_out(const act::FailStore& deed) {
    ++played_.faults;
    store_.folder.fail_call(deed.nth, Error{ErrorCode::full, "no space left"}, deed.lasts);
  }
  void carry_out(const act::MendStore&) { store_.folder.mend(); }
  void carry_out(const act::FailAction& deed) {
    ++played_.faults;
    if (world_) world_->fail_call(deed.nth);
  }
  void carry_out(const act::RemoveVariables&) { store_.folder.remove_variables(); }

  void carry_out(const act::BeginForeignRun&) {
    if (foreign_) return;
    auto opened = open_book(store_, RunBook::Owner::once, wall_, foreign_once_pid);
    if (!opened) return;
    foreign_.emplace(std::move(opened->book));
    foreign_run_.run_id = "foreign-" + std::to_string(++foreign_runs_);
    foreign_run_.trigger = core::Trigger::manual;
    foreign_run_.outcome = core::Outcome::running;
    foreign_run_.scheduled_at = foreign_run_.started_at = wall_;
    if (std::holds_alternative<RunBook::Begun>(foreign_->begin(foreign_run_))) return;
    foreign_.reset();
  }
  void carry_out(const act::EndForeignRun&) {
    if (!foreign_) return;
    foreign_run_.outcome = core::Outcome::succeeded;
    foreign_run_.finished_at = foreign_run_.started_at;
    static_cast<void>(foreign_->finish(foreign_run_));
    foreign_.reset();
  }
  void carry_out(const act::KillForeignRun&) { foreign_.reset(); }
  void carry_out(const act::StartSecondDaemon&) {
    const bool held = store_.folder.holder(core::RunStore::Lock::daemon).has_value();
    if (!held) return;
    const auto second = open_book(store_, RunBook::Owner::daemon, wall_, second_daemon_pid);
    if (second) {
      violated("a second daemon has opened the folder");
    } else if (second.error().code != ErrorCode::busy && !store_.folder.fault_struck()) {
      violated("a second daemon is told '" + second.error().text + "'");
    }
  }

  // ---- the end

  void end_well() {
    store_.folder.mend();
    foreign_.reset();
    store_takes_ = hooks_take_ = Duration::zero();
    comes_twice_.reset();
    kill_at_action_ = 0;
    if (world_) {
      world_->crash_at_action(0);
      end_daemon();
    }
    if (!well()) return;
    tree_.clear();
    start(settings());
    if (!world_) return violated("no healthy daemon can start");
    pass(10s);
    if (!world_) return;
    if (const auto complaint = store_.ledger.expect_all_until(wall_)) violated(*complaint);
    end_daemon();
    if (well()) check_history();
  }

  void end_daemon() {
    world_->stop();
    pass(life_.grace + core::ending_patience + 1s);
    notice_end();
    if (world_) violated("a daemon outlives SIGTERM");
  }

  void check_history() {
    std::set<std::string> ids;
    for (const auto& [sequence, record] : store_.folder.history()) {
      const std::string which = "record " + std::to_string(sequence);
      if (record.outcome == core::Outcome::running) violated(which + " says running for ever");
      if (record.outcome != core::Outcome::succeeded && record.reason.empty()) violated(which + " has no reason");
      if (!record.run_id.empty() && !ids.insert(record.run_id).second) {
        violated(which + " has the id of another run: " + record.run_id);
      }
    }
    if (!store_.folder.namespaces().empty()) violated("variables of a run outlive it");
    played_.runs = ids.size();
  }

  const Life& life_;
  std::string schedule_;
  WallTime wall_;
  Duration elapsed_{};
  Duration gone_since_{};
  SimStore store_;
  HookTree tree_;
  std::optional<Duration> store_takes_ = Duration::zero();
  std::optional<Duration> hooks_take_ = Duration::zero();
  std::optional<Duration> comes_twice_;
  int kill_at_action_ = 0;
  bool crashed_ = false;
  std::optional<RunBook> foreign_;
  core::RunRecord foreign_run_;
  int foreign_runs_ = 0;
  std::unique_ptr<SimWorld> world_;
  Played played_;
};

}  // namespace

Played play(const Life& life) {
  return Player(life).play();
}

// ---- telling

namespace {

std::string shown(Duration duration) {
  if (duration < Duration::zero()) return "-" + shown(-duration);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  std::string text = std::to_string(seconds.count());
  std::string fraction = std::to_string((duration - seconds).count());
  fraction.insert(0, 9 - fraction.size(), '0');
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return text + (fraction.empty() ? "" : "." + fraction) + " s";
}

std::string shown(const std::optional<Duration>& duration) {
  return duration ? shown(*duration) : "for ever";
}

std::string shown(const FakeScript& script) {
  std::string text = "runs " + shown(script.runs_for);
  if (script.ends_with != ExitStatus{}) text += ", fails";
  if (script.ignores_term) text += ", ignores SIGTERM";
  if (script.survives_kill) text += ", survives SIGKILL";
  if (script.stalls) text += ", its output stalls";
  if (script.cannot_start) text += ", cannot start";
  if (script.leaves_behind > 0) {
    text += ", leaves " + std::to_string(script.leaves_behind) + " behind";
    if (script.left_ignore_term) text += " that ignore SIGTERM";
    if (script.left_survive_kill) text += " that survive SIGKILL";
  }
  return text + ", version " + std::to_string(script.version);
}

std::string tag(core::Hook hook, const std::string& name) {
  return std::string(core::name_of(hook)) + "/" + name;
}

std::string told(const Deed& deed) {
  return std::visit(
      Overloaded{
          [](const act::StartDaemon&) { return std::string("a daemon starts"); },
          [](const act::StartOnce&) { return std::string("once starts"); },
          [](const act::Kill&) { return std::string("it is killed"); },
          [](const act::KillAtAction& its) { return "it is killed at action " + std::to_string(its.count); },
          [](const act::Terminate&) { return std::string("SIGTERM"); },
          [](const act::Reload&) { return std::string("SIGHUP"); },
          [](const act::RequestRun&) { return std::string("a run is requested"); },
          [](const act::StepClock& its) { return "the wall clock is set by " + shown(its.by); },
          [](const act::TellOfStep&) { return std::string("the daemon is told of the clock"); },
          [](const act::PutScript& its) { return "script " + tag(its.hook, its.name) + ": " + shown(its.script); },
          [](const act::RemoveScript& its) { return "script " + tag(its.hook, its.name) + " is removed"; },
          [](const act::TouchHooks&) { return std::string("the hooks are touched"); },
          [](const act::WatchHooks& its) {
            return std::string("hooks are watched by ") +
                   (its.by == core::HooksWatched::By::events ? "events" : "polling");
          },
          [](const act::ChangeSchedule& its) { return "the schedule becomes '" + its.text + "'"; },
          [](const act::SpoilSchedule&) { return std::string("the file of the schedule holds none"); },
          [](const act::SlowLane& its) {
            return std::string(its.lane == act::Lane::store ? "the store" : "reading the hooks") + " takes " +
                   shown(its.takes);
          },
          [](const act::RepeatAnswers& its) {
            return its.later ? "answers come once more " + shown(*its.later) + " later" : "answers come once";
          },
          [](const act::FailStore& its) {
            return "call " + std::to_string(its.nth) + " of the store fails" +
                   (its.lasts == MemoryStore::Lasts::on ? ", and all after it" : "");
          },
          [](const act::MendStore&) { return std::string("the store works again"); },
          [](const act::FailAction& its) { return "action " + std::to_string(its.nth) + " of those that can fails"; },
          [](const act::RemoveVariables&) { return std::string("somebody removes the variables"); },
          [](const act::BeginForeignRun&) { return std::string("another process begins a run"); },
          [](const act::EndForeignRun&) { return std::string("the other process ends its run"); },
          [](const act::KillForeignRun&) { return std::string("the other process is killed"); },
          [](const act::StartSecondDaemon&) { return std::string("a second daemon tries to start"); },
      },
      deed);
}

}  // namespace

std::string story_of(const Life& life) {
  std::string text = "schedule '" + life.schedule + "' in " + zones()[life.zone].name();
  if (life.delay > 0s) text += ", delay " + shown(life.delay);
  if (life.job.script_timeout > 0s) text += ", a script may take " + shown(life.job.script_timeout);
  if (life.job.run_timeout > 0s) text += ", a run may take " + shown(life.job.run_timeout);
  if (life.job.catch_up > 0s) text += ", catches up " + shown(life.job.catch_up);
  if (life.job.run_on_start) text += ", runs on start";
  if (life.job.retries > 0) {
    text += ", " + std::to_string(life.job.retries) + " retries after " + shown(life.job.retry_delay);
  }
  text +=
      ", settles " + shown(life.hooks.settle) + ", polls " + shown(life.hooks.poll) + ", grace " + shown(life.grace);
  if (life.restarts_after) text += ", started again after " + shown(*life.restarts_after);
  text += "\n";
  WallTime wall = life.start;
  Duration elapsed{};
  for (const Act& act : life.acts) {
    wall += act.after - elapsed;
    elapsed = act.after;
    text += "  " + shown(act.after) + " (" + text::format_rfc3339(wall, text::Precision::milliseconds) + ")  " +
            told(act.deed) + "\n";
    if (const auto* const step = std::get_if<act::StepClock>(&act.deed)) wall += step->by;
  }
  return text + "  " + shown(life.span) + " (" +
         text::format_rfc3339(wall + (life.span - elapsed), text::Precision::milliseconds) + ")  the end\n";
}

// ---- cutting down

namespace {

class Shrinker {
public:
  Shrinker(Life life, const std::function<bool(const Life&)>& goes_wrong, int tries)
      : life_(std::move(life)), goes_wrong_(goes_wrong), tries_(tries) {}

  Life shrink() {
    bool smaller = true;
    while (smaller && tries_ > 0) {
      smaller = false;
      smaller |= drop_acts();
      smaller |= simplify_settings();
      smaller |= simplify_acts();
    }
    return std::move(life_);
  }

private:
  // Returns: whether it is taken.
  bool take_if_wrong(Life candidate) {
    if (tries_ <= 0) return false;
    --tries_;
    if (!goes_wrong_(candidate)) return false;
    life_ = std::move(candidate);
    return true;
  }

  // Delta debugging: without ever smaller parts.
  bool drop_acts() {
    bool dropped = false;
    for (std::size_t size = std::max<std::size_t>(life_.acts.size() / 2, 1); size > 0; size /= 2) {
      for (std::size_t first = 0; first < life_.acts.size();) {
        Life candidate = life_;
        const auto begin = candidate.acts.begin() + static_cast<std::ptrdiff_t>(first);
        const auto count = std::min(size, candidate.acts.size() - first);
        candidate.acts.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
        if (take_if_wrong(std::move(candidate))) {
          dropped = true;
        } else {
          first += size;
        }
      }
    }
    return dropped;
  }

  // Returns: whether `simpler` makes another life of it that still goes wrong.
  template <class Simpler>
  bool simplify(const Simpler& simpler) {
    Life candidate = life_;
    simpler(candidate);
    if (story_of(candidate) == story_of(life_)) return false;
    return take_if_wrong(std::move(candidate));
  }

  bool simplify_settings() {
    bool simpler = false;
    const Duration last = life_.acts.empty() ? Duration::zero() : life_.acts.back().after;
    simpler |= simplify([&](Life& life) { life.span = last; });
    for (int i = 0; i < 8; ++i) simpler |= simplify([&](Life& life) { life.span = last + (life.span - last) / 2; });
    simpler |= simplify([](Life& life) { life.zone = 0; });
    simpler |= simplify([](Life& life) { life.delay = {}; });
    simpler |= simplify([](Life& life) { life.job = {}; });
    simpler |= simplify([](Life& life) { life.job.script_timeout = {}; });
    simpler |= simplify([](Life& life) { life.job.run_timeout = {}; });
    simpler |= simplify([](Life& life) { life.job.catch_up = {}; });
    simpler |= simplify([](Life& life) { life.job.run_on_start = false; });
    simpler |= simplify([](Life& life) { life.job.retries = 0; });
    simpler |= simplify([](Life& life) { life.job.retry_delay = 10s; });
    simpler |= simplify([](Life& life) { life.hooks.poll = {}; });
    simpler |= simplify([](Life& life) { life.hooks.settle = core::HookSettings{}.settle; });
    simpler |= simplify([](Life& life) { life.grace = core::default_grace; });
    simpler |= simplify([](Life& life) { life.restarts_after.reset(); });
    // Only while there are not too many ticks to play.
    const std::vector<std::pair<const char*, Duration>> plain{
        {"0 3 * * *", 24h}, {"0 * * * *", 1h}, {"* * * * *", 1min}, {"* * * * * *", 1s}};
    for (const auto& [schedule, every] : plain) {
      if (life_.span / every > 10'000) break;
      simpler |= simplify([&, text = schedule](Life& life) { life.schedule = text; });
    }
    for (const Duration unit : {Duration(24h), Duration(1h), Duration(1min), Duration(1s)}) {
      simpler |= simplify([&](Life& life) {
        const auto since_1970 = life.start.time_since_epoch();
        life.start = WallTime(since_1970 - since_1970 % unit);
      });
    }
    return simpler;
  }

  bool simplify_acts() {
    bool simpler = false;
    for (std::size_t i = 0; i < life_.acts.size(); ++i) {
      // Everything from it on comes sooner.
      const Duration before = i == 0 ? Duration::zero() : life_.acts[i - 1].after;
      for (const Duration gap : {Duration::zero(), (life_.acts[i].after - before) / 2}) {
        simpler |= simplify([&](Life& life) {
          const Duration sooner = life.acts[i].after - before - gap;
          for (std::size_t j = i; j < life.acts.size(); ++j) life.acts[j].after -= sooner;
          life.span -= sooner;
        });
      }
      for (const Duration unit : {Duration(1h), Duration(1min), Duration(1s), Duration(1ms)}) {
        simpler |= simplify([&](Life& life) {
          const Duration rounded = life.acts[i].after - life.acts[i].after % unit;
          life.acts[i].after = std::max(rounded, before);
        });
      }
      simpler |= simplify_deed(i);
    }
    return simpler;
  }

  template <class Simpler>
  bool simplify_script_of(std::size_t i, const Simpler& simpler) {
    return simplify([&](Life& life) {
      if (auto* const put = std::get_if<act::PutScript>(&life.acts[i].deed)) simpler(put->script);
    });
  }

  bool simplify_deed(std::size_t i) {
    bool simpler = false;
    simpler |= simplify_script_of(i, [](FakeScript& script) { script = {}; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.runs_for = 1s; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.runs_for -= script.runs_for % 1s; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.ends_with = {}; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.ignores_term = false; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.survives_kill = false; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.stalls = false; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.leaves_behind = 0; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.leaves_behind = 1; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.left_ignore_term = false; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.left_survive_kill = false; });
    simpler |= simplify_script_of(i, [](FakeScript& script) { script.version = 1; });
    for (const Duration unit : {Duration(24h), Duration(1h), Duration(1min), Duration(1s)}) {
      simpler |= simplify([&](Life& life) {
        if (auto* const step = std::get_if<act::StepClock>(&life.acts[i].deed)) step->by -= step->by % unit;
      });
    }
    return simpler;
  }

  Life life_;
  const std::function<bool(const Life&)>& goes_wrong_;
  int tries_;
};

}  // namespace

Life shrink(Life life, const std::function<bool(const Life&)>& goes_wrong, int tries) {
  return Shrinker(std::move(life), goes_wrong, tries).shrink();
}

}  // namespace sidefridge::sim
