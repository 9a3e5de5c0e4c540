// hook_reader.h - the hooks, read and copied off the loop, and where each script of a run is executed from.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/action.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/daemon/hook_watch.h"
#include "sidefridge/daemon/schedule_file.h"
#include "sidefridge/daemon/timer_watch.h"
#include "sidefridge/hooks/generation_pins.h"
#include "sidefridge/hooks/generations.h"
#include "sidefridge/loop/lane.h"
#include "sidefridge/loop/loop.h"

namespace sidefridge::daemon {

/// Reads the hooks, and the schedule's file with them, on a lane: there may be many, on a file system that takes its
/// time or is dead. Keeps the generations that are in use: the one that the scheduler knows, and the run's. Copies them
/// when nothing else is to be done there.
/// Owns:   the generations and the schedule's file.
/// Thread: loop thread only; generations and file are used on the lane alone.  Blocks: never.
class HookReader final : private EventSink {
public:
  /// Starts a script whose run_path is where to execute it from.
  using Starter = std::function<void(const core::StartScript&)>;

  /// `schedule_file`: nothing: there is none. Requires: lane, sink and console outlive the object. The object
  /// outlives every job it has posted.
  HookReader(loop::Lane& lane, EventSink& sink, Console& console, std::string scripts_dir,
             hooks::CopySettings copy_settings, std::string copies_dir, std::optional<ScheduleFile> schedule_file,
             Starter starter);

  /// To be called before anything else. `watch`: who says whether the hooks were touched; outlives the object.
  /// Errors: no descriptors left.
  Result<void> open(loop::Loop& loop, const HookWatch& watch);

  /// Posts: ScheduleRead or ScheduleUnreadable when the file holds something else, then HooksRead or HooksUnreadable.
  void carry_out(const core::ReadHooks& action);

  /// Starts the script once it is known where it is to be executed from: at once, where nothing has touched the hooks
  /// since that was known, and after a moment (`place_patience`) where they do not answer: from its copy then.
  void start(core::StartScript start);
  /// Forgets a script that was not started yet. Posts: ScriptEnded for it.
  void end_starting();
  /// The same, and nobody waits for its end.
  void abandon_starting() noexcept;

  void on_touched() noexcept;
  /// The scheduler has this generation now, and not the one before.
  void on_known(std::uint64_t generation);
  /// A run begins with the generation that the scheduler has.
  void on_run_begun();
  /// The run ended, or did not begin after all.
  void on_run_over();
  /// The daemon ends: nothing is copied any more.
  void stop() noexcept;

private:
  struct Reading {
    std::optional<Result<cron::Schedule>> schedule;
    Result<hooks::Generations::Made> hooks;
    std::vector<std::string> notices;
  };
  struct Placed {
    hooks::Generations::Place place;
    std::vector<std::string> notices;
  };
  struct Copied {
    std::string path;
    std::vector<std::string> notices;
  };

  void post(core::Event) override { on_patience_over(); }  // the timer's
  void on_patience_over();
  void begin(std::string run_path);
  void on_read(core::Serial serial, std::optional<std::uint64_t> touches, Reading reading);
  void on_placed(core::Serial serial, std::optional<std::uint64_t> touches, Placed placed);
  void copy(std::uint64_t generation);
  void remove_unused();
  void tell(const std::vector<std::string>& notices);
  bool stands() const noexcept;

  EventSink& sink_;
  Console& console_;
  const std::string scripts_dir_;
  Starter starter_;
  std::atomic<bool> give_way_ = false;  // tells the lane to leave a copy for later
  std::unique_ptr<hooks::Generations> generations_;
  std::optional<ScheduleFile> schedule_file_;
  const HookWatch* watch_ = nullptr;
  std::unique_ptr<MonoTimerWatch> patience_;

  hooks::GenerationPins pins_;
  std::uint64_t run_generation_ = 0;             // 0: no run is on
  std::map<std::uint64_t, std::string> copies_;  // by generation, where there is one
  std::array<bool, core::all_hooks.size()> in_place_{};
  bool leads_out_ = false;
  bool left_place_ = false;                 // in this run
  bool used_copy_ = false;                  // by this run
  bool copy_untouched_ = false;             // it was looked at for this run, which has not used it yet
  std::optional<std::uint64_t> as_it_was_;  // the newest generation was in its place after so many touches
  hooks::RanHooks ran_{};                   // in place, and may have written there since that was last noted
  std::optional<core::StartScript> starting_;
  bool unanswered_ = false;  // the lane was asked for a place, and somebody may no longer wait for it
  bool copying_ = false;
  bool copy_later_ = false;  // once what the copying gave way to is done
  bool stopped_ = false;
  loop::Lane& lane_;
};

}  // namespace sidefridge::daemon
