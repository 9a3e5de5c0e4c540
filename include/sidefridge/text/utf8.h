// utf8.h - where one character ends and the next begins (RFC 3629).
#pragma once

#include <cstddef>
#include <string_view>

namespace sidefridge::text {

/// The length in bytes of the character of two to four bytes that `text` begins with. Requires: a byte at least.
/// Returns: 0 when it begins with none: ASCII, an overlong form, a surrogate, anything cut off.
std::size_t multibyte_length(std::string_view text) noexcept;

}  // namespace sidefridge::text
