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
#include <set>
#include <string>
#include <vector>

#include "sidefridge/core/action.h"
#include "sidefridge/core/cron_expression.h"
#include "sidefridge/core/event.h"
#include "sidefridge/core/run.h"
#include "sidefridge/core/time.h"

namespace sidefridge::core {

/// How long a process that was told to end may take before it is killed.
inline constexpr Duration term_patience = std::chrono::seconds(5);

/// How long before its tick a run begins: to read the hooks and to store the intent takes the disk's time, and the
/// first script starts at the tick all the same.
inline constexpr Duration tick_lead = std::chrono::milliseconds(50);

/// A wall clock stepped by this much or more starts the schedule anew (cron(8)'s three hours).
inline constexpr Duration clock_step_limit = std::chrono::hours(3);

/// Thread: any one. Never blocks, never reads a clock, does nothing by itself.
class Scheduler {
public:
  struct Settings {
    /// The ticks of a daemon; nothing: one run at once, then the end with its outcome as exit code.
    std::optional<CronExpression> schedule;
    Duration grace = std::chrono::seconds(25);  // what a run may still take once we are told to end
    Duration script_timeout{};                  // zero: none
    Duration run_timeout{};                     // zero: none; for the chain, and then once more for on_error
  };

  explicit Scheduler(Settings settings);

  /// Steps on one event that happened at `now`. Requires: Begun comes first, and once.
  /// Returns: what to do, in order. Exit is the last action ever given out.
  [[nodiscard]] std::vector<Action> on(const Event& event, Now now);

  /// When to send TimePassed at the latest, by each clock; nothing: no need.
  std::optional<WallTime> wall_deadline() const noexcept;
  std::optional<MonoTime> mono_deadline() const noexcept;

  /// Whether new runs may start: prepared, and not told to end.
  bool ready() const noexcept { return prepared_ && !stopping_; }

private:
  enum class Phase { preparing, waiting, beginning, poised, running, ending, sweeping, leaving, gone };

  void handle(const Begun&);
  void handle(const TimePassed&);
  void handle(const ClockStepped&);
  void handle(const StopRequested&);
  void handle(const ReloadRequested&);
  void handle(const HooksRead&);
  void handle(const HooksUnreadable&);
  void handle(const RunBegun&);
  void handle(const RunBusy&);
  void handle(const RunUnrecorded&);
  void handle(const ScriptEnded&);
  void handle(const ProcessesAlive&);
  void handle(const OrphansReaped&);

  void tick(WallTime at);
  void skip(WallTime at, const std::string& reason);
  void plan_run(Trigger trigger, WallTime at);
  void begin_planned_run();
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
  void complain_about(LogLevel level, const std::vector<std::string>& complaints, std::set<std::string>& heard);
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
  std::optional<WallTime> next_tick_at_;
  std::optional<WallTime> last_tick_at_;  // the latest instant that must not come again
  Duration clock_offset_{};               // wall minus monotonic time, as of the last event: a change of it is a step

  HookSet hooks_;                     // the last that could be read
  std::set<std::string> complaints_;  // about the hooks, at the last reading

  bool hooks_known_ = false;  // false: not one reading succeeded yet

  struct Plan {
    Trigger trigger;
    WallTime at;
  };
  std::optional<Plan> plan_;  // a run decided, waiting for its hooks
  std::optional<Run> run_;
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

  std::optional<MonoTime> script_deadline_;
  std::optional<MonoTime> run_deadline_;
  std::optional<MonoTime> grace_deadline_;
  std::optional<MonoTime> kill_deadline_;
};

}  // namespace sidefridge::core
