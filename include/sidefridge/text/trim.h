// trim.h - white space at the ends of what people write, which nobody means.
#pragma once

#include <cstddef>
#include <string_view>

namespace sidefridge::text {

/// The text without the blanks, tabs and line ends around it.
inline std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view white_space = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) + 1 - first);
}

}  // namespace sidefridge::text
