// scheduler.h - the one place that decides: events in, actions out.
//
// The life of the process, as the scheduler's phases:
//
//   preparing  the first reading of the hooks, then install_dependencies; its failure ends the process
//   waiting    no run; the next tick, or the end, will come
//   beginning  a run was decided; its hooks are being read and its intent stored
//   poised     that is done, and its tick is about to come
//   running    a script of the run runs
//   ending     the running script was told to end: TERM, and KILL at its deadline
//   sweeping   the run's scripts are over; what they left behind is being ended the same way
//   leaving    the process ends; so does everything that it started
//   gone       Exit was given out
//
// Answers to actions may come at once or later, in any number of turns; ticks, signals and clock steps may come
// between any two of them. No run overlaps another: a tick outside `waiting` is skipped and recorded as such.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sidefridge/base/time.h"
#include "sidefridge/core/action.h"
#include "sidefridge/core/event.h"
#include "sidefridge/core/known_hooks.h"
#include "sidefridge/core/run.h"
#include "sidefridge/cron/schedule.h"
#include "sidefridge/cron/ticks.h"

namespace sidefridge::core {

/// How long a process that was told to end may take before it is killed.
inline constexpr Duration term_patience = std::chrono::seconds(5);

/// How long before its tick a run begins: to read the hooks and to store the intent takes the disk's time, and the
/// first script starts at the tick all the same.
inline constexpr Duration tick_lead = std::chrono::milliseconds(50);

/// No retry waits longer.
inline constexpr Duration longest_retry_delay = std::chrono::hours(1);

/// Thread: any one. Never blocks, never reads a clock, does nothing by itself.
class Scheduler {
public:
  struct Settings {
    /// The ticks of a daemon; nothing: one run at once, then the end with its outcome as exit code.
    std::optional<cron::Schedule> schedule;
    Duration grace = std::chrono::seconds(25);         // what a run may still take once we are told to end
    Duration script_timeout{};                         // zero: none
    Duration run_timeout{};                            // zero: none; for the chain, and then once more for on_error
    Duration settle = std::chrono::milliseconds(250);  // hooks are read once nothing has touched them for so long
    Duration poll{};   // how often they are read where no event tells of changes; zero: only before each run
    Duration delay{};  // of every tick: see Ticks
    bool run_on_start = false;
    Duration catch_up{};                    // how long ago a missed tick still counts; zero: none does
    std::optional<WallTime> settled_until;  // no tick up to here was missed; nothing: none ever was
    std::uint32_t retries = 0;              // how often a failed run is tried again, unless a tick comes first
    Duration retry_delay = std::chrono::seconds(10);  // before the first; each further one waits twice as long
  };

  explicit Scheduler(Settings settings);

  /// Steps on one event that happened at `now`. Requires: Begun comes once, and before it
  /// nothing but HooksWatched.
  /// Returns: what to do, in order. Exit is the last action ever given out.
  [[nodiscard]] std::vector<Action> on(const Event& event, Now now);

  /// When to send TimePassed at the latest, by each clock; nothing: no need.
  std::optional<WallTime> wall_deadline() const noexcept;
  std::optional<MonoTime> mono_deadline() const noexcept;

  /// Whether new runs may start: prepared, and not told to end.
  bool ready() const noexcept { return prepared_ && !stopping_; }

private:
  struct Plan {
    Trigger trigger;
    WallTime scheduled_at;
    WallTime due_at;  // when its first script is to start
    std::uint32_t attempt = 1;
  };

  enum class Phase { preparing, waiting, beginning, poised, running, ending, sweeping, leaving, gone };

  void handle(const Begun&);
  void handle(const TimePassed&);
  void handle(const ClockStepped&);
  void handle(const StopRequested&);
  void handle(const ReloadRequested&);
  void handle(const HooksTouched&);
  void handle(const HooksWatched&);
  void handle(const HooksRead&);
  void handle(const HooksUnreadable&);
  void handle(const ScheduleRead&);
  void handle(const ScheduleUnreadable&);
  void handle(const RunBegun&);
  void handle(const RunBusy&);
  void handle(const RunUnrecorded&);
  void handle(const ScriptEnded&);
  void handle(const ProcessesAlive&);
  void handle(const OrphansReaped&);

  void tick();
  std::optional<WallTime> find_missed_tick();
  /// The record of a plan that did not become a run.
  RunRecord record_without_run(const Plan& plan, Outcome outcome, std::string reason) const;
  void skip(const Plan& plan, const std::string& reason);
  std::uint32_t attempts_left(const RunRecord& run) const noexcept;
  void retry_later(const RunRecord& failed);
  void read_hooks();
  void plan_run(Plan plan);
  void begin_planned_run();
  void after_install(const RunRecord& install);
  bool is_early() const noexcept;
  void start_run_when_due();
  void start_run();
  void run_next_script();
  void save_steps();
  void end_script(StepOutcome outcome, std::string detail);
  void sweep();
  void finish_run();
  void after_preparation();
  void leave();
  void exit_now();
  void end_processes(Scope scope, Send send);
  void on_grace_over();
  void on_kill_deadline();
  void kill_at_once();
  void log(LogLevel level, std::string text);

  template <class A>
  void act(A action) {
    actions_.emplace_back(std::move(action));
  }

  Settings settings_;
  Phase phase_ = Phase::preparing;
  Now now_{};                    // of the event being handled
  std::vector<Action> actions_;  // being gathered for it

  bool prepared_ = false;
  bool stopping_ = false;
  int exit_code_ = 0;
  std::optional<cron::Ticks> ticks_;  // nothing: one run at once, then the end
  Duration clock_offset_{};           // wall minus monotonic time, as of the last event: a change of it is a step

  KnownHooks hooks_;
  std::uint64_t installed_digest_ = 0;   // of install_dependencies when it last succeeded
  std::uint64_t installing_digest_ = 0;  // of the one that runs, if one does

  std::optional<Plan> plan_;           // a run decided, waiting for its hooks
  std::optional<Plan> after_install_;  // a run decided, waiting for a changed install_dependencies to succeed
  std::optional<Plan> retry_;          // a run to try again when retry_deadline_ comes, unless a tick comes first
  std::optional<Run> run_;
  WallTime run_due_at_{};
  MonoTime run_started_{};
  MonoTime script_started_{};

  struct Ending {
    StepOutcome outcome;
    std::string detail;
  };
  std::optional<Ending> ending_;  // how the running script ends that we end
  Scope scope_ = Scope::run;      // whom the ending, sweep or leave under way is about
  Send sent_ = Send::nothing;     // the strongest they were sent
  bool survivors_told_ = false;   // whether the log knows of those found

  std::optional<MonoTime> retry_deadline_;
  std::optional<MonoTime> script_deadline_;
  std::optional<MonoTime> run_deadline_;
  std::optional<MonoTime> grace_deadline_;
  std::optional<MonoTime> kill_deadline_;
};

}  // namespace sidefridge::core
