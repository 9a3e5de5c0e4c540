// scheduler.h - the one place that decides: events in, actions out.
//
// Its parts are values, each with a header that defines its states: Agenda (ticks, retries, what was missed),
// Preparation (whether install_dependencies has to run), KnownHooks (what there is to run), Execution (one run),
// Escalation (ending processes). The scheduler hands them each event, and then sees what is next. Two states are its
// own.
//
// The life of the daemon:
//
//   preparing  the first reading of the hooks, then install_dependencies; its failure ends the daemon
//   serving    ticks and requests lead to runs. After SIGTERM they do not, and once its work is done it leaves
//   leaving    everything that was started is being ended, and the last records are being stored
//   gone       Exit was given out
//
// Its work, one thing at a time:
//
//   idle       the next tick, retry or request will come
//   awaiting   a run was decided on, and the hooks are being read for it
//   executing  a run is under way, from its intent to its final record
//
// A tick that finds it at work is skipped, and recorded as that; so every tick leads to one record: of a run, or that
// it was skipped or missed. Records of ticks are given out in the order of the ticks: the store takes the newest one
// for how far the schedule has come, and what comes after it has no record when the daemon is killed. Answers may come
// at once, later, twice or never: see Serial and patience.h. tests/core/scheduler_test.cc is the table of life, work
// and event; docs/architecture.md has that of a run.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sidefridge/base/time.h"
#include "sidefridge/core/action.h"
#include "sidefridge/core/agenda.h"
#include "sidefridge/core/escalation.h"
#include "sidefridge/core/event.h"
#include "sidefridge/core/execution.h"
#include "sidefridge/core/job.h"
#include "sidefridge/core/known_hooks.h"
#include "sidefridge/core/patience.h"
#include "sidefridge/core/plan.h"
#include "sidefridge/core/preparation.h"
#include "sidefridge/core/run_ids.h"
#include "sidefridge/core/turn.h"
#include "sidefridge/cron/schedule.h"

namespace sidefridge::core {

/// Thread: any one. Never blocks, never reads a clock, does nothing by itself.
class Scheduler {
public:
  struct Settings {
    /// The ticks of a daemon; nothing: it prepares, does what Begun requests, and ends.
    std::optional<cron::Schedule> schedule{};
    Duration delay{};                         // of every tick: see Ticks
    std::optional<WallTime> settled_until{};  // ticks up to here are dealt with; nothing: this is the first daemon
    std::vector<RunRecord> owed{};            // see RunBook::take_owed()
    JobSettings job{};
    HookSettings hooks{};
    Duration grace = default_grace;  // what a run may still take after SIGTERM
    std::uint64_t id_seed = 0;       // see RunIds
  };

  explicit Scheduler(Settings settings);

  /// Steps on one event that happened at `now`. Requires: Begun comes once, and before it nothing but HooksWatched.
  /// Returns: what to do, in order. Exit is the last action ever given out.
  [[nodiscard]] std::vector<Action> on(const Event& event, Now now);

  /// When to send TimePassed at the latest, by each clock; nothing: no need.
  std::optional<WallTime> wall_deadline() const noexcept;
  std::optional<MonoTime> mono_deadline() const noexcept;

  /// "serving, running": for tests and their stories.
  std::string state_name() const;

private:
  struct Preparing {};
  struct Serving {};
  struct Leaving {
    Escalation escalation;
    bool processes_over;  // gone, or given up
    Serial flush;
    bool flushed;
    MonoTime flush_deadline;
  };
  struct Gone {};

  struct Idle {};
  struct AwaitingHooks {
    Plan plan;
    Serial reading;
  };
  struct Executing {
    Execution execution;
    std::optional<Plan> held;  // the run that waits for a changed install_dependencies to succeed
  };

  struct Reload {
    Request request;
    Serial reading;
  };

