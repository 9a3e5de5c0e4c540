// action.h - everything the scheduler can ask for, as values. They are carried out in the order given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sidefridge/core/log_level.h"
#include "sidefridge/core/run.h"
#include "sidefridge/core/run_record.h"

namespace sidefridge::core {

/// Read the hook tree, and the file of the schedule if there is one. Answer: HooksRead or HooksUnreadable; before it
/// ScheduleRead or ScheduleUnreadable when that file has changed.
struct ReadHooks {};

/// Take the run lock and store the intent, synced. Answer: RunBegun, RunBusy or RunUnrecorded.
struct BeginRun {
  RunRecord record;
};

/// Start a script. Answer, at once or later: ScriptEnded.
struct StartScript {
  Script script;
  std::string run_id;
  Trigger trigger;
  WallTime scheduled_at;
  std::uint32_t attempt;
  std::uint32_t attempts_left;     // how often the run is tried again at most if it fails
  std::optional<Failure> failure;  // what on_error is told
};

/// Store how the latest steps stand, those from `first` on, for whoever finds the run lost; not synced. A failure is
/// logged and changes nothing.
struct SaveSteps {
  std::string run_id;
  std::size_t first;
  std::vector<StepRecord> steps;
};

/// Which processes are meant.
enum class Scope {
  script,      // the running script and its descendants
  run,         // all that the run's scripts started
  everything,  // all our descendants
};

/// What they are sent.
enum class Send { nothing, term, kill };

/// Look for processes and signal them. Answer: ProcessesAlive, with those found.
struct EndProcesses {
  Scope scope;
  Send send;
};

/// Store the final record, drop the run's variables, release the run lock. A failure is logged.
struct FinishRun {
  RunRecord record;
};

/// Store the record of a tick that did not become a run: skipped, or failed before it could begin.
struct RecordSkip {
  RunRecord record;
};

/// A line for the daemon's log.
struct Log {
  LogLevel level;
  std::string text;
  std::string run_id;       // empty: about no run
  std::string script_path;  // empty: about no script
};

/// End the process with this exit code. The last action there is.
struct Exit {
  int code;
};

using Action =
    std::variant<ReadHooks, BeginRun, StartScript, SaveSteps, EndProcesses, FinishRun, RecordSkip, Log, Exit>;

}  // namespace sidefridge::core
