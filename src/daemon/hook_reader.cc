// hook_reader.cc - readings, and what becomes of copies, in order on one lane.
#include "sidefridge/daemon/hook_reader.h"

#include <utility>
#include <vector>

#include "sidefridge/os/system_clock.h"

namespace sidefridge::daemon {

HookReader::HookReader(loop::Lane& lane, EventSink& sink, std::string scripts_dir,
                       std::unique_ptr<hooks::Generations> generations, std::optional<ScheduleFile> schedule_file)
    : sink_(sink),
      scripts_dir_(std::move(scripts_dir)),
      generations_(std::move(generations)),
      schedule_file_(std::move(schedule_file)),
      lane_(lane) {}

HookReader::Reading HookReader::read() {
  std::optional<Result<cron::Schedule>> schedule = schedule_file_ ? schedule_file_->read() : std::nullopt;
  return Reading{std::move(schedule), generations_->make(scripts_dir_, os::sample_now().wall)};
}

void HookReader::carry_out(const core::ReadHooks& action) {
  if (lane_.full()) {
    sink_.post(core::HooksUnreadable{action.serial, Error{ErrorCode::busy, "'" + scripts_dir_ + "' does not answer"}});
    return;
  }
  lane_.post([this] { return read(); },
             [this, serial = action.serial](Reading reading) {
               if (reading.schedule && *reading.schedule) {
                 sink_.post(core::ScheduleRead{**std::move(reading.schedule)});
               } else if (reading.schedule) {
                 sink_.post(core::ScheduleUnreadable{std::move(*reading.schedule).error()});
               }
               if (!reading.hooks) {
                 sink_.post(core::HooksUnreadable{serial, std::move(reading.hooks).error()});
                 return;
               }
               hooks::HookReading& hooks = reading.hooks->reading;
               sink_.post(core::HooksRead{serial, std::move(hooks.hooks), reading.hooks->generation,
                                          std::move(hooks.warnings), std::move(hooks.skipped)});
             });
}

void HookReader::on_known(std::uint64_t generation) {
  pins_.note_newest(generation);
  remove_unused();
}

void HookReader::on_run_begun() {
  pins_.unpin(std::exchange(run_generation_, pins_.newest()));
  pins_.pin(run_generation_);
}

void HookReader::on_run_over() {
  const std::uint64_t used = std::exchange(run_generation_, 0);
  pins_.unpin(used);
  remove_unused();
  if (used == 0) return;
  if (lane_.full()) {
    // Nobody knows.
    sink_.post(core::HooksTouched{});
    return;
  }
  lane_.post([this, used] { return generations_->is_intact(used); },
             [this](const bool intact) {
               // A script wrote into its copy: the next run gets a new one.
               if (!intact) sink_.post(core::HooksTouched{});
             });
}

void HookReader::remove_unused() {
  if (lane_.full()) return;  // the next call removes them
  std::vector<std::uint64_t> unused = pins_.take_unused();
  if (unused.empty()) return;
  lane_.post([this, unused = std::move(unused)] { generations_->remove(unused); }, [] {});
}

}  // namespace sidefridge::daemon
