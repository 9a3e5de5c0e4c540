// process_runner.h - runs one script at a time, and ends what scripts leave behind.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidefridge/core/action.h"
#include "sidefridge/daemon/alarm.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/daemon/script_output.h"
#include "sidefridge/hooks/interpreter.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/process_scan.h"
#include "sidefridge/os/reaper.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::daemon {

/// Owns:   the pipes of the running script, and those that processes left behind still hold.
/// Thread: loop thread only.  Blocks: while a program is being executed; while /proc is read.
/// Requires: the process is a subreaper, and reap_children() is called for each SIGCHLD.
class ProcessRunner final : private ScriptOutputListener, private AlarmListener {
public:
  /// `environment` is what every script gets ("NAME=value"); `pipes` is for those whose shell knows pipefail. Children
  /// that we have already, and all that descend from them, are no run's. Requires: loop, console and sink outlive the
  /// object.
  ProcessRunner(loop::Loop& loop, Console& console, EventSink& sink, std::vector<std::string> environment,
                core::Pipes pipes = core::Pipes::last_command_counts);

  /// Starts a script. Posts: ScriptEnded, from within when it cannot start, else when its process and all that it fed
  /// (see os/fed_processes.h) have ended, and what they wrote is relayed, or has not been for a second, because nobody
  /// reads our stdout: then it is relayed later. A fed process that failed fails the script.
  /// Before that ScriptFeeds, when the process has ended and what it feeds has not. Requires: no script runs.
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
  struct FedFailure {
    std::string name;  // "xz (pid 12)"
    ExitStatus status;
  };
  struct RunningScript {
    core::Serial serial;  // of its StartScript
    pid_t pid;
    bool reaps_its_own = false;  // its background processes do not stay zombies: of those it would not be the last
    std::optional<ExitStatus> status{};   // once reaped
    std::vector<os::FoundProcess> fed{};  // then: all that was found to be fed, whether it still runs or not
    std::optional<FedFailure> failure{};  // the first of those that failed
    int looks = 0;                        // at what it feeds, so far
    bool over = false;                    // nothing it feeds is left
    int undrained = 2;                    // outputs whose last bytes are still to be relayed
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
  struct Started {
    pid_t pid;
    hooks::Shell shell;
  };
  Result<Started> try_start(const core::StartScript& start);
  void on_drained(ScriptOutput& output) noexcept override;
  void on_alarm() noexcept override;
  void note_end_of_fed(const os::Exited& exited);
  void tell_end_of_reader(const os::Exited& exited);
  std::optional<os::FoundProcess> ended_before_our_look() const;
  void reap_all();
  void look_at_fed();
  void look_again_in(Duration wait);
  void tell_end();
  void leave_outputs();
  Result<std::vector<os::FoundProcess>> find(core::Scope scope) const;
  void drop_closed_outputs();
  void note_strangers();
  void note_mark_of_strangers(std::string mark);

  loop::Loop& loop_;
  Console& console_;
  EventSink& sink_;
  std::vector<std::string> environment_;
  core::Pipes pipes_;
  std::optional<RunningScript> script_;
  std::unique_ptr<Alarm> alarm_;                // while a script that has ended feeds; opened when it is needed first
  std::optional<Outputs> outputs_;              // of the script that runs, or for the next one
  os::Strangers strangers_;                     // who is there and is none of the run's
  std::vector<os::FoundProcess> readers_left_;  // at the run's end: they are to end by themselves
  std::vector<std::unique_ptr<ScriptOutput>> lingering_;  // held open by what its scripts left behind
  std::vector<std::unique_ptr<ScriptOutput>> resident_;   // the same, of install_dependencies
};

}  // namespace sidefridge::daemon
