// sequence_key.h - a number as a key: eight bytes, big-endian, so that bytewise order is the order of numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sidefridge::store {

inline std::string format_key(std::uint64_t number) {
  std::string key(sizeof number, '\0');
  for (std::size_t i = key.size(); i-- > 0; number >>= 8) key[i] = static_cast<char>(number & 0xff);
  return key;
}

/// Of a key of another length as much as there is of it.
inline std::uint64_t parse_key(std::string_view key) {
  std::uint64_t number = 0;
  for (const char byte : key.substr(0, sizeof number)) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

}  // namespace sidefridge::store
