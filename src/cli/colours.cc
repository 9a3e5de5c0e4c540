// colours.cc - three colours that every terminal has.
#include "sidefridge/cli/colours.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string_view>

namespace sidefridge::cli {
namespace {

std::string_view code_of(Tone tone) noexcept {
  switch (tone) {
    case Tone::plain: return "";
    case Tone::good: return "\x1b[32m";
    case Tone::doubtful: return "\x1b[33m";
    case Tone::bad: return "\x1b[31m";
  }
  return "";
}

}  // namespace

Colours colours_for(const std::ostream& out, std::span<const core::Setting> environment) {
  const bool unwanted = std::any_of(environment.begin(), environment.end(), [](const core::Setting& setting) {
    return (setting.name == "NO_COLOR" && !setting.value.empty()) ||
           (setting.name == "TERM" && setting.value == "dumb");
  });
  if (unwanted || out.rdbuf() != std::cout.rdbuf() || ::isatty(STDOUT_FILENO) != 1) return Colours::none;
  return Colours::of_a_terminal;
}

std::string painted(std::string text, Tone tone, Colours colours) {
  if (tone == Tone::plain || colours == Colours::none) return text;
  return std::string(code_of(tone)).append(text).append("\x1b[0m");
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
