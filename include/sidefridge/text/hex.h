// hex.h - bytes as hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

namespace sidefridge::text {

/// Appends the two hexadecimal digits of a byte, in lower case.
inline void append_hex(std::string& out, unsigned char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += digits[byte >> 4];
  out += digits[byte & 0xf];
}

}  // namespace sidefridge::text
