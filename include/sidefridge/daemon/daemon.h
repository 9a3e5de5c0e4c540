// daemon.h - the whole, wired together: descriptors in, scheduler, actions out.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/config.h"
#include "sidefridge/core/event.h"
#include "sidefridge/core/run_book.h"
#include "sidefridge/core/scheduler.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/daemon/hook_reader.h"
#include "sidefridge/daemon/hook_watch.h"
#include "sidefridge/daemon/loss_notes.h"
#include "sidefridge/daemon/process_runner.h"
#include "sidefridge/daemon/record_keeper.h"
#include "sidefridge/daemon/signal_watch.h"
#include "sidefridge/daemon/timer_watch.h"
#include "sidefridge/loop/lane.h"
#include "sidefridge/loop/loop.h"

namespace sidefridge::daemon {

/// One turn of the loop: all descriptors that were ready have posted their events; for each of them the clocks are
/// sampled and the scheduler steps on it; what it asks for is done, which may post more; then the timers are armed and
/// the log is written.
/// Owns:   everything the process has. Lives on the heap: its parts point at each other.
/// Thread: the main thread.
class Daemon final : private loop::TurnListener, private EventSink {
public:
  enum class Mode {
    schedule,  // runs at each tick until SIGTERM or SIGINT
    once,      // install_dependencies, one run, the end
  };

  /// Takes the process over: signals, child processes, the state folder. `environment` goes to scripts ("NAME=value").
  /// Requires: no other thread runs; config.schedule for Mode::schedule; called once a process.
  /// A state folder that cannot be used is no error here: a run that cannot begin then tells on_error.
  /// Errors: busy (the state folder is another's), io, full: with a text that names the thing.
  static Result<std::unique_ptr<Daemon>> open(core::Config config, Mode mode, std::vector<std::string> environment);

  /// Returns: the exit code, when the scheduler says so. Does not return, but ends the process with that code, when
  /// a job off the loop hangs that would still use what is being destroyed.
  /// Errors: why the state folder cannot be used, after on_error.
  Result<int> run();

private:
  /// Two, because a store that hangs must not hold up the hooks, nor these the store.
  struct Lanes {
    std::unique_ptr<loop::Lane> store;
    std::unique_ptr<loop::Lane> hooks;
  };

  /// What lies in the state folder.
  struct Files {
    core::RunBook book;
    Result<os::NoteFifo> losses;
    std::optional<WallTime> settled_until;
    std::vector<core::RunRecord> owed;
  };
  /// Blocks: for the disk, and for other processes that write.
  static Result<Files> open_files(const core::Config& config, Mode mode);
  static Files without_state(const Error& why);

  Daemon(core::Config config, Mode mode, std::vector<std::string> environment, loop::Loop loop, Lanes lanes,
         std::unique_ptr<Console> console, std::unique_ptr<LossNotes> losses, Files files);

  void on_turn() noexcept override;
  void post(core::Event event) override { events_.push_back(std::move(event)); }
  void look_at(const core::Event& event);

  void carry_out(const core::ReadHooks& action);
  void carry_out(const core::BeginRun& action);
  void carry_out(const core::SaveSteps& action);
  void carry_out(const core::StartScript& action);
  void carry_out(const core::AbandonScript& action);
  void carry_out(const core::EndProcesses& action);
  void carry_out(const core::FinishRun& action);
  void carry_out(const core::RecordTick& action);
  void carry_out(const core::FlushRecords& action);
  void carry_out(const core::Answer& action);
  void carry_out(const core::Tell& action);
  void carry_out(const core::Exit& action);

  void say_hello(std::vector<std::string> notices);

  /// Takes what tells of changes where nobody reads the hooks again.
  struct Ignored final : EventSink {
    void post(core::Event) override {}
  };

  core::Config config_;
  Mode mode_;
  core::DaemonRecord record_;  // what `status` knows of us
  loop::Loop loop_;
  Lanes lanes_;  // before what works on them, so that it is gone later
  std::unique_ptr<Console> console_;
  std::unique_ptr<LossNotes> losses_;  // nothing where the state folder has no room for a FIFO
  RecordKeeper records_;
  Ignored ignored_;
  HookWatch hook_watch_;
  HookReader hooks_;
  core::Scheduler scheduler_;
  ProcessRunner runner_;
  std::deque<core::Event> events_;  // happened, not yet stepped on
  std::optional<Error> state_unusable_;
  int exit_code_ = 0;
  std::unique_ptr<WallTimerWatch> wall_timer_;
  std::unique_ptr<MonoTimerWatch> mono_timer_;
  std::unique_ptr<SignalWatch> signals_;
};

}  // namespace sidefridge::daemon
