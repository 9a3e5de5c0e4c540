// colours.h - good told from bad at a glance, where a person looks.
#pragma once

#include <string>
#include <string_view>

namespace sidefridge::text {

enum class Tone {
  plain,
  good,      // green
  doubtful,  // yellow
  bad,       // red
};

enum class Colours { none, of_a_terminal };

/// Those for what is written to a stream. None unless it `is_terminal`, and neither NO_COLOR (https://no-color.org; an
/// empty one counts for nothing) nor TERM=dumb asks for none. Empty: the variable is not set.
Colours colours_for(bool is_terminal, std::string_view no_color, std::string_view term) noexcept;

/// `text` in the colour of its tone.
std::string painted(std::string_view text, Tone tone, Colours colours);

}  // namespace sidefridge::text
