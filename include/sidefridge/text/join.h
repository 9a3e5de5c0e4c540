// join.h - several words as one text.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace sidefridge::text {

/// The words with `separator` between each two, and `last_separator` before the last one: "a, b and c".
template <class Words>
std::string join(const Words& words, std::string_view separator, std::string_view last_separator) {
  std::string text;
  std::size_t left = std::size(words);
  const std::size_t count = left;
  for (const std::string_view word : words) {
    if (left != count) text += left == 1 ? last_separator : separator;
    text += word;
    --left;
  }
  return text;
}

/// The words with `separator` between each two.
template <class Words>
std::string join(const Words& words, std::string_view separator = ", ") {
  return join(words, separator, separator);
}

}  // namespace sidefridge::text
