// process_runner.h - runs one script at a time, and ends what scripts leave behind.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidefridge/core/action.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/daemon/script_output.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/process_scan.h"
#include "sidefridge/os/reaper.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::daemon {

/// Owns:   the pipes of the running script, and those that processes left behind still hold.
/// Thread: loop thread only.  Blocks: while a program is being executed; while /proc is read.
/// Requires: the process is a subreaper, and reap_children() is called for each SIGCHLD.
class ProcessRunner final : private ScriptOutputListener {
public:
  /// `environment` is what every script gets ("NAME=value"). Requires: loop, console and sink outlive the object.
  ProcessRunner(loop::Loop& loop, Console& console, EventSink& sink, std::vector<std::string> environment);

  /// Starts a script. Posts: ScriptEnded, from within when it cannot start, else when its process has ended and what it
  /// wrote is relayed. Requires: no script runs.
  void start(const core::StartScript& start);

  /// Reaps every child that has ended. Posts: OrphansReaped when others than the script's process were among them.
  void reap_children();

  /// Finds processes and signals them. Posts: ProcessesAlive, with those found before the signal.
  void end_processes(const core::EndProcesses& action);

  /// Gives the running script up: its process outlives SIGKILL, or nobody takes what it wrote. From now on it is a
  /// process that was left behind: no ScriptEnded comes for it, its end is an orphan's, and what it has written and
  /// goes on to write is relayed until forget_run(). start() may be called at once. Does nothing when no script runs.
  void abandon_script();

  /// The run is over: its processes are strangers from now on. Processes that install_dependencies left behind live on,
  /// and their output goes on being relayed.
  void forget_run(core::Trigger trigger);

private:
  struct RunningScript {
    core::Serial serial;  // of its StartScript
    pid_t pid;
    std::optional<ExitStatus> status;  // once reaped
    bool any_left = false;             // then: whether anybody is there who may hold its pipes
    int undrained = 2;                 // outputs whose last bytes are still to be relayed
  };

  /// Pipes for one script after the other. Their ends for writing stay open here: so a script's end is heard once,
  /// from its process, and its pipes serve the next one, which starts the sooner.
  struct Outputs {
    std::unique_ptr<ScriptOutput> out;
    std::unique_ptr<ScriptOutput> err;
    os::UniqueFd stdout_fd;  // the script's ends
    os::UniqueFd stderr_fd;
  };

  Result<Outputs> open_outputs();
  Result<pid_t> try_start(const core::StartScript& start);
  void on_drained(ScriptOutput& output) noexcept override;
  void leave_outputs();
  Result<std::vector<os::FoundProcess>> find(core::Scope scope) const;
  void drop_closed_outputs();

  loop::Loop& loop_;
  Console& console_;
  EventSink& sink_;
  std::vector<std::string> environment_;
  std::optional<RunningScript> script_;
  std::optional<Outputs> outputs_;                        // of the script that runs, or for the next one
  std::string run_mark_;                                  // what marks the run's processes, while a run is on
  std::vector<pid_t> run_sessions_;                       // the pids of its scripts so far
  std::vector<std::unique_ptr<ScriptOutput>> lingering_;  // held open by what its scripts left behind
  std::vector<std::unique_ptr<ScriptOutput>> resident_;   // the same, of install_dependencies
};

}  // namespace sidefridge::daemon
