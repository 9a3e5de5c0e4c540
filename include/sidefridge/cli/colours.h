// colours.h - good told from bad at a glance, where a person looks.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "sidefridge/core/config.h"
#include "sidefridge/core/run_record.h"

namespace sidefridge::cli {

enum class Tone {
  plain,
  good,      // green
  doubtful,  // yellow
  bad,       // red
};

enum class Colours { none, of_a_terminal };

/// Those for what a verb prints on `out`: none unless that is our stdout and a terminal, and neither NO_COLOR
/// (https://no-color.org) nor TERM=dumb asks for none.
Colours colours_for(const std::ostream& out, std::span<const core::Setting> environment);

/// `text` in the colour of its tone.
std::string painted(std::string text, Tone tone, Colours colours);

/// What an outcome means to the one who looks. A run that goes on is plain.
Tone tone_of(core::Outcome outcome) noexcept;
Tone tone_of(const core::StepRecord& step) noexcept;

}  // namespace sidefridge::cli
