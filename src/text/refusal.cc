// refusal.cc - one form for all that is typed wrong.
#include "sidefridge/text/refusal.h"

#include <charconv>
#include <string>
#include <utility>

#include "sidefridge/text/quote.h"

namespace sidefridge::text {

Error refusal(std::string_view found, std::string_view allowed) {
  std::string text = "found ";
  text += found;
  text += ", allowed: ";
  text += allowed;
  return Error{ErrorCode::invalid, std::move(text)};
}

Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, count);
  if (failure == std::errc{} && stop == end && count >= least && count <= most) return count;
  return refusal(in_quotes(text), std::to_string(least) + " to " + std::to_string(most));
}

}  // namespace sidefridge::text
