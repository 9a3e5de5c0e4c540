// truth.cc - see truth.h.
#include "sidefridge/text/truth.h"

#include <algorithm>
#include <array>
#include <string>

#include "sidefridge/text/trim.h"

namespace sidefridge::text {

std::optional<bool> parse_truth(std::string_view text) {
  std::string lower(trimmed(text));
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  const auto is_one_of = [&lower](const std::array<std::string_view, 4>& words) {
    return std::find(words.begin(), words.end(), lower) != words.end();
  };
  if (is_one_of({"true", "yes", "on", "1"})) return true;
  if (is_one_of({"false", "no", "off", "0"})) return false;
  return std::nullopt;
}

}  // namespace sidefridge::text
