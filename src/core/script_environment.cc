// script_environment.cc - the variables of a script.
#include "sidefridge/core/script_environment.h"

#include "sidefridge/text/time_format.h"

namespace sidefridge::core {
namespace {

constexpr int exit_code_timed_out = 124;

void add_failure(std::vector<std::string>& environment, const Failure& failure) {
  environment.push_back("SIDEFRIDGE_ERROR_MESSAGE=" + failure.message);
  environment.push_back("SIDEFRIDGE_ERROR_STDERR=" + failure.stderr_tail);
  if (failure.script) {
    environment.push_back("SIDEFRIDGE_ERROR_HOOK=" + std::string(name_of(failure.script->hook)));
    environment.push_back("SIDEFRIDGE_ERROR_SCRIPT=" + failure.script->path);
  }
  switch (failure.outcome) {
    case StepOutcome::exited:
    case StepOutcome::not_started:
      environment.push_back("SIDEFRIDGE_ERROR_EXIT_CODE=" + std::to_string(failure.code));
      break;
    case StepOutcome::timed_out:
      environment.push_back("SIDEFRIDGE_ERROR_EXIT_CODE=" + std::to_string(exit_code_timed_out));
      break;
    case StepOutcome::signalled: environment.push_back("SIDEFRIDGE_ERROR_SIGNAL=" + signal_name(failure.code)); break;
    case StepOutcome::running:
    case StepOutcome::interrupted: break;  // on_error does not run for these
  }
}

}  // namespace

std::string run_mark(const std::string& run_id) {
  return "SIDEFRIDGE_RUN_ID=" + run_id;
}

std::vector<std::string> script_environment(const StartScript& start) {
  std::vector<std::string> environment{
      run_mark(start.run_id),
      "SIDEFRIDGE_HOOK=" + std::string(name_of(start.script.hook)),
      "SIDEFRIDGE_SCRIPT=" + start.script.path,
      "SIDEFRIDGE_TRIGGER=" + std::string(name_of(start.trigger)),
      "SIDEFRIDGE_SCHEDULED_AT=" + text::format_rfc3339(start.scheduled_at),
      "SIDEFRIDGE_ATTEMPT=" + std::to_string(start.attempt),
      "SIDEFRIDGE_ATTEMPTS_LEFT=" + std::to_string(start.attempts_left),
  };
  if (start.failure) add_failure(environment, *start.failure);
  return environment;
}

std::vector<std::string> script_argv(const StartScript& start) {
  std::vector<std::string> argv = start.script.argv();
  if (start.failure) argv.push_back(start.failure->message);
  return argv;
}

}  // namespace sidefridge::core
