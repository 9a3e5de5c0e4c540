// execution.h - one run, from its intent to its final record.
//
//   recording  the intent was given to the store; no script has started
//   poised     the intent is stored, and the tick is about to come
//   running    a script runs, or it has ended and what it feeds runs
//   ending     the script that runs is being ended: it timed out, or the daemon ends
//   sweeping   the scripts are over; what they left behind is being ended
//   finishing  the final record was given to the store
//   over       nothing more happens; outcome() says what to make of it
//
// A run that SIGTERM meets before its first script has begun nothing: it is withdrawn, and recorded as skipped. From
// then on it goes on within the grace. Of a lost run only on_error is left, and its record stays that of a lost run.
// Being over does not depend on anybody's answer: each state has a deadline, or waits for a script, which has one if
// the user wants it and at the latest when the daemon ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "sidefridge/base/time.h"
#include "sidefridge/core/action.h"
#include "sidefridge/core/escalation.h"
#include "sidefridge/core/event.h"
#include "sidefridge/core/job.h"
#include "sidefridge/core/patience.h"
#include "sidefridge/core/plan.h"
#include "sidefridge/core/run.h"
#include "sidefridge/core/turn.h"

namespace sidefridge::core {

class Execution {
public:
  struct Settings {
    Duration script_timeout{};        // zero: none
    Duration run_timeout{};           // zero: none
    std::uint32_t attempts_left = 0;  // how often the run is tried again at most if it fails; scripts are told
    std::string cannot_begin{};       // why no script of the chain can run; empty: they can
    Duration feed_timeout = JobSettings{}.feed_timeout;
  };

  enum class End {
    finished,   // it has a final record: succeeded, failed or interrupted
    withdrawn,  // SIGTERM came before its first script; recorded as skipped
    busy,       // another process runs one in the state folder; nothing was recorded
  };
  struct Over {
    End end;
    int holder_pid = 0;  // of End::busy
  };

  /// Gives out BeginRun.
  Execution(Plan plan, const std::string& run_id, const HookSet& hooks, Settings settings, Turn& turn);

  void on(const RunBegun& begun, Turn& turn);
  void on(const RunBusy& busy, Turn& turn);
  void on(const RunUnrecorded& unrecorded, Turn& turn);
  void on(const ScriptFeeds& feeds, Turn& turn);
  void on(const ScriptEnded& ended, Turn& turn);
  void on(const ProcessesAlive& alive, Turn& turn);
  void on(const OrphansReaped& reaped, Turn& turn);
  void on(const RunRecorded& recorded, Turn& turn);
  /// A deadline may have come, or the wall clock was stepped.
  void on_time(Turn& turn);

  /// The daemon ends: all is over by these deadlines. Called again for a second SIGTERM, with earlier ones.
  void shut_down(const Shutdown& shutdown, Turn& turn);

  std::optional<WallTime> wall_deadline() const noexcept;
  std::optional<MonoTime> mono_deadline() const noexcept;

  const Over* over() const noexcept { return std::get_if<Over>(&state_); }
  /// Whether a script has started: what SIGTERM does not withdraw any more.
  bool begun() const noexcept { return begun_; }
  /// Whether its intent is stored, or its final record was given out.
  bool recorded() const noexcept;
  const Plan& plan() const noexcept { return plan_; }
  const RunRecord& record() const noexcept { return run_.record(); }
  /// The state's name, for tests and their stories.
  const char* state_name() const noexcept;

private:
  struct Recording {
    Serial awaited;
    MonoTime deadline;
  };
  struct Poised {};
  struct Running {
    Serial awaited;
    std::optional<MonoTime> deadline;
    bool feeds = false;                       // the script's process has ended, and what it feeds has not
    std::optional<MonoTime> feed_deadline{};  // for that
  };
  struct Ending {
    Serial awaited;  // of the script
    StepOutcome outcome;
    std::string detail;
    Escalation escalation;
  };
  struct Sweeping {
    Escalation escalation;
  };
  struct Finishing {
    Serial awaited;
    MonoTime deadline;
    End end;
  };
  using State = std::variant<Recording, Poised, Running, Ending, Sweeping, Finishing, Over>;

  void cannot_begin(std::string reason);
  void start_when_due(Turn& turn);
  void start(Turn& turn);
  void limit_run(Turn& turn) noexcept;
  void run_next_script(Turn& turn);
  void save_steps(Turn& turn);
  void end_script(StepOutcome outcome, std::string detail, Scope scope, Turn& turn);
  void script_over(ScriptResult result, Turn& turn);
  void sweep(Turn& turn);
  void finish(Turn& turn);
  void withdraw(Turn& turn);
  void record(End end, Turn& turn);
  void interrupt(Turn& turn);
  std::string why_interrupted() const;
  WallTime run_clock(const Turn& turn) const noexcept;

  Plan plan_;
  Settings settings_;
  Run run_;
  bool begun_ = false;
  WallTime began_at_{};  // both: when its first script was due, or started
  MonoTime began_mono_{};
  MonoTime script_began_{};
  std::optional<MonoTime> run_deadline_;
  std::optional<Shutdown> shutdown_;
  bool shut_down_again_ = false;
  bool grace_over_ = false;
  Serial begin_serial_ = 0;
  State state_;
};

}  // namespace sidefridge::core