  void handle(const Begun&, Turn&);
  void handle(const TimePassed&, Turn&) noexcept {}
  void handle(const ClockStepped&, Turn&);
  void handle(const StopRequested&, Turn&);
  void handle(const ReloadRequested&, Turn&);
  void handle(const RunRequested&, Turn&);
  void handle(const HooksTouched&, Turn&);
  void handle(const HooksWatched&, Turn&);
  void handle(const HooksRead&, Turn&);
  void handle(const HooksUnreadable&, Turn&);
  void handle(const ScheduleRead&, Turn&);
  void handle(const ScheduleUnreadable&, Turn&);
  void handle(const RunBegun&, Turn&);
  void handle(const RunBusy&, Turn&);
  void handle(const RunUnrecorded&, Turn&);
  void handle(const ScriptFeeds&, Turn&);
  void handle(const ScriptEnded&, Turn&);
  void handle(const ProcessesAlive&, Turn&);
  void handle(const OrphansReaped&, Turn&);
  void handle(const RunRecorded&, Turn&);
  void handle(const RecordsFlushed&, Turn&);

  void notice_clock(Duration least_step, Turn&);
  void on_time(Turn&);
  void advance(Turn&);
  bool advance_work(Turn&);
  bool begin_next(Turn&);
  void skip_due_ticks(Turn&);
  std::string why_busy() const;

  void plan(Plan, Turn&);
  void begin(Plan, Turn&);
  void execute(const Plan&, std::optional<Plan> held, Turn&);
  std::string why_it_cannot_begin(const Plan&) const;
  void after(const Executing&, Turn&);
  void after_busy(const Plan&, int holder_pid, Turn&);
  void after_install(const Executing&, Turn&);
  void after_backup(const Executing&, Turn&);
  void after_preparation(Turn&);
  void retry_if_left(const Plan& failed, Turn&);
  void see_to_owed(Turn&);
  void after_lost(const Plan& lost, Turn&);
  void make_up(const Plan& ended, Turn&);

  RunRecord record_without_run(const Plan&, Outcome, std::string reason, const Turn&) const;
  bool tick_awaits_its_record() const noexcept;
  void record_in_order(RunRecord, Turn&);
  void record_later_ticks(Turn&);
  RunRecord skip(const Plan&, const std::string& reason, Turn&) const;
  void withdraw(const Plan&, Turn&);
  void miss(const Agenda::Missed&, const std::string& reason, Turn&);
  void answer(const std::optional<Request>&, Reply, Turn&);
  void answer_queue(Reply, Turn&);
  void answer_reloads(Turn&);

  void leave(Turn&);
  void exit_if_done(Turn&);

  bool is_idle() const noexcept { return std::holds_alternative<Idle>(work_); }
  bool is_preparing() const noexcept { return std::holds_alternative<Preparing>(life_); }
  bool is_leaving() const noexcept { return std::holds_alternative<Leaving>(life_); }
  bool begins_runs() const noexcept { return std::holds_alternative<Serving>(life_) && !shutdown_; }
  Execution* execution() noexcept;
  const Execution* execution() const noexcept;

  Settings settings_;
  Serial last_serial_ = 0;
  std::variant<Preparing, Serving, Leaving, Gone> life_;
  std::variant<Idle, AwaitingHooks, Executing> work_;
  std::optional<Agenda> agenda_;  // nothing: no schedule
  KnownHooks hooks_;
  Preparation preparation_;
  RunIds run_ids_;
  std::vector<RunRecord> later_ticks_;    // their records wait for that of an earlier one
  std::deque<Plan> queue_;                // runs that were asked for, or are owed
  std::vector<Reload> reloads_;           // not answered yet
  std::vector<Request> stops_;            // answered at the end
  std::optional<Shutdown> shutdown_;      // SIGTERM came
  std::optional<Duration> clock_offset_;  // wall minus monotonic time, as far as steps of it were noticed
  int exit_code_ = 0;
};

}  // namespace sidefridge::core
