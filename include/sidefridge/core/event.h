// event.h - everything that can happen to the scheduler, as values. Answers carry the serial of their action.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/core/request.h"
#include "sidefridge/core/run.h"
#include "sidefridge/core/serial.h"
#include "sidefridge/cron/schedule.h"

namespace sidefridge::core {

/// The process is set up: begin with install_dependencies. Comes once, first.
struct Begun {
  std::optional<Request> run = std::nullopt;  // for one run of the backup job after that
};

/// A deadline may have come: the instants given with the event decide.
struct TimePassed {};

/// The wall clock was stepped. Steps are noticed at any event; this one comes also while nothing else does.
struct ClockStepped {};

/// SIGTERM or SIGINT.
struct StopRequested {
  Request request;
};

/// SIGHUP or SIGUSR1: read the hooks again now.
struct ReloadRequested {
  Request request;
};

/// Run the backup job once, now.
struct RunRequested {
  Request request;
};

/// Something in the folder of hooks may have changed.
struct HooksTouched {};

/// From now on HooksTouched tells of each change, or does not: then the hooks are read before each run.
struct HooksWatched {
  enum class By { events, polling };
  By by;
};

/// Answer to ReadHooks.
struct HooksRead {
  Serial serial = 0;
  HookSet hooks;
  std::uint64_t generation = 0;       // which copy of them it is, for the keeper of the copies
  std::vector<std::string> warnings;  // one line each
  std::vector<std::string> skipped;   // files passed over, with the reason
};

/// Answer to ReadHooks: the tree, or a part of it, could not be read.
struct HooksUnreadable {
  Serial serial = 0;
  Error error;
};

/// The file of the schedule holds another schedule.
struct ScheduleRead {
  cron::Schedule schedule;
};

/// The file of the schedule cannot be read, or holds none.
struct ScheduleUnreadable {
  Error error;
};

/// Answer to BeginRun: the intent is stored.
struct RunBegun {
  Serial serial = 0;
  std::uint64_t sequence = 0;
};

/// Answer to BeginRun: another process runs one in the same state folder; nothing was stored or locked.
struct RunBusy {
  Serial serial = 0;
  int holder_pid = 0;
};

/// Answer to BeginRun: the run is ours, but could not be stored.
struct RunUnrecorded {
  Serial serial = 0;
  Error error;
};

/// The script's process ended, and what it feeds ("xz (pid 12)") has not. May come several times; ScriptEnded follows.
struct ScriptFeeds {
  Serial serial = 0;
  std::vector<std::string> processes;
};

/// Answer to StartScript: the script's process and what it fed ended and their output is relayed, or it never started.
struct ScriptEnded {
  Serial serial = 0;
  ScriptResult result;
};

/// Answer to EndProcesses: what is alive in that scope, as "name (pid 12)"; it was signalled if that was asked.
struct ProcessesAlive {
  Serial serial = 0;
  std::vector<std::string> processes;
};

/// Processes that are no script's were reaped: what a sweep waits for may be gone.
struct OrphansReaped {};

/// Answer to FinishRun.
struct RunRecorded {
  Serial serial = 0;
};

/// Answer to FlushRecords.
struct RecordsFlushed {
  Serial serial = 0;
};

using Event =
    std::variant<Begun, TimePassed, ClockStepped, StopRequested, ReloadRequested, RunRequested, HooksTouched,
                 HooksWatched, HooksRead, HooksUnreadable, ScheduleRead, ScheduleUnreadable, RunBegun, RunBusy,
                 RunUnrecorded, ScriptFeeds, ScriptEnded, ProcessesAlive, OrphansReaped, RunRecorded, RecordsFlushed>;

}  // namespace sidefridge::core
