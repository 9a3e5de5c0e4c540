// hook_reader.h - the hooks, read and copied off the loop: what was read is an event.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sidefridge/base/result.h"
#include "sidefridge/core/action.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/daemon/schedule_file.h"
#include "sidefridge/hooks/generation_pins.h"
#include "sidefridge/hooks/generations.h"
#include "sidefridge/loop/lane.h"

namespace sidefridge::daemon {

/// Reads the hooks, and the schedule's file with them, on a lane: there may be many, on a file system that takes its
/// time or is dead. Keeps the generations that are in use: the one that the scheduler knows, and the run's.
/// Owns:   the generations and the schedule's file.
/// Thread: loop thread only; generations and file are used on the lane alone.  Blocks: never.
class HookReader {
public:
  /// `schedule_file`: nothing: there is none. Requires: lane and sink outlive the object. The object
  /// outlives every job it has posted.
  HookReader(loop::Lane& lane, EventSink& sink, std::string scripts_dir,
             std::unique_ptr<hooks::Generations> generations, std::optional<ScheduleFile> schedule_file);

  /// Posts: ScheduleRead or ScheduleUnreadable when the file holds something else, then HooksRead or HooksUnreadable.
  void carry_out(const core::ReadHooks& action);

  /// The scheduler has this generation now, and not the one before.
  void on_known(std::uint64_t generation);
  /// A run begins with the generation that the scheduler has.
  void on_run_begun();
  /// The run ended, or did not begin after all. Posts: HooksTouched when it changed its copy.
  void on_run_over();

private:
  struct Reading {
    std::optional<Result<cron::Schedule>> schedule;
    Result<hooks::Generations::Made> hooks;
  };

  Reading read();
  void remove_unused();

  EventSink& sink_;
  std::string scripts_dir_;
  std::unique_ptr<hooks::Generations> generations_;
  std::optional<ScheduleFile> schedule_file_;
  hooks::GenerationPins pins_;
  std::uint64_t run_generation_ = 0;
  loop::Lane& lane_;
};

}  // namespace sidefridge::daemon
