// colours.cc - what is good and what is bad.
#include "sidefridge/cli/colours.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string_view>

namespace sidefridge::cli {

using text::Tone;

text::Colours colours_for(const std::ostream& out, std::span<const core::Setting> environment) {
  const auto value_of = [&](std::string_view name) -> std::string_view {
    const auto found = std::find_if(environment.begin(), environment.end(),
                                    [&](const core::Setting& setting) { return setting.name == name; });
    return found == environment.end() ? std::string_view() : found->value;
  };
  const bool is_terminal = out.rdbuf() == std::cout.rdbuf() && ::isatty(STDOUT_FILENO) == 1;
  return text::colours_for(is_terminal, value_of("NO_COLOR"), value_of("TERM"));
}

Tone tone_of(core::Outcome outcome) noexcept {
  switch (outcome) {
    case core::Outcome::running: return Tone::plain;
    case core::Outcome::succeeded: return Tone::good;
    case core::Outcome::skipped: return Tone::doubtful;
    case core::Outcome::failed:
    case core::Outcome::interrupted:
    case core::Outcome::lost:
    case core::Outcome::missed: return Tone::bad;
  }
  return Tone::plain;
}

Tone tone_of(const core::StepRecord& step) noexcept {
  switch (step.outcome) {
    case core::StepOutcome::running: return Tone::plain;
    case core::StepOutcome::exited: return step.code == 0 ? Tone::good : Tone::bad;
    case core::StepOutcome::signalled:
    case core::StepOutcome::not_started:
    case core::StepOutcome::timed_out:
    case core::StepOutcome::interrupted: return Tone::bad;
  }
  return Tone::plain;
}

}  // namespace sidefridge::cli
