// hook_reader.cc - readings, places and copies, in order on one lane.
#include "sidefridge/daemon/hook_reader.h"

#include <chrono>
#include <utility>
#include <vector>

#include "sidefridge/os/system_clock.h"

namespace sidefridge::daemon {
namespace {

/// Longer than it takes to look at the hooks, and short beside what a script takes.
constexpr Duration place_patience = std::chrono::seconds(2);

}  // namespace

HookReader::HookReader(loop::Lane& lane, EventSink& sink, Console& console, std::string scripts_dir,
                       hooks::CopySettings copy_settings, std::string copies_dir,
                       std::optional<ScheduleFile> schedule_file, Starter starter)
    : sink_(sink),
      console_(console),
      scripts_dir_(std::move(scripts_dir)),
      starter_(std::move(starter)),
      schedule_file_(std::move(schedule_file)),
      lane_(lane) {
  generations_ = hooks::Generations::open(std::move(copies_dir), std::move(copy_settings));
}

Result<void> HookReader::open(loop::Loop& loop, const HookWatch& watch) {
  watch_ = &watch;
  EventSink& sink = *this;
  Result<std::unique_ptr<MonoTimerWatch>> timer = MonoTimerWatch::open(loop, sink);
  if (!timer) return std::move(timer).error();
  patience_ = std::move(*timer);
  return {};
}

// ---- reading

void HookReader::carry_out(const core::ReadHooks& action) {
  if (lane_.full()) {
    sink_.post(core::HooksUnreadable{action.serial, Error{ErrorCode::busy, "'" + scripts_dir_ + "' does not answer"}});
    return;
  }
  const hooks::RanHooks ran = ran_;
  if (run_generation_ == 0) ran_ = {};
  give_way_ = true;
  lane_.post(
      [this, ran] {
        std::optional<Result<cron::Schedule>> schedule = schedule_file_ ? schedule_file_->read() : std::nullopt;
        Result<hooks::Generations::Made> made = generations_->make(scripts_dir_, os::sample_now().wall, ran);
        return Reading{std::move(schedule), std::move(made), generations_->take_notices()};
      },
      [this, serial = action.serial, touches = watch_->touches()](Reading reading) {
        on_read(serial, touches, std::move(reading));
      });
}

void HookReader::on_read(core::Serial serial, std::optional<std::uint64_t> touches, Reading reading) {
  if (reading.schedule && *reading.schedule) {
    sink_.post(core::ScheduleRead{**std::move(reading.schedule)});
  } else if (reading.schedule) {
    sink_.post(core::ScheduleUnreadable{std::move(*reading.schedule).error()});
  }
  tell(reading.notices);
  if (!reading.hooks) {
    sink_.post(core::HooksUnreadable{serial, std::move(reading.hooks).error()});
    return;
  }
  hooks::Generations::Made& made = *reading.hooks;
  in_place_ = made.in_place;
  leads_out_ = made.leads_out;
  as_it_was_ = run_generation_ == 0 || run_generation_ == made.generation ? touches : std::nullopt;
  if (!made.copy.empty()) copies_[made.generation] = made.copy;
  const bool copied = !made.copy.empty();
  const std::uint64_t generation = made.generation;
  std::vector<std::string> skipped = std::move(made.reading.skipped);
  skipped.insert(skipped.end(), made.reading.hidden.begin(), made.reading.hidden.end());
  sink_.post(core::HooksRead{serial, std::move(made.reading.hooks), generation, std::move(made.reading.warnings),
                             std::move(skipped)});
  if (!copied) copy(generation);
}

// ---- places

/// Whether the run's generation still is in its place, as far as that can be told at once.
bool HookReader::stands() const noexcept {
  return !left_place_ && !leads_out_ && as_it_was_ && watch_->quiet_since(*as_it_was_);
}

void HookReader::start(core::StartScript start) {
  starting_ = std::move(start);
  const core::Script& script = starting_->script;
  const bool in_place = in_place_[static_cast<std::size_t>(script.hook)];
  if (run_generation_ == 0 || (in_place && stands())) {
    begin(script.path);
    return;
  }
  if (!in_place && copy_untouched_) {
    begin(copies_[run_generation_] + "/" + script.tag());
    return;
  }
  if (unanswered_ || lane_.full()) {
    on_patience_over();
    return;
  }
  patience_->arm(os::sample_now().mono + place_patience);
  unanswered_ = true;
  give_way_ = true;
  lane_.post(
      [this, script, generation = run_generation_, ran = ran_] {
        hooks::Generations::Place place = generations_->place(generation, script, ran);
        return Placed{std::move(place), generations_->take_notices()};
      },
      [this, serial = starting_->serial, touches = watch_->touches()](Placed placed) {
        on_placed(serial, touches, std::move(placed));
      });
}

void HookReader::on_placed(core::Serial serial, std::optional<std::uint64_t> touches, Placed placed) {
  unanswered_ = false;
  tell(placed.notices);
  if (!starting_ || starting_->serial != serial) return;
  switch (placed.place.hooks) {
    case hooks::Generations::Place::Hooks::as_they_were: as_it_was_ = touches; break;
    case hooks::Generations::Place::Hooks::changed: left_place_ = true; break;
    case hooks::Generations::Place::Hooks::not_looked_at: break;
  }
  begin(std::move(placed.place.path));
}

void HookReader::on_patience_over() {
  if (!starting_) return;
  const core::Script& script = starting_->script;
  const auto copy = copies_.find(run_generation_);
  console_.log(core::LogLevel::warning, "'" + scripts_dir_ + "' does not answer: '" + script.path + "' runs from " +
                                            (copy == copies_.end() ? "where it is" : "its copy"));
  begin(copy == copies_.end() ? script.path : copy->second + "/" + script.tag());
}

void HookReader::begin(std::string run_path) {
  patience_->arm(std::nullopt);
  core::StartScript start = *std::exchange(starting_, std::nullopt);
  if (run_path == start.script.path) {
    ran_[static_cast<std::size_t>(start.script.hook)] = true;
  } else {
    copy_untouched_ = false;
    used_copy_ = true;
  }
  start.script.run_path = std::move(run_path);
  starter_(start);
}

void HookReader::end_starting() {
  if (!starting_) return;
  core::ScriptResult result;
  result.outcome = core::StepOutcome::not_started;
  result.code = 126;
  result.detail = "'" + scripts_dir_ + "' did not answer";
  sink_.post(core::ScriptEnded{starting_->serial, std::move(result)});
  abandon_starting();
}

void HookReader::abandon_starting() noexcept {
  starting_.reset();
  patience_->arm(std::nullopt);
}

// ---- runs

void HookReader::on_touched() noexcept {
  // Copied once it has been read again; what never rests, when a run begins.
  copy_later_ = false;
  give_way_ = true;
}

void HookReader::on_known(std::uint64_t generation) {
  pins_.note_newest(generation);
  remove_unused();
}

void HookReader::on_run_begun() {
  pins_.unpin(std::exchange(run_generation_, pins_.newest()));
  pins_.pin(run_generation_);
  left_place_ = false;
  copy_untouched_ = false;
  used_copy_ = false;
  if (run_generation_ == 0 || lane_.full()) return;
  lane_.post([this, generation = run_generation_] { generations_->begin_run(generation); }, [] {});
  // It may have been altered, or tidied up.
  copy(run_generation_);
}

void HookReader::on_run_over() {
  abandon_starting();
  const std::uint64_t used = std::exchange(run_generation_, 0);
  pins_.unpin(used);
  remove_unused();
  if (used == 0 || lane_.full() || stopped_) return;
  const bool untouched = stands();
  const hooks::RanHooks ran = std::exchange(ran_, {});
  if (untouched && !used_copy_) return;
  lane_.post(
      [this, used, untouched, ran] {
        generations_->end_run(used);
        // What scripts have written beside themselves is theirs, and a later change of it may not be.
        if (!untouched) static_cast<void>(generations_->make(scripts_dir_, os::sample_now().wall, ran));
        return generations_->take_notices();
      },
      [this](const std::vector<std::string>& notices) { tell(notices); });
}

void HookReader::stop() noexcept {
  stopped_ = true;
  copy_later_ = false;
  give_way_ = true;
}

// ---- copies

void HookReader::copy(std::uint64_t generation) {
  if (stopped_ || lane_.full() || std::exchange(copying_, true)) return;
  copy_later_ = true;
  give_way_ = false;
  lane_.post(
      [this, generation] {
        generations_->copy(generation, [this] { return give_way_.load(); });
        return Copied{generations_->copy_of(generation), generations_->take_notices()};
      },
      [this, generation](Copied copied) {
        copying_ = false;
        tell(copied.notices);
        if (!copied.path.empty()) {
          copies_[generation] = std::move(copied.path);
          copy_untouched_ = generation == run_generation_ && !used_copy_;
        }
        if (give_way_ && copy_later_) copy(generation);
      });
}

void HookReader::remove_unused() {
  if (lane_.full()) return;  // the next call removes them
  std::vector<std::uint64_t> unused = pins_.take_unused();
  if (unused.empty()) return;
  for (const std::uint64_t generation : unused) copies_.erase(generation);
  lane_.post([this, unused = std::move(unused)] { generations_->remove(unused); }, [] {});
}

void HookReader::tell(const std::vector<std::string>& notices) {
  for (const std::string& notice : notices) console_.log(core::LogLevel::warning, notice);
}

}  // namespace sidefridge::daemon
