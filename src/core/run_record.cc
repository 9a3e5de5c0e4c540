// run_record.cc - the words for jobs, triggers and outcomes.
#include "sidefridge/core/run_record.h"

#include "sidefridge/text/time_format.h"

namespace sidefridge::core {

bool never_began(Outcome outcome) noexcept {
  return outcome == Outcome::skipped || outcome == Outcome::missed;
}

std::string_view name_of(JobId job) noexcept {
  switch (job) {
    case JobId::backup: return "backup";
    case JobId::install: return "install";
  }
  return "unknown";
}

std::string_view name_of(Trigger trigger) noexcept {
  switch (trigger) {
    case Trigger::schedule: return "schedule";
    case Trigger::manual: return "manual";
    case Trigger::catch_up: return "catch-up";
    case Trigger::install: return "install";
    case Trigger::start: return "start";
  }
  return "unknown";
}

std::string_view name_of(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::running: return "running";
    case Outcome::succeeded: return "succeeded";
    case Outcome::failed: return "failed";
    case Outcome::interrupted: return "interrupted";
    case Outcome::lost: return "lost";
    case Outcome::skipped: return "skipped";
    case Outcome::missed: return "missed";
  }
  return "unknown";
}

std::string_view name_of(StepOutcome outcome) noexcept {
  switch (outcome) {
    case StepOutcome::running: return "running";
    case StepOutcome::exited: return "exited";
    case StepOutcome::signalled: return "signalled";
    case StepOutcome::not_started: return "not started";
    case StepOutcome::timed_out: return "timed out";
    case StepOutcome::interrupted: return "interrupted";
  }
  return "unknown";
}

std::string ticks_text(const RunRecord& run) {
  const std::string first = text::format_rfc3339(run.scheduled_at);
  if (run.ticks == 1) return first;
  return std::to_string(run.ticks) + " ticks from " + first + " to " +
         text::format_rfc3339(run.last_scheduled_at.value_or(run.scheduled_at));
}

}  // namespace sidefridge::core
