// run.cc - the chain of scripts, and the turn to on_error.
#include "sidefridge/core/run.h"

#include <utility>

#include "sidefridge/base/check.h"

namespace sidefridge::core {

ScriptResult result_of(ExitStatus status, std::string stderr_tail) {
  ScriptResult result;
  result.outcome = status.signalled() ? StepOutcome::signalled : StepOutcome::exited;
  result.code = status.code;
  result.stderr_tail = std::move(stderr_tail);
  return result;
}

std::string words_of(const ScriptResult& result) {
  if (result.outcome == StepOutcome::signalled) return "was killed by signal '" + signal_name(result.code) + "'";
  return "finished with exit code '" + std::to_string(result.code) + "'";
}

ScriptResult result_of_fed(const std::string& process, ExitStatus status, std::string stderr_tail) {
  ScriptResult result = result_of(status, std::move(stderr_tail));
  result.detail = process + ", which it fed, " + words_of(result);
  return result;
}

std::string failure_message(const Script& script, const ScriptResult& result) {
  std::string text = "Script '" + script.path + "' ";
  switch (result.outcome) {
    case StepOutcome::exited:
    case StepOutcome::signalled:
      return text + (result.detail.empty() ? words_of(result) : "ended, but " + result.detail);
    case StepOutcome::not_started: return text + "could not be started: " + result.detail;
    case StepOutcome::timed_out: return text + "timed out: " + result.detail;
    case StepOutcome::interrupted: return text + "was interrupted: " + result.detail;
    case StepOutcome::running: break;
  }
  return text;
}

Run::Run(RunRecord record, const Job& job, const HookSet& hooks)
    : record_(std::move(record)), lost_(record_.outcome == Outcome::lost) {
  record_.outcome = Outcome::running;
  for (const Stage& stage : job.stages) {
    const std::vector<Script>& scripts = hooks.scripts(stage.hook);
    std::vector<Script>& all = stage.role == StageRole::chain ? chain_ : on_error_;
    all.insert(all.end(), scripts.begin(), scripts.end());
  }
}

const Script* Run::next_script() const noexcept {
  if (position_ == Position::over || next_ == scripts().size()) return nullptr;
  return &scripts()[next_];
}

const Script& Run::running_script() const {
  check(running_.has_value(), "a script is running");
  return *running_;
}

void Run::on_started(WallTime at) {
  check(!running_ && next_script() != nullptr, "there is a script to start and none runs");
  running_ = *next_script();
  ++next_;
  StepRecord step;
  step.hook = running_->hook;
  step.script = running_->path;
  step.started_at = at;
  record_.steps.push_back(std::move(step));
}

void Run::on_ended(const ScriptResult& result, Duration elapsed) {
  check(running_.has_value(), "a script is running");
  const Script script = *std::exchange(running_, std::nullopt);
  StepRecord& step = record_.steps.back();
  step.outcome = result.outcome;
  step.code = result.code;
  step.detail = result.detail;
  step.elapsed = elapsed;

  if (position_ == Position::chain && !result.succeeded()) {
    enter_on_error(Failure{failure_message(script, result), script, result.outcome, result.code, result.stderr_tail});
  }
}

void Run::fail(std::string reason) {
  check(!running_, "a run fails between scripts");
  if (position_ != Position::chain) return;
  Failure failure;
  failure.message = std::move(reason);
  failure.outcome = StepOutcome::not_started;
  failure.code = 1;
  enter_on_error(std::move(failure));
}

void Run::interrupt(std::string reason) {
  if (position_ == Position::over) return;
  position_ = Position::over;
  if (!failure_) interruption_ = std::move(reason);
}

void Run::enter_on_error(Failure failure) {
  failure_ = std::move(failure);
  position_ = Position::on_error;
  next_ = 0;
}

void Run::finish(WallTime at) {
  check(!running_, "a run finishes after its scripts");
  if (lost_) {
    record_.outcome = Outcome::lost;
    return;
  }
  record_.finished_at = at;
  record_.outcome = failure_ ? Outcome::failed : interruption_ ? Outcome::interrupted : Outcome::succeeded;
  if (failure_) record_.reason = failure_->message;
  if (interruption_) record_.reason = *interruption_;
}

}  // namespace sidefridge::core
