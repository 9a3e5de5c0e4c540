// run.h - one run of the hooks: which script is next, and what a failure does.
//
// A run works off the chain of its job's stages: install_dependencies, or before_backups, backups and after_backups.
// The first script that fails ends the chain; then every on_error script runs, each told of that first failure, and a
// failure among them changes nothing but its own record. Being interrupted ends all of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sidefridge/base/exit_status.h"
#include "sidefridge/base/time.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/core/job.h"
#include "sidefridge/core/run_record.h"

namespace sidefridge::core {

/// The first thing that went wrong in a run: what on_error scripts are told.
struct Failure {
  std::string message;           // $1 of on_error
  std::optional<Script> script;  // nothing: the run itself could not begin
  StepOutcome outcome = StepOutcome::exited;
  int code = 0;             // as in StepRecord
  std::string stderr_tail;  // the last bytes the script wrote to stderr, without NUL

  friend bool operator==(const Failure&, const Failure&) = default;
};

/// How a script ended, as the run has to take it.
struct ScriptResult {
  StepOutcome outcome = StepOutcome::exited;
  int code = 0;
  std::string detail;  // one line, for outcomes that a code does not tell
  std::string stderr_tail;

  bool succeeded() const noexcept { return outcome == StepOutcome::exited && code == 0; }
};

/// The result of a process that ended by itself.
ScriptResult result_of(ExitStatus status, std::string stderr_tail);

/// "finished with exit code '3'", or "was killed by signal 'SIGKILL'". Requires: an outcome as result_of() gives it.
std::string words_of(const ScriptResult& result);

/// The result of a script that succeeded, but fed a process ("xz (pid 12)") that did not.
ScriptResult result_of_fed(const std::string& process, ExitStatus status, std::string stderr_tail);

/// "Script '/scripts/backups/bkp' finished with exit code '3'", and its like for the other ways to fail.
std::string failure_message(const Script& script, const ScriptResult& result);

/// The state of one run. A value: it does nothing, it says what is to be done.
class Run {
public:
  /// Begins with `record` (identity, trigger, times) and the scripts that `job` has of `hooks`, which it copies. If
  /// that is the record of a lost run, it stays lost: fail() is what comes next.
  Run(RunRecord record, const Job& job, const HookSet& hooks);

  /// The script to start next, or null when the run has none left. Requires: none is running.
  const Script* next_script() const noexcept;

  /// The next script is being started.
  void on_started(WallTime at);

  /// The running script ended.
  void on_ended(const ScriptResult& result, Duration elapsed);

  /// The run as a whole fails for a reason outside its scripts; on_error is next. Requires: none is running.
  void fail(std::string reason);

  /// No further script starts, not even on_error's; the outcome is `interrupted` unless something failed before.
  void interrupt(std::string reason);

  /// Whether the chain has failed and on_error's turn has come.
  bool in_on_error() const noexcept { return position_ == Position::on_error; }
  /// The script that runs. Requires: one does.
  const Script& running_script() const;
  /// What on_error is told, once something failed.
  const std::optional<Failure>& failure() const noexcept { return failure_; }

  RunRecord& record() noexcept { return record_; }
  const RunRecord& record() const noexcept { return record_; }

  /// Gives the record its final outcome. Requires: no script running.
  void finish(WallTime at);

private:
  enum class Position {
    chain,     // the scripts the run is for
    on_error,  // the chain failed
    over,      // interrupted: nothing more starts
  };

  const std::vector<Script>& scripts() const noexcept { return position_ == Position::chain ? chain_ : on_error_; }
  void enter_on_error(Failure failure);

  RunRecord record_;
  bool lost_;
  std::vector<Script> chain_;
  std::vector<Script> on_error_;
  Position position_ = Position::chain;
  std::size_t next_ = 0;  // index into scripts() of the script to start next
  std::optional<Script> running_;
  std::optional<Failure> failure_;
  std::optional<std::string> interruption_;  // why, when nothing had failed before
};

}  // namespace sidefridge::core
