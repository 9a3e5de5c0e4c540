// script_environment.cc - the variables of a script.
#include "sidefridge/core/script_environment.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <numeric>
#include <utility>

#include "sidefridge/base/check.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::core {
namespace {

constexpr int exit_code_timed_out = 124;
constexpr int exit_code_of_signal_0 = 128;

constexpr std::string_view run_id_name = "SIDEFRIDGE_RUN_ID";

constexpr std::array script_variables{
    run_id_name,
    std::string_view("SIDEFRIDGE_HOOK"),
    std::string_view("SIDEFRIDGE_SCRIPT"),
    std::string_view("SIDEFRIDGE_TRIGGER"),
    std::string_view("SIDEFRIDGE_SCHEDULED_AT"),
    std::string_view("SIDEFRIDGE_ATTEMPT"),
    std::string_view("SIDEFRIDGE_ATTEMPTS_LEFT"),
    std::string_view("SIDEFRIDGE_ERROR_MESSAGE"),
    std::string_view("SIDEFRIDGE_ERROR_HOOK"),
    std::string_view("SIDEFRIDGE_ERROR_SCRIPT"),
    std::string_view("SIDEFRIDGE_ERROR_STDERR"),
    std::string_view("SIDEFRIDGE_ERROR_EXIT_CODE"),
    std::string_view("SIDEFRIDGE_ERROR_SIGNAL"),
};

std::string entry(std::string_view name, std::string_view value) {
  check(is_script_variable(name), "what a script is told is in the list of script variables");
  return std::string(name).append("=").append(value);
}

void add_failure(std::vector<std::string>& environment, const Failure& failure) {
  environment.push_back(entry("SIDEFRIDGE_ERROR_MESSAGE", failure.message));
  environment.push_back(entry("SIDEFRIDGE_ERROR_STDERR", failure.stderr_tail));
  if (failure.script) {
    environment.push_back(entry("SIDEFRIDGE_ERROR_HOOK", name_of(failure.script->hook)));
    environment.push_back(entry("SIDEFRIDGE_ERROR_SCRIPT", failure.script->path));
  }
  const auto add_exit_code = [&](int code) {
    environment.push_back(entry("SIDEFRIDGE_ERROR_EXIT_CODE", std::to_string(code)));
  };
  switch (failure.outcome) {
    case StepOutcome::exited:
    case StepOutcome::not_started: add_exit_code(failure.code); break;
    case StepOutcome::timed_out: add_exit_code(exit_code_timed_out); break;
    case StepOutcome::signalled:
      add_exit_code(exit_code_of_signal_0 + failure.code);
      environment.push_back(entry("SIDEFRIDGE_ERROR_SIGNAL", signal_name(failure.code)));
      break;
    case StepOutcome::running:
    case StepOutcome::interrupted: break;  // on_error does not run for these
  }
}

}  // namespace

bool is_script_variable(std::string_view name) noexcept {
  return std::find(script_variables.begin(), script_variables.end(), name) != script_variables.end();
}

std::vector<std::string> without_script_variables(std::vector<std::string> environment) {
  std::erase_if(environment, [](const std::string& text) {
    return is_script_variable(std::string_view(text).substr(0, text.find('=')));
  });
  return environment;
}

std::vector<std::string> shortest_of(const std::vector<std::string>& environment) {
  std::vector<std::size_t> order(environment.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return environment[a].size() < environment[b].size(); });
  std::size_t room = 32 * 1024;
  std::size_t count = 0;
  while (count < order.size() && environment[order[count]].size() < room)
    room -= environment[order[count++]].size() + 1;
  order.resize(count);
  std::sort(order.begin(), order.end());
  std::vector<std::string> shortest;
  for (const std::size_t index : order) shortest.push_back(environment[index]);
  return shortest;
}

std::string run_mark(const std::string& run_id) {
  return entry(run_id_name, run_id);
}

std::vector<std::string> script_environment(const StartScript& start) {
  std::vector<std::string> environment{
      run_mark(start.run_id),
      entry("SIDEFRIDGE_HOOK", name_of(start.script.hook)),
      entry("SIDEFRIDGE_SCRIPT", start.script.path),
      entry("SIDEFRIDGE_TRIGGER", name_of(start.trigger)),
      entry("SIDEFRIDGE_SCHEDULED_AT", text::format_rfc3339(start.scheduled_at)),
      entry("SIDEFRIDGE_ATTEMPT", std::to_string(start.attempt)),
      entry("SIDEFRIDGE_ATTEMPTS_LEFT", std::to_string(start.attempts_left)),
  };
  if (start.failure) add_failure(environment, *start.failure);
  return environment;
}

std::vector<std::string> script_argv(const StartScript& start, Pipes pipes) {
  std::vector<std::string> argv = start.script.argv();
  if (pipes == Pipes::each_command_counts) argv.insert(std::prev(argv.end()), {"-o", "pipefail"});
  if (start.failure) argv.push_back(start.failure->message);
  return argv;
}

}  // namespace sidefridge::core
