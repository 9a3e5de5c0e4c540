// life.cc - plays a life act by act.
#include "tests/sim/life.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "sidefridge/base/check.h"
#include "sidefridge/cron/cron_expression.h"
#include "tests/cron/cron_zones.h"

namespace sidefridge::sim {
namespace {

using namespace std::chrono_literals;
using core::RunBook;

constexpr int foreign_once_pid = 4712;
constexpr int second_daemon_pid = 4713;

}  // namespace

const std::vector<cron::Zone>& zones() {
  static const std::vector<cron::Zone> all = cron::all_test_zones();
  return all;
}

cron::Schedule schedule_of(const std::string& text, std::size_t zone) {
  auto expression = cron::parse_cron(text);
  check(expression.ok(), "the schedule of a life can be read");
  return {text, *expression, zones()[zone]};
}

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

  core::Scheduler::Settings settings(std::optional<cron::Schedule> schedule) const {
    core::Scheduler::Settings settings;
    settings.schedule = std::move(schedule);
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
        if (next == restart) guarded([&] { start_daemon(); });
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

  void start_daemon() { start(settings(schedule_of(schedule_, life_.zone))); }

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

  void carry_out(const act::StartDaemon&) { start_daemon(); }
  void carry_out(const act::StartOnce&) { start(settings(std::nullopt)); }
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
    start_daemon();
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

}  // namespace sidefridge::sim
