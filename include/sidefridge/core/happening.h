// happening.h - what became of the daemon's doings, for all who listen: the log, and later clients and metrics.
//
// What the scheduler tells, it tells here and nowhere else. It and the parts of a run write no sentence: narrate()
// turns a happening into the line that operators read. KnownHooks, and the scheduler when it reads the hooks again,
// tell a Log: its words are the line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sidefridge/base/time.h"
#include "sidefridge/core/log_level.h"
#include "sidefridge/core/run.h"
#include "sidefridge/core/run_record.h"

namespace sidefridge::core {

/// A line for the daemon's log.
struct Log {
  LogLevel level;
  std::string text;
  std::string run_id;       // empty: about no run
  std::string script_path;  // empty: about no script
};

/// What EndProcesses sends.
enum class Send { nothing, term, kill };

namespace happened {

/// The preparation is over (install_dependencies has succeeded, or there is nothing of it); ticks lead to runs from now
/// on.
struct Ready {
  std::string coming;  // Ticks::describe_coming()
};
struct ClockSet {
  WallTime to;
  std::string coming;
};
struct ScheduleChanged {
  std::string text;
  std::string words;  // cron::describe()
  std::string coming;
};
struct ScheduleUnreadable {
  std::string reason;
  std::string kept;  // the text of the schedule that stays
};
/// The history knows of a tick that is still to come: the wall clock was set back while no daemon was there.
struct HistoryAhead {
  WallTime settled_until;
};
/// The record's tick, and all it stands for, had no run.
struct TicksMissed {
  RunRecord record;
};
struct TickSkipped {
  RunRecord record;
};
/// No run began, and none is recorded for it.
struct RunRefused {
  std::string reason;
};
struct RunUnrecorded {
  std::string run_id;
  std::string reason;
};
struct RunStarted {
  std::string run_id;
  Trigger trigger;
};
/// What is left of a run that was lost: on_error.
struct LostRunFollowed {
  std::string run_id;
};
struct ScriptStarted {
  std::string run_id;
  Script script;
};
/// The script's process has ended; it is over when what it feeds is.
struct ScriptFeeds {
  std::string run_id;
  Script script;
  std::vector<std::string> processes;
};
struct ScriptFinished {
  std::string run_id;
  Script script;
  ScriptResult result;
  Duration elapsed;
};
struct RunFinished {
  RunRecord record;
  Duration elapsed;
};
/// The store did not say in time that it has the final record. It may have it all the same.
struct RecordUnconfirmed {
  std::string run_id;
};
struct RetryPlanned {
  Duration delay;
  std::uint32_t attempt;
  std::uint32_t attempts;
};
struct InstallChanged {};
struct StopAsked {
  std::string run_id;  // empty: no run goes on
  Duration grace;
};
struct StopAskedAgain {};
/// Whose processes are being ended.
enum class Whose { script, leftovers };
struct ProcessesSignalled {
  std::string run_id;
  Whose whose;  // of the script that runs, or what scripts left running
  Send sent;
  std::vector<std::string> processes;
};
struct ProcessesGivenUp {
  std::string run_id;
};
struct Ended {};

}  // namespace happened

/// `Log` is what has its words already.
using Happening =
    std::variant<Log, happened::Ready, happened::ClockSet, happened::ScheduleChanged, happened::ScheduleUnreadable,
                 happened::HistoryAhead, happened::TicksMissed, happened::TickSkipped, happened::RunRefused,
                 happened::RunUnrecorded, happened::RunStarted, happened::LostRunFollowed, happened::ScriptStarted,
                 happened::ScriptFeeds, happened::ScriptFinished, happened::RunFinished, happened::RecordUnconfirmed,
                 happened::RetryPlanned, happened::InstallChanged, happened::StopAsked, happened::StopAskedAgain,
                 happened::ProcessesSignalled, happened::ProcessesGivenUp, happened::Ended>;

/// The line about it.
Log narrate(const Happening& happening);

}  // namespace sidefridge::core
