// run_text.cc - runs for people and for programs.
#include "sidefridge/cli/run_text.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "sidefridge/os/boot_id.h"
#include "sidefridge/os/file_lock.h"
#include "sidefridge/store/variables.h"
#include "sidefridge/text/quote.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::cli {
namespace {

void append_milliseconds(text::JsonWriter& json, std::string_view key, std::optional<Duration> duration) {
  json.key(key);
  if (!duration) {
    json.null();
  } else {
    json.integer(std::chrono::duration_cast<std::chrono::milliseconds>(*duration).count());
  }
}

void append_step(text::JsonWriter& json, const core::StepRecord& step, const core::RunRecord& run, WallTime now) {
  json.begin_object().key("hook").string(core::name_of(step.hook)).key("script").string(step.script);
  json.key("started_at").string(text::format_rfc3339(step.started_at, text::Precision::milliseconds));
  append_milliseconds(json, "elapsed_ms", elapsed(step, run, now));
  json.key("outcome").string(core::name_of(step.outcome));
  json.key("exit_code");
  if (step.outcome == core::StepOutcome::exited) {
    json.integer(step.code);
  } else {
    json.null();
  }
  json.key("signal");
  if (step.outcome == core::StepOutcome::signalled) {
    json.integer(step.code);
  } else {
    json.null();
  }
  json.key("detail").string(step.detail).end_object();
}

// Notes of another boot may be anything, since the variables are never synced.
void add_noted_steps(core::RunRecord& run, const store::StateFolder& folder) {
  const auto boot_id = os::read_boot_id();
  if (!boot_id || *boot_id != run.boot_id) return;
  auto steps = store::Variables::read_steps(folder, run.run_id);
  if (steps) run.steps = std::move(*steps);
}

}  // namespace

Result<store::History> look_at_history(const store::StateFolder& folder) {
  auto history = store::History::open_read_only(folder);
  if (history) return history;
  if (history.error().code != ErrorCode::unavailable) return history;
  return Error{ErrorCode::unavailable, "nothing ever ran with this state folder: " + history.error().text +
                                           "; SIDEFRIDGE_STATE_DIR or --state-dir names another"};
}

Result<std::optional<pid_t>> look_for_holder(const store::StateFolder& folder, unsigned lock_byte) {
  auto lock = os::FileLock::open_existing(folder.lock_path());
  if (!lock && lock.error().code == ErrorCode::not_found) return std::optional<pid_t>();
  if (!lock) return std::move(lock).error();
  return lock->holder(lock_byte);
}

void complete_unfinished(std::vector<core::RunRecord>& runs, std::optional<pid_t> runner,
                         const store::StateFolder& folder) {
  bool newest = true;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (run->outcome != core::Outcome::running) continue;
    if (newest && runner) {
      add_noted_steps(*run, folder);
    } else {
      run->outcome = core::Outcome::lost;
      run->reason = "its process was killed";
    }
    newest = false;
  }
}

std::optional<Duration> elapsed(const core::RunRecord& run, WallTime now) {
  if (core::never_began(run.outcome)) return std::nullopt;
  if (run.finished_at) return *run.finished_at - run.started_at;
  if (run.outcome != core::Outcome::running) return std::nullopt;
  return std::max(Duration::zero(), now - run.started_at);
}

std::optional<Duration> elapsed(const core::StepRecord& step, const core::RunRecord& run, WallTime now) {
  if (step.outcome != core::StepOutcome::running) return step.elapsed;
  if (run.outcome != core::Outcome::running) return std::nullopt;
  return std::max(Duration::zero(), now - step.started_at);
}

std::string outcome_text(const core::StepRecord& step) {
  std::string text;
  switch (step.outcome) {
    case core::StepOutcome::exited: text = "exit code " + std::to_string(step.code); break;
    case core::StepOutcome::signalled: text = "signal " + std::to_string(step.code); break;
    case core::StepOutcome::running:
    case core::StepOutcome::not_started:
    case core::StepOutcome::timed_out:
    case core::StepOutcome::interrupted: text = core::name_of(step.outcome); break;
  }
  if (!step.detail.empty()) text += ": " + text::one_line(step.detail);
  return text;
}

std::string trigger_text(const core::RunRecord& run) {
  std::string text(core::name_of(run.trigger));
  if (run.attempt > 1) text += ", attempt " + std::to_string(run.attempt);
  return text;
}

std::string reason_text(const core::RunRecord& run) {
  const std::string reason = text::one_line(run.reason);
  return run.ticks == 1 ? reason : core::ticks_text(run) + ": " + reason;
}

void append_json(text::JsonWriter& json, const core::RunRecord& run, WallTime now) {
  const auto instant = [](WallTime at) { return text::format_rfc3339(at, text::Precision::milliseconds); };
  json.begin_object().key("sequence").unsigned_integer(run.sequence).key("run_id");
  if (run.run_id.empty()) {
    json.null();
  } else {
    json.string(run.run_id);
  }
  json.key("job").string(core::name_of(run.job));
  json.key("trigger").string(core::name_of(run.trigger)).key("attempt").unsigned_integer(run.attempt);
  json.key("outcome").string(core::name_of(run.outcome)).key("reason").string(run.reason);
  json.key("scheduled_at").string(instant(run.scheduled_at)).key("started_at").string(instant(run.started_at));
  json.key("finished_at");
  if (run.finished_at) {
    json.string(instant(*run.finished_at));
  } else {
    json.null();
  }
  append_milliseconds(json, "elapsed_ms", elapsed(run, now));
  json.key("ticks").unsigned_integer(run.ticks).key("last_scheduled_at");
  if (run.last_scheduled_at) {
    json.string(instant(*run.last_scheduled_at));
  } else {
    json.null();
  }
  json.key("steps_omitted").unsigned_integer(run.steps_omitted).key("steps").begin_array();
  for (const core::StepRecord& step : run.steps) append_step(json, step, run, now);
  json.end_array().end_object();
}

}  // namespace sidefridge::cli
