// hook_reader.cc - readings and pins, in order, on one lane.
#include "sidefridge/daemon/hook_reader.h"

#include <utility>

namespace sidefridge::daemon {

HookReader::HookReader(loop::Loop& loop, EventSink& sink, std::string scripts_dir,
                       std::unique_ptr<hooks::Generations> generations, std::optional<ScheduleFile> schedule_file)
    : sink_(sink),
      scripts_dir_(std::move(scripts_dir)),
      generations_(std::move(generations)),
      schedule_file_(std::move(schedule_file)),
      lane_(loop) {}

HookReader::Reading HookReader::read() {
  std::optional<Result<cron::Schedule>> schedule = schedule_file_ ? schedule_file_->read() : std::nullopt;
  Result<hooks::HookReading> hooks = generations_->make(scripts_dir_);
  return Reading{std::move(schedule), std::move(hooks), generations_->newest()};
}

void HookReader::carry_out(const core::ReadHooks& action) {
  lane_.post([this] { return read(); },
             [this, serial = action.serial](Reading reading) {
               if (reading.schedule && *reading.schedule) {
                 sink_.post(core::ScheduleRead{**std::move(reading.schedule)});
               } else if (reading.schedule) {
                 sink_.post(core::ScheduleUnreadable{std::move(*reading.schedule).error()});
               }
               if (reading.hooks) {
                 sink_.post(core::HooksRead{serial, std::move(reading.hooks->hooks), reading.generation,
                                            std::move(reading.hooks->warnings), std::move(reading.hooks->skipped)});
               } else {
                 sink_.post(core::HooksUnreadable{serial, std::move(reading.hooks).error()});
               }
             });
}

// In the order of the lane: a generation is pinned before the one that has it lets go of another.
void HookReader::replace_pin(std::uint64_t& pinned, std::uint64_t generation) {
  const std::uint64_t before = std::exchange(pinned, generation);
  if (before == generation) return;
  lane_.post(
      [this, before, generation] {
        generations_->pin(generation);
        generations_->unpin(before);
        generations_->remove_unused();
      },
      [] {});
}

void HookReader::on_known(std::uint64_t generation) {
  replace_pin(known_generation_, generation);
}

void HookReader::on_run_begun() {
  replace_pin(run_generation_, known_generation_);
}

void HookReader::on_run_over() {
  replace_pin(run_generation_, 0);
}

}  // namespace sidefridge::daemon
