// colours.cc - three colours that every terminal has.
#include "sidefridge/text/colours.h"

namespace sidefridge::text {
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

Colours colours_for(bool is_terminal, std::string_view no_color, std::string_view term) noexcept {
  return is_terminal && no_color.empty() && term != "dumb" ? Colours::of_a_terminal : Colours::none;
}

std::string painted(std::string_view text, Tone tone, Colours colours) {
  if (tone == Tone::plain || colours == Colours::none) return std::string(text);
  return std::string(code_of(tone)).append(text).append("\x1b[0m");
}

}  // namespace sidefridge::text
