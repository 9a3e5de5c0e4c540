// refusal.h - how a wrong value is told.
#pragma once

#include <cstdint>
#include <string_view>

#include "sidefridge/base/result.h"

namespace sidefridge::text {

/// "found <found>, allowed: <allowed>". `found` is printed as it is: what somebody typed goes through in_quotes().
/// Returns: code invalid.
Error refusal(std::string_view found, std::string_view allowed);

/// A whole number in decimal digits, from `least` to `most`. Errors: invalid, a refusal().
Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t least, std::uint64_t most);

}  // namespace sidefridge::text
