// action.h - everything the scheduler can ask for, as values. They are carried out in the order given.
//
// Those with a serial are answered by the event that is named, which carries the serial; at once or later. An answer
// that does not come is given up after its patience (patience.h), and no longer counts when it comes after all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sidefridge/core/happening.h"
#include "sidefridge/core/request.h"
#include "sidefridge/core/run.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/core/serial.h"

namespace sidefridge::core {

/// Read the hook tree, and the file of the schedule if there is one. Answer: HooksRead or HooksUnreadable; before it
/// ScheduleRead or ScheduleUnreadable when that file has changed.
struct ReadHooks {
  Serial serial;
};

/// Take the run lock and store the intent, synced. Answer: RunBegun, RunBusy or RunUnrecorded.
struct BeginRun {
  Serial serial;
  RunRecord record;
};

/// Start a script. Answer, at once or later: ScriptEnded.
struct StartScript {
  Serial serial;
  Script script;
  std::string run_id;
  Trigger trigger;
  WallTime scheduled_at;
  std::uint32_t attempt;
  std::uint32_t attempts_left;     // how often the run is tried again at most if it fails
  std::optional<Failure> failure;  // what on_error is told
};

/// The script of the last StartScript is given up: it outlived SIGKILL, or its output cannot be passed on. It is a
/// stranger from now on, and no ScriptEnded comes for it.
struct AbandonScript {};

/// Store how the latest steps stand, those from `first` on, for the one who finds the run lost; not synced. A failure
/// is logged and changes nothing.
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

/// Look for processes and signal them. Answer: ProcessesAlive, with those found.
struct EndProcesses {
  Serial serial;
  Scope scope;
  Send send;
};

/// Store the final record, drop the run's variables, release the run lock. Answer: RunRecorded, also when it failed:
/// then the failure is logged, and the record is stored with a later one.
struct FinishRun {
  Serial serial;
  RunRecord record;
};

/// Store the record of ticks that did not become a run: skipped, missed, or failed before it could begin.
struct RecordTick {
  RunRecord record;
};

/// Answer: RecordsFlushed, once everything given to the store before has been dealt with.
struct FlushRecords {
  Serial serial;
};

/// Tell the maker of the request how it ended.
struct Answer {
  Request request;
  Reply reply;
};

/// Tell everybody who listens what happened.
struct Tell {
  Happening happening;
};

/// End the process with this exit code. The last action there is.
struct Exit {
  int code;
};

using Action = std::variant<ReadHooks, BeginRun, StartScript, AbandonScript, SaveSteps, EndProcesses, FinishRun,
                            RecordTick, FlushRecords, Answer, Tell, Exit>;

}  // namespace sidefridge::core
