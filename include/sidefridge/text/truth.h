// truth.h - true or false, as people write it.
#pragma once

#include <optional>
#include <string_view>

namespace sidefridge::text {

/// Reads true and false, yes and no, on and off, 1 and 0, in any case, with white space at the ends.
/// Returns: nothing for anything else.
std::optional<bool> parse_truth(std::string_view text);

}  // namespace sidefridge::text
