// colours.h - the colours of what the commands print.
#pragma once

#include <iosfwd>
#include <span>

#include "sidefridge/core/config.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/text/colours.h"

namespace sidefridge::cli {

/// Those for what a verb prints on `out`: none unless that is our stdout and a terminal, and colours are wanted.
text::Colours colours_for(const std::ostream& out, std::span<const core::Setting> environment);

/// What an outcome means to the one who looks. A run that goes on is plain.
text::Tone tone_of(core::Outcome outcome) noexcept;
text::Tone tone_of(const core::StepRecord& step) noexcept;

}  // namespace sidefridge::cli
