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
#include "sidefridge/core/scheduler.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/daemon/hook_watch.h"
#include "sidefridge/daemon/process_runner.h"
#include "sidefridge/daemon/run_book.h"
#include "sidefridge/daemon/schedule_file.h"
#include "sidefridge/daemon/signal_watch.h"
#include "sidefridge/daemon/timer_watch.h"
#include "sidefridge/hooks/generation_pins.h"
#include "sidefridge/hooks/generations.h"
#include "sidefridge/loop/loop.h"

namespace sidefridge::daemon {

/// One turn of the loop: all descriptors that were ready have posted their events; the scheduler steps on each, at one
/// sampled instant; what it asks for is done, which may post more; then the timers are armed and the log is written.
/// Owns:   everything the process has. Lives on the heap: its parts point at each other.
/// Thread: the main thread.
class Daemon final : private loop::TurnListener, private EventSink {
public:
  enum class Mode {
    schedule,  // runs at each tick until told to end
    once,      // install_dependencies, one run, the end
  };

  /// Takes the process over: signals, child processes, the state folder. `environment` goes to scripts ("NAME=value").
  /// Requires: no other thread runs; config.schedule for Mode::schedule; called once a process.
  /// Errors: busy (the state folder is another's), io, full: with a text that names the thing.
  static Result<std::unique_ptr<Daemon>> open(core::Config config, Mode mode, std::vector<std::string> environment);

  /// Returns: the exit code, when the scheduler says so.
  int run();

private:
  Daemon(core::Config config, Mode mode, std::vector<std::string> environment, loop::Loop loop,
         std::unique_ptr<Console> console, RunBook book, std::unique_ptr<hooks::Generations> generations,
         std::optional<WallTime> settled_until);

  void on_turn() noexcept override;
  void post(core::Event event) override { events_.push_back(std::move(event)); }

  void carry_out(const core::ReadHooks& action);
  void carry_out(const core::BeginRun& action);
  void carry_out(const core::SaveSteps& action);
  void carry_out(const core::StartScript& action);
  void carry_out(const core::EndProcesses& action);
  void carry_out(const core::FinishRun& action);
  void carry_out(const core::RecordSkip& action);
  void carry_out(const core::Log& action);
  void carry_out(const core::Exit& action);

  void note_generation(const core::HooksRead& read);
  void log_failure(const Result<void>& result, std::string_view what);
  void log_notices();
  void say_hello(Mode mode);
  Result<void> watch_hooks();
  void note_schedule(const std::string& text);

  core::Config config_;
  core::DaemonRecord record_;  // what `status` knows of us
  loop::Loop loop_;
  std::unique_ptr<Console> console_;
  RunBook book_;
  std::unique_ptr<hooks::Generations> generations_;
  hooks::GenerationPins pins_;        // its newest: the one whose hooks the scheduler has
  std::uint64_t run_generation_ = 0;  // the one that the run uses
  std::optional<ScheduleFile> schedule_file_;
  core::Scheduler scheduler_;
  ProcessRunner runner_;
  std::deque<core::Event> events_;  // happened, not yet stepped on
  int exit_code_ = 0;
  std::unique_ptr<WallTimerWatch> wall_timer_;
  std::unique_ptr<MonoTimerWatch> mono_timer_;
  std::unique_ptr<SignalWatch> signals_;
  std::unique_ptr<HookWatch> hook_watch_;
};

}  // namespace sidefridge::daemon
